#pragma once

// Errors that name their reason. Every error that leaves a service carries one google.rpc.ErrorInfo
// (reason, domain, metadata) as a payload of its absl::Status; the rpc layer copies the payloads to
// the wire. Messages say what, where and what to do; they never hold a personal value.
// Thread safety: pure functions.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace waterline {

// One wrong field of a request. `field` is the path in the request (`event.title`,
// `rows[3].response`), `description` plain words without the value.
struct FieldViolation {
  std::string field;
  std::string description;
};

// A reason belongs to the package whose `ErrorReason` enum lists it; `name` is the enum value
// without its prefix (ETAG_MISMATCH), `domain` is `<service>.waterline`.
struct Reason {
  absl::StatusCode code;
  std::string_view name;
  std::string_view domain;
};

using ErrorMetadata = std::vector<std::pair<std::string, std::string>>;

// An error with its ErrorInfo payload.
absl::Status Error(const Reason& reason, std::string message, const ErrorMetadata& metadata = {});

// INVALID_ARGUMENT / INVALID_FIELDS with all violations in one BadRequest. Precondition: not empty.
absl::Status BadFields(const std::vector<FieldViolation>& violations);

// The same status with a google.rpc.RetryInfo payload.
absl::Status WithRetryAfter(absl::Status status, int64_t retry_after_ms);

// The reason of an error, or nothing for a status without ErrorInfo.
std::optional<std::string> ReasonOf(const absl::Status& status);
std::optional<std::string> MetadataOf(const absl::Status& status, std::string_view key);
std::vector<FieldViolation> ViolationsOf(const absl::Status& status);

// Reasons that every service may return (waterline.common.v1.ErrorReason).
namespace reason {
inline constexpr std::string_view kCommonDomain = "common.waterline";
inline constexpr Reason kInvalidFields{absl::StatusCode::kInvalidArgument, "INVALID_FIELDS",
                                       kCommonDomain};
inline constexpr Reason kPurposeRequired{absl::StatusCode::kPermissionDenied, "PURPOSE_REQUIRED",
                                         kCommonDomain};
inline constexpr Reason kAgreementNotFound{absl::StatusCode::kPermissionDenied,
                                           "AGREEMENT_NOT_FOUND", kCommonDomain};
inline constexpr Reason kNotController{absl::StatusCode::kPermissionDenied, "NOT_CONTROLLER",
                                       kCommonDomain};
inline constexpr Reason kNotMember{absl::StatusCode::kPermissionDenied, "NOT_MEMBER",
                                   kCommonDomain};
inline constexpr Reason kRoleNotPermitted{absl::StatusCode::kPermissionDenied, "ROLE_NOT_PERMITTED",
                                          kCommonDomain};
inline constexpr Reason kNotFound{absl::StatusCode::kNotFound, "NOT_FOUND", kCommonDomain};
inline constexpr Reason kAlreadyExists{absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
                                       kCommonDomain};
inline constexpr Reason kRequestIdReused{absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
                                         kCommonDomain};
inline constexpr Reason kEtagMismatch{absl::StatusCode::kAborted, "ETAG_MISMATCH", kCommonDomain};
inline constexpr Reason kConflict{absl::StatusCode::kAborted, "CONFLICT", kCommonDomain};
inline constexpr Reason kStateForbids{absl::StatusCode::kFailedPrecondition, "STATE_FORBIDS",
                                      kCommonDomain};
inline constexpr Reason kIdentityMissing{absl::StatusCode::kUnauthenticated, "IDENTITY_MISSING",
                                         kCommonDomain};
inline constexpr Reason kTooLarge{absl::StatusCode::kResourceExhausted, "TOO_LARGE", kCommonDomain};
inline constexpr Reason kBusy{absl::StatusCode::kResourceExhausted, "BUSY", kCommonDomain};
inline constexpr Reason kUnavailable{absl::StatusCode::kUnavailable, "UNAVAILABLE", kCommonDomain};
inline constexpr Reason kStorageFull{absl::StatusCode::kResourceExhausted, "STORAGE_FULL",
                                     kCommonDomain};
inline constexpr Reason kDataDamaged{absl::StatusCode::kDataLoss, "DATA_DAMAGED", kCommonDomain};
inline constexpr Reason kFormatTooNew{absl::StatusCode::kFailedPrecondition, "FORMAT_TOO_NEW",
                                      kCommonDomain};
inline constexpr Reason kKeyMissing{absl::StatusCode::kFailedPrecondition, "KEY_MISSING",
                                    kCommonDomain};
inline constexpr Reason kDeadlineExceeded{absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                                          kCommonDomain};
inline constexpr Reason kUnexpected{absl::StatusCode::kInternal, "UNEXPECTED", kCommonDomain};
inline constexpr Reason kAgreementNotActive{absl::StatusCode::kPermissionDenied,
                                            "AGREEMENT_NOT_ACTIVE", kCommonDomain};
inline constexpr Reason kPurposeNotCovered{absl::StatusCode::kPermissionDenied,
                                           "PURPOSE_NOT_COVERED", kCommonDomain};
inline constexpr Reason kOperationNotCovered{absl::StatusCode::kPermissionDenied,
                                             "OPERATION_NOT_COVERED", kCommonDomain};
inline constexpr Reason kCategoryNotCovered{absl::StatusCode::kPermissionDenied,
                                            "CATEGORY_NOT_COVERED", kCommonDomain};
inline constexpr Reason kRoleNotCovered{absl::StatusCode::kPermissionDenied, "ROLE_NOT_COVERED",
                                        kCommonDomain};
inline constexpr Reason kLevelNotCovered{absl::StatusCode::kPermissionDenied, "LEVEL_NOT_COVERED",
                                         kCommonDomain};
inline constexpr Reason kNotCovered{absl::StatusCode::kPermissionDenied, "NOT_COVERED",
                                    kCommonDomain};
inline constexpr Reason kApprovalRequired{absl::StatusCode::kPermissionDenied, "APPROVAL_REQUIRED",
                                          kCommonDomain};
inline constexpr Reason kJustificationRequired{absl::StatusCode::kPermissionDenied,
                                               "JUSTIFICATION_REQUIRED", kCommonDomain};
inline constexpr Reason kRateLimited{absl::StatusCode::kResourceExhausted, "RATE_LIMITED",
                                     kCommonDomain};
inline constexpr Reason kNotYet{absl::StatusCode::kFailedPrecondition, "NOT_YET", kCommonDomain};
inline constexpr Reason kNotAssessed{absl::StatusCode::kFailedPrecondition, "NOT_ASSESSED",
                                     kCommonDomain};
inline constexpr Reason kSignatoryNotAuthorised{absl::StatusCode::kFailedPrecondition,
                                                "SIGNATORY_NOT_AUTHORISED", kCommonDomain};
inline constexpr Reason kSignedForAnother{absl::StatusCode::kFailedPrecondition,
                                          "SIGNED_FOR_ANOTHER", kCommonDomain};
inline constexpr Reason kPersonalDataFound{absl::StatusCode::kFailedPrecondition,
                                           "PERSONAL_DATA_FOUND", kCommonDomain};
inline constexpr Reason kNotParty{absl::StatusCode::kFailedPrecondition, "NOT_PARTY",
                                  kCommonDomain};
inline constexpr Reason kTokenInvalid{absl::StatusCode::kUnauthenticated, "TOKEN_INVALID",
                                      kCommonDomain};
inline constexpr Reason kTokenExpired{absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED",
                                      kCommonDomain};
inline constexpr Reason kTokenReplayed{absl::StatusCode::kUnauthenticated, "TOKEN_REPLAYED",
                                       kCommonDomain};
inline constexpr Reason kTokenBinding{absl::StatusCode::kUnauthenticated, "TOKEN_BINDING",
                                      kCommonDomain};
inline constexpr Reason kCertificateRefused{absl::StatusCode::kUnauthenticated,
                                            "CERTIFICATE_REFUSED", kCommonDomain};
inline constexpr Reason kIssuerNotPinned{absl::StatusCode::kUnauthenticated, "ISSUER_NOT_PINNED",
                                         kCommonDomain};
}  // namespace reason

}  // namespace waterline
