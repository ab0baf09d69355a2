#include "clients/cli/errors.h"

#include <algorithm>
#include <iterator>

#include "services/common/status/error.h"

namespace waterline::cli {
namespace {

struct Advice {
  const char* reason;
  const char* next;
};

constexpr char kExplain[] =
    "Repeat it with --receipt; `waterline agreement explain EPOCH/INDEX` says what would help, "
    "`waterline agreement draft --from-refusal EPOCH/INDEX` asks for it.";

constexpr Advice kAdvice[] = {
    {"INVALID_FIELDS", "Correct what is listed and repeat the command."},
    {"PURPOSE_REQUIRED",
     "Say why you ask with --purpose and a code that `waterline codes purpose` lists."},
    {"AGREEMENT_NOT_FOUND", "Leave --agreement out; `waterline agreement list` shows yours."},
    {"AGREEMENT_NOT_ACTIVE",
     "`waterline agreement list` shows its state: sign it, wait for its start, or have it "
     "resumed."},
    {"PURPOSE_NOT_COVERED", kExplain},
    {"OPERATION_NOT_COVERED", kExplain},
    {"CATEGORY_NOT_COVERED", kExplain},
    {"ROLE_NOT_COVERED", kExplain},
    {"LEVEL_NOT_COVERED", "Count instead of reading, or agree on pseudonymised release."},
    {"NOT_COVERED", kExplain},
    {"APPROVAL_REQUIRED", "Send the research approval that the agreement names."},
    {"JUSTIFICATION_REQUIRED", "Say in words why with --justification: 20 to 500 characters."},
    {"RATE_LIMITED", "Wait as long as it says, then repeat the command."},
    {"NOT_YET", "Ask for one controller's records at a time."},
    {"NOT_ASSESSED", "Record the assessment first: `waterline agreement assess`."},
    {"SIGNATORY_NOT_AUTHORISED", "Let one of the roles sign that the agreement names for you."},
    {"SIGNED_FOR_ANOTHER", "Another person must sign for your organisation."},
    {"NOT_PARTY", "The host adds members: `waterline org member add ORGANISATION`."},
    {"PERSONAL_DATA_FOUND", "Redact the text, or quarantine it: `waterline contribution review`."},
    {"NOT_CONTROLLER",
     "Only the organisation that holds it may do this. Check the name, and --org."},
    {"NOT_MEMBER", "The host adds members: `waterline org member add ORGANISATION`."},
    {"ROLE_NOT_PERMITTED",
     "Use a role that may do this with --role; the directory is written by "
     "network_steward of the host."},
    {"NOT_FOUND", "Check the name; the `list` commands show what there is."},
    {"ALREADY_EXISTS", "It is there already, and nothing was changed."},
    {"REQUEST_ID_REUSED", "Use another --request-id, or leave it out."},
    {"ETAG_MISMATCH", "Somebody changed it meanwhile: read it again, then repeat the change."},
    {"CONFLICT", "Another write came between: repeat the command."},
    {"STATE_FORBIDS",
     "Its state does not allow it now: `get` shows the state, `waterline event --help` "
     "the order."},
    {"IDENTITY_MISSING",
     "Say who asks with --org, --actor and --role, or keep them in a context: "
     "`waterline context set NAME --org ... --actor ... --role ...`."},
    {"TOKEN_INVALID",
     "Get a new access token; with --token-key, check that the key is in the key set of your "
     "organisation."},
    {"TOKEN_EXPIRED",
     "Get a new access token; if it is new, compare your clock with the server's."},
    {"TOKEN_REPLAYED", "Repeat the command with a new access token and the same --request-id."},
    {"TOKEN_BINDING",
     "Use the certificate, organisation and purpose that the access token was made for."},
    {"CERTIFICATE_REFUSED",
     "Check --tls-certificate; its organisation issues new ones, and the host takes them."},
    {"ISSUER_NOT_PINNED",
     "Ask the host whether it holds the present issuer and keys of your organisation."},
    {"TOO_LARGE", "Send it in smaller parts."},
    {"BUSY", "Wait a moment, then repeat the command."},
    {"UNAVAILABLE", "Nothing was lost: repeat the command; `waterline status` shows what serves."},
    {"STORAGE_FULL", "Nothing was written. Its operator must make room on the disk."},
    {"DATA_DAMAGED", "Stop, keep the files as they are, and tell the operator."},
    {"FORMAT_TOO_NEW", "Use the version of Waterline that wrote these files, or a newer one."},
    {"KEY_MISSING", "Put the key files back that belong to this data."},
    {"DEADLINE_EXCEEDED", "It took too long: repeat the command."},
    {"UNEXPECTED", "Give the incident id to the operator."},
};

// The message; of several wrong fields a line for each.
std::string Headline(const absl::Status& status) {
  const auto violations = ViolationsOf(status);
  if (violations.empty()) return std::string(status.message());
  if (violations.size() == 1) return violations[0].field + " " + violations[0].description;
  std::string out = std::to_string(violations.size()) + " fields do not fit";
  for (const auto& violation : violations) {
    out += "\n  " + violation.field + " " + violation.description;
  }
  return out;
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitRefused;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitInvalid;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition:
      return kExitConflict;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return kExitUnavailable;
    case absl::StatusCode::kDataLoss:
      return kExitVerification;
    default:
      return kExitOther;
  }
}

std::string NextStep(const std::string& reason) {
  const auto* found = std::find_if(std::begin(kAdvice), std::end(kAdvice),
                                   [&](const Advice& advice) { return reason == advice.reason; });
  return found == std::end(kAdvice) ? "" : found->next;
}

std::string Explain(const absl::Status& status, const std::string& server) {
  const auto reason = ReasonOf(status);
  if (!reason && status.code() == absl::StatusCode::kUnavailable) {
    return "waterline: nothing answers at " + server +
           "\n  next: start it (deploy/local/up), or name another address with --server\n";
  }
  if (!reason && status.code() == absl::StatusCode::kUnimplemented) {
    return "waterline: the server does not offer this call\n  next: `waterline status` shows its "
           "version\n";
  }
  if (!reason && status.code() == absl::StatusCode::kDeadlineExceeded) {
    return "waterline: no answer came in time\n  reason: DEADLINE_EXCEEDED\n  next: " +
           NextStep("DEADLINE_EXCEEDED") + "\n";
  }
  std::string out = "waterline: " + Headline(status) + "\n";
  if (!reason) return out;
  out += "  reason: " + *reason + "\n";
  const std::string next = NextStep(*reason);
  const bool said = status.message().find("`waterline ") != std::string::npos;
  if (!next.empty() && !said) out += "  next: " + next + "\n";
  return out;
}

}  // namespace waterline::cli
