#pragma once

// The size limits of every call, in one table. Field limits are in the proto comments. Thread
// safety: constants.

#include <chrono>
#include <cstddef>

namespace waterline::rpc {

inline constexpr int kMessageBytesMax = 4 * 1024 * 1024;   // Request or response message.
inline constexpr int kMetadataBytesMax = 16 * 1024;        // All metadata of a call.
inline constexpr size_t kReceiptBytesMax = 4 * 1024;       // waterline-receipt-bin.
inline constexpr size_t kErrorDetailsBytesMax = 7 * 1024;  // grpc-status-details-bin.
inline constexpr int kPageSizeDefault = 50;
inline constexpr int kPageSizeMax = 1000;
inline constexpr size_t kImportPieceBytesMax = 64 * 1024;
inline constexpr std::chrono::seconds kUnaryDeadlineMax{30};
// Questions of one process to accountability.
inline constexpr size_t kDecisionsInFlightMax = 1024;
inline constexpr size_t kDecisionsWaitingMax = 256;
inline constexpr std::chrono::milliseconds kHeartbeatPeriod{400};
// Between the host's services: how often a quiet connection is tried, and how long the other side
// has to answer before it counts as gone.
inline constexpr std::chrono::milliseconds kKeepalivePeriod{5000};
inline constexpr std::chrono::milliseconds kKeepaliveTimeout{5000};
// A draining server answers new calls for this long before it closes its ports: a call that is on
// its way then gets an error that is safe to retry, and not a broken connection.
inline constexpr std::chrono::milliseconds kDrainNotice{100};

}  // namespace waterline::rpc
