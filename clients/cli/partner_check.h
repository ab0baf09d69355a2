#pragma once

// Whether a partner's settings work with a network: step by step until one fails, which is named
// with what to do. Thread safety: one thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cli/session.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {

inline constexpr std::chrono::seconds kClocksDifferMax{30};  // As much as tokens allow.
inline constexpr int kDaysLeftWarning = 14;

// Whole days of what is left in milliseconds; -1 when it is over.
int64_t DaysLeft(int64_t ms);

struct CheckLine {
  std::string check;
  bool warning = false;
  std::string what;
};

// `ledger_key`: to compare with; empty: it is shown for comparing. The lines of the steps that
// passed; the error is the fault, and stops the rest.
absl::Status CheckPartner(Session* session, const std::string& ledger_key,
                          std::vector<CheckLine>* lines);

// -- The parts of it that `whoami` shows too --

// What WhoAmI answered, and how far the server's clock is ahead of ours.
struct Met {
  registry::v1::WhoAmIResponse answer;
  std::optional<std::chrono::milliseconds> clock_ahead;  // Nothing: the server does not say.
};
absl::StatusOr<Met> Meet(Session* session);
// The same, and in words why there is no connection; `turned_away` says what it means when the
// server does not let the certificate in.
absl::StatusOr<Met> MeetOrSayWhy(Session* session, const std::string& turned_away);

// Until the certificate of the settings ends; nothing without one.
absl::StatusOr<std::optional<int64_t>> CertificateMsLeft(Session* session);

// How many agreements of the caller answers may rely on now.
absl::StatusOr<int> AgreementsInForce(Session* session);

}  // namespace waterline::cli
