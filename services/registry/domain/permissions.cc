#include "services/registry/domain/permissions.h"

#include "services/common/data/code_lists.h"
#include "services/common/text/date.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"

namespace waterline::registry {
namespace {

constexpr int64_t kClockSkewMs = 5 * 60 * 1000;
constexpr size_t kSourceTextMax = 2'000;
constexpr size_t kReasonMax = 500;
constexpr size_t kNoticeMax = 64;

void CheckText(const std::string& field, const std::string& value, size_t min, size_t max,
               std::vector<FieldViolation>* violations) {
  const std::string problem = text::TextProblem(value, min, max);
  if (!problem.empty()) violations->push_back({field, problem});
  if (text::HoldsNhsNumber(value))
    violations->push_back({field, "looks like an NHS number, which is not kept here"});
}

void CheckTimes(const v1::Permission& permission, const std::vector<v1::Permission>& history,
                int64_t now_ms, std::vector<FieldViolation>* violations) {
  if (!permission.has_given_at()) {
    violations->push_back({"permission.given_at", "is required: when the person said so"});
    return;
  }
  const int64_t given_ms = text::ToMs(permission.given_at());
  if (given_ms > now_ms + kClockSkewMs)
    violations->push_back({"permission.given_at", "lies in the future"});
  if (permission.has_expires_at() && permission.decision() != v1::Permission::DECISION_GIVEN)
    violations->push_back({"permission.expires_at", "belongs to what is given"});
  if (permission.has_expires_at() && text::ToMs(permission.expires_at()) <= given_ms)
    violations->push_back({"permission.expires_at", "is not after given_at"});
  if (permission.decision() != v1::Permission::DECISION_WITHDRAWN) return;
  bool given_before = false;
  for (const auto& one : history)
    given_before = given_before || (one.kind() == permission.kind() &&
                                    one.decision() == v1::Permission::DECISION_GIVEN &&
                                    text::ToMs(one.given_at()) <= given_ms);
  if (!given_before)
    violations->push_back(
        {"permission.decision", "withdraws what was not given before; record it as refused"});
}

}  // namespace

std::vector<FieldViolation> CheckPermission(const v1::Permission& permission,
                                            const std::vector<v1::Permission>& history,
                                            int64_t now_ms) {
  std::vector<FieldViolation> violations;
  if (!data::IsKnownCode("permission_kind", permission.kind()))
    violations.push_back({"permission.kind", "is not in the code list permission_kind"});
  if (permission.decision() == v1::Permission::DECISION_UNSPECIFIED ||
      !v1::Permission::Decision_IsValid(permission.decision()))
    violations.push_back({"permission.decision", "is not given, refused or withdrawn"});
  if (!data::IsKnownCode("permission_method", permission.method()))
    violations.push_back({"permission.method", "is not in the code list permission_method"});
  CheckText("permission.notice_version", permission.notice_version(), 1, kNoticeMax, &violations);
  CheckText("permission.source_text", permission.source_text(), 0, kSourceTextMax, &violations);
  CheckTimes(permission, history, now_ms, &violations);
  return violations;
}

const v1::Permission* CurrentOf(const std::string& kind,
                                const std::vector<v1::Permission>& history) {
  const v1::Permission* current = nullptr;
  for (const auto& one : history) {
    if (one.kind() != kind) continue;
    if (current == nullptr || text::ToMs(one.given_at()) >= text::ToMs(current->given_at()))
      current = &one;
  }
  return current;
}

void MarkSuperseded(std::vector<v1::Permission>* history) {
  for (auto& one : *history) one.set_superseded(CurrentOf(one.kind(), *history) != &one);
}

void MarkSuperseded(std::vector<v1::Standing>* history) {
  for (size_t i = 0; i < history->size(); ++i) {
    bool later = false;
    for (size_t k = i + 1; k < history->size(); ++k)
      later = later || (*history)[k].kind() == (*history)[i].kind();
    (*history)[i].set_superseded(later);
  }
}

std::vector<FieldViolation> CheckStanding(v1::Standing::Kind kind, const std::string& reason) {
  std::vector<FieldViolation> violations;
  if (kind == v1::Standing::KIND_UNSPECIFIED || !v1::Standing::Kind_IsValid(kind))
    violations.push_back({"kind", "is not objection, restriction or hold"});
  CheckText("reason", reason, 1, kReasonMax, &violations);
  return violations;
}

absl::Status CheckStandingMove(v1::Standing::Kind kind, bool lift,
                               const std::vector<v1::Standing>& history) {
  bool set = false;
  for (const auto& one : history)
    if (one.kind() == kind) set = !one.lifted();
  if (set != lift) {
    return Error(reason::kStateForbids,
                 set ? "it is set already; lift it first" : "it is not set, so nothing to lift",
                 {{"state", set ? "set" : "lifted"}, {"wanted", lift ? "lifted" : "set"}});
  }
  return absl::OkStatus();
}

std::string StandingName(v1::Standing::Kind kind) {
  if (kind == v1::Standing::KIND_OBJECTION) return "objection";
  return kind == v1::Standing::KIND_RESTRICTION ? "restriction" : "hold";
}

}  // namespace waterline::registry
