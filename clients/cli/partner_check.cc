#include "clients/cli/partner_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include "clients/cli/credentials.h"
#include "services/common/clock/clock.h"
#include "services/common/identity/certificate.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/common/text/utf8.h"
#include "waterline/accountability/v1/agreement_service.pb.h"

namespace waterline::cli {
namespace {

using std::chrono::milliseconds;

absl::Status Fault(absl::StatusCode code, const std::string& sentence) {
  return absl::Status(code, sentence);
}

// Any of them, in small letters.
bool Holds(const absl::Status& status, std::initializer_list<std::string_view> parts) {
  const std::string message = text::ToLower(std::string(status.message()));
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return message.find(part) != std::string::npos;
  });
}

// gRPC tells in words only why there is no connection.
absl::Status WhyNoConnection(const absl::Status& status, const std::string& server,
                             const std::string& turned_away) {
  if (Holds(status, {"certificate verify failed", "certificate_verify_failed", "hostname verif"}))
    return Fault(absl::StatusCode::kFailedPrecondition,
                 "the certificate of " + server +
                     " is not signed by --tls-ca, or is for another name; ask the host for its "
                     "authority, and use the name of the server as the invitation says it");
  if (Holds(status, {"wrong version number", "wrong_version_number"}))
    return Fault(absl::StatusCode::kFailedPrecondition,
                 "what answers at " + server + " does not speak TLS; check --server");
  // With TLS 1.3 a client learns that it was turned away when its first call breaks off.
  if (Holds(status, {"socket closed", "connection reset", "broken pipe", "alert"}))
    return Fault(
        absl::StatusCode::kUnauthenticated,
        server + " ends the connection: it does not let the certificate in. " + turned_away);
  return Error(reason::kUnavailable, "cannot reach " + server +
                                         ": nothing answers there. Check --server, and whether a "
                                         "firewall is between");
}

absl::StatusOr<identity::Certificate> OwnCertificate(Session* session) {
  WATERLINE_ASSIGN_OR_RETURN(const auto pem,
                             ReadFirstCertificate(session->Setting("tls-certificate")));
  return identity::Certificate::Parse(pem);
}

absl::Status CheckSettings(Session* session, std::vector<CheckLine>* lines) {
  for (const char* key : {"tls-certificate", "tls-key", "tls-ca", "token-key"}) {
    if (session->Setting(key).empty())
      return BadFields({{"--" + std::string(key), "is needed to call a real network"}});
  }
  WATERLINE_RETURN_IF_ERROR(session->channel("/").status());
  WATERLINE_ASSIGN_OR_RETURN(const auto certificate, OwnCertificate(session));
  WATERLINE_ASSIGN_OR_RETURN(const auto pem, ReadFileOf(session->Setting("tls-certificate")));
  WATERLINE_ASSIGN_OR_RETURN(const auto key, ReadFileOf(session->Setting("tls-key")));
  if (identity::CheckPair(pem, key) != identity::PairFault::kNone)
    return BadFields({{"--tls-key", "is not the private key of --tls-certificate"}});
  WATERLINE_ASSIGN_OR_RETURN(const auto uri, certificate.Uri());
  lines->push_back({"settings", false, "certificate of " + uri});
  return absl::OkStatus();
}

absl::Status CheckDates(Session* session, std::vector<CheckLine>* lines) {
  WATERLINE_ASSIGN_OR_RETURN(const auto certificate, OwnCertificate(session));
  const auto valid = certificate.Valid();
  const int64_t now = SystemClock().NowMs();
  if (now >= valid.until)
    return Fault(absl::StatusCode::kUnauthenticated,
                 "the certificate of --tls-certificate ended at " +
                     text::FormatInstant(valid.until) +
                     "; issue a new one with the authority that the host has pinned");
  if (now < valid.from)
    return Fault(absl::StatusCode::kUnauthenticated,
                 "the certificate of --tls-certificate begins only at " +
                     text::FormatInstant(valid.from) + "; compare the clocks");
  const int64_t days = DaysLeft(valid.until - now);
  const bool soon = days < kDaysLeftWarning;
  lines->push_back({"certificate", soon,
                    fmt::format("ends in {} days{}", days, soon ? ": issue a new one soon" : "")});
  return absl::OkStatus();
}

absl::Status CheckClock(const Met& met, std::vector<CheckLine>* lines) {
  if (!met.clock_ahead) {
    lines->push_back({"clock", true, "the server does not say its time"});
    return absl::OkStatus();
  }
  const double seconds = static_cast<double>(met.clock_ahead->count()) / 1000;
  if (std::chrono::abs(*met.clock_ahead) > kClocksDifferMax)
    return Fault(absl::StatusCode::kFailedPrecondition,
                 fmt::format("the clocks differ: the server's is {:.0f} s {}; at most 30 s are "
                             "allowed. Set this machine's clock (NTP)",
                             std::abs(seconds), seconds > 0 ? "ahead" : "behind"));
  lines->push_back({"clock", false, fmt::format("differs by {:.1f} s", std::abs(seconds))});
  return absl::OkStatus();
}

absl::Status CheckLedgerKey(const Met& met, const std::string& ledger_key,
                            std::vector<CheckLine>* lines) {
  const auto& answer = met.answer;
  if (ledger_key.empty()) {
    lines->push_back(
        {"ledger key", true,
         answer.ledger_key() + ": compare it with the invitation (--invitation or --ledger-key)"});
    return absl::OkStatus();
  }
  if (answer.ledger_key() != ledger_key)
    return Fault(absl::StatusCode::kDataLoss,
                 "the server signs its ledger with another key than was handed over: this is "
                 "another network, or its ledger began anew. Ask the host before you go on");
  lines->push_back({"ledger key", false, "is the one that was handed over"});
  return absl::OkStatus();
}

absl::Status CheckMember(const Met& met, std::vector<CheckLine>* lines) {
  const auto& answer = met.answer;
  if (!answer.member())
    return Error(reason::kNotMember,
                 "the network knows " + answer.organisation() + ", but it is no member yet");
  lines->push_back({"member", answer.test(),
                    answer.organisation() + " of " + answer.network() +
                        (answer.test() ? ", as a TEST organisation" : "")});
  return absl::OkStatus();
}

}  // namespace

int64_t DaysLeft(int64_t ms) {
  constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
  return ms < 0 ? -1 : ms / kDayMs;
}

absl::StatusOr<Met> Meet(Session* session) {
  SystemClock clock;
  const int64_t before = clock.NowMs();
  Met met;
  WATERLINE_ASSIGN_OR_RETURN(
      met.answer, session->Get<registry::v1::WhoAmIResponse>(registry::v1::WhoAmIRequest()));
  const int64_t middle = before + (clock.NowMs() - before) / 2;
  if (met.answer.has_server_time())
    met.clock_ahead = milliseconds(text::ToMs(met.answer.server_time()) - middle);
  return met;
}

absl::StatusOr<Met> MeetOrSayWhy(Session* session, const std::string& turned_away) {
  auto met = Meet(session);
  if (!absl::IsUnavailable(met.status()) || ReasonOf(met.status())) return met;
  return WhyNoConnection(met.status(), session->Setting("server"), turned_away);
}

absl::StatusOr<std::optional<int64_t>> CertificateMsLeft(Session* session) {
  if (session->Setting("tls-certificate").empty()) return std::optional<int64_t>();
  WATERLINE_ASSIGN_OR_RETURN(const auto certificate, OwnCertificate(session));
  return std::optional<int64_t>(certificate.Valid().until - SystemClock().NowMs());
}

absl::StatusOr<int> AgreementsInForce(Session* session) {
  WATERLINE_ASSIGN_OR_RETURN(const auto all,
                             session->ListAll(accountability::v1::ListAgreementsRequest()));
  int in_force = 0;
  for (const auto& item : all) {
    const auto& agreement = static_cast<const accountability::v1::Agreement&>(*item);
    if (agreement.state() == accountability::v1::AGREEMENT_STATE_ACTIVE) ++in_force;
  }
  return in_force;
}

absl::Status CheckPartner(Session* session, const std::string& ledger_key,
                          std::vector<CheckLine>* lines) {
  const std::string server = session->Setting("server");
  WATERLINE_RETURN_IF_ERROR(CheckSettings(session, lines));
  WATERLINE_RETURN_IF_ERROR(CheckDates(session, lines));
  WATERLINE_ASSIGN_OR_RETURN(
      const auto met, MeetOrSayWhy(session,
                                   "The host has pinned another authority, or has not confirmed "
                                   "the joining yet"));
  lines->push_back({"server", false, server + ", version " + met.answer.server_version()});
  WATERLINE_RETURN_IF_ERROR(CheckClock(met, lines));
  WATERLINE_RETURN_IF_ERROR(CheckLedgerKey(met, ledger_key, lines));
  // WhoAmI answers everybody; this one says why an identity does not hold.
  const auto in_force = AgreementsInForce(session);
  if (absl::IsUnauthenticated(in_force.status())) return in_force.status();
  lines->push_back({"identity", false, met.answer.actor() + ", " + met.answer.role()});
  WATERLINE_RETURN_IF_ERROR(CheckMember(met, lines));
  if (!in_force.ok()) return in_force.status();
  lines->push_back({"agreements", false, fmt::format("{} in force", *in_force)});
  return absl::OkStatus();
}

}  // namespace waterline::cli
