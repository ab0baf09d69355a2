#include "services/accountability/policy/conditions.h"

#include <algorithm>

#include "fmt/format.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

using common::v1::ReleaseLevel;
using enum common::v1::ReleaseLevel;

constexpr std::string_view kPlatformAdmin = "platform_admin";

// CONTRIBUTION_TEXT -> contribution_text.
std::string Lower(const std::string& name, std::string_view prefix) {
  return text::ToLower(name.starts_with(prefix) ? name.substr(prefix.size()) : name);
}
std::string CategoryWord(int category) {
  return Lower(common::v1::Category_Name(static_cast<common::v1::Category>(category)), "CATEGORY_");
}
std::string OperationWord(v1::Operation operation) {
  return Lower(v1::Operation_Name(operation), "OPERATION_");
}

std::vector<std::string> Sorted(const WordSet& words) {
  auto texts = words.texts();
  std::sort(texts.begin(), texts.end());
  return texts;
}

// Reading rows, as against computing one answer from them.
bool ReadsRows(v1::Operation operation) {
  return operation != v1::OPERATION_COUNT && operation != v1::OPERATION_INFER &&
         operation != v1::OPERATION_WRITE;
}

// The highest level of a category under the agreement. Monitoring leaves in aggregates only.
ReleaseLevel HighestOf(const CompiledAgreement& agreement, int category) {
  const auto index = static_cast<size_t>(category);
  if (index >= agreement.highest.size()) return RELEASE_LEVEL_UNSPECIFIED;
  const auto level = static_cast<ReleaseLevel>(agreement.highest[index]);
  if (category == common::v1::CATEGORY_EQUALITY_MONITORING)
    return std::min(level, RELEASE_LEVEL_AGGREGATE);
  return level;
}

ReleaseLevel LevelOf(const v1::Question& question) {
  const bool is_unset = question.asked() == RELEASE_LEVEL_UNSPECIFIED ||
                        question.asked() > RELEASE_LEVEL_IDENTIFIABLE;
  return is_unset ? RELEASE_LEVEL_IDENTIFIABLE : question.asked();
}

bool NeedsThePerson(const v1::Question& question) {
  const auto& categories = question.categories();
  return std::any_of(categories.begin(), categories.end(), [](const int category) {
    return category == common::v1::CATEGORY_CONTACT ||
           category == common::v1::CATEGORY_ACCESS_NEEDS;
  });
}

ReleaseLevel CapOf(const CompiledAgreement& agreement, const CompiledRecipient& recipient,
                   const Asked& asked) {
  const v1::Question& question = asked.question;
  ReleaseLevel cap = asked.level;
  for (const int category : question.categories())
    cap = std::min(cap, HighestOf(agreement, category));
  const bool computed =
      question.operation() == v1::OPERATION_COUNT || question.operation() == v1::OPERATION_INFER;
  const bool onward_in_aggregate = question.operation() == v1::OPERATION_ONWARD &&
                                   agreement.onward == v1::ONWARD_SHARING_AGGREGATE_ONLY;
  if (computed || onward_in_aggregate || recipient.anonymous_only)
    return std::min(cap, RELEASE_LEVEL_AGGREGATE);
  return cap;
}

// ---- The conditions -----------------------------------------------------------------------------

// Its end has come, whether the entry that says so is written yet or not: both are one to whoever
// asks why.
bool HasExpired(const Candidacy& c) {
  if (c.agreement.state == v1::AGREEMENT_STATE_EXPIRED) return true;
  const bool can_expire = c.agreement.state == v1::AGREEMENT_STATE_AGREED ||
                          c.agreement.state == v1::AGREEMENT_STATE_SUSPENDED;
  return can_expire && c.now_ms >= c.agreement.end_ms;
}

// What has expired fails by its dates: nothing but later ones would help.
bool StateHolds(const Candidacy& c) {
  return (c.agreement.state == v1::AGREEMENT_STATE_AGREED || HasExpired(c)) && c.agreement.complete;
}
std::string StateDetail(const Candidacy& c) {
  if (c.agreement.state == v1::AGREEMENT_STATE_AGREED || HasExpired(c))
    return "not signed by all, or not assessed";
  return Lower(v1::AgreementState_Name(c.agreement.state), "AGREEMENT_STATE_");
}
std::string StateRemedy(const Candidacy&) {
  return "put the agreement in force: signatures and assessment, or resume it";
}

bool DatesHold(const Candidacy& c) {
  return c.agreement.start_ms <= c.now_ms && c.now_ms < c.agreement.end_ms &&
         c.now_ms < c.agreement.review_due_ms && !HasExpired(c);
}
std::string DatesDetail(const Candidacy& c) {
  if (c.now_ms >= c.agreement.end_ms || HasExpired(c)) return "has ended";
  return c.now_ms < c.agreement.start_ms ? "has not begun" : "its review is overdue";
}
std::string DatesRemedy(const Candidacy&) { return "a new version with later dates"; }

bool PurposeHolds(const Candidacy& c) { return (c.agreement.purposes & c.asked.purpose) != 0; }
std::string PurposeDetail(const Candidacy& c) {
  return fmt::format("has {}", fmt::join(c.agreement.purpose_codes, ", "));
}
std::string PurposeRemedy(const Candidacy& c) {
  return fmt::format("an agreement that also has the purpose {}", c.question.purpose());
}

// A question does not say who is third, so it cannot be held against a list of parties.
bool OperationHolds(const Candidacy& c) {
  if (c.question.operation() == v1::OPERATION_ONWARD &&
      c.agreement.onward == v1::ONWARD_SHARING_NAMED_PARTIES)
    return false;
  return (c.agreement.operations >> c.question.operation() & 1u) != 0;
}
std::string OperationDetail(const Candidacy& c) {
  return fmt::format("does not allow {}", OperationWord(c.question.operation()));
}
std::string OperationRemedy(const Candidacy& c) {
  return fmt::format("an agreement that allows {}", OperationWord(c.question.operation()));
}

bool RoleHolds(const Candidacy& c) {
  if (c.asked.role.text == kPlatformAdmin) return false;
  if (c.recipient->roles.empty()) return true;
  const auto place = c.recipient->roles.Find(c.asked.role);
  return place && (c.recipient->purposes[*place] & c.asked.purpose) != 0;
}
std::string RoleDetail(const Candidacy& c) {
  const auto roles = Sorted(c.recipient->roles);
  return roles.empty() ? "operators see no content" : fmt::format("for {}", fmt::join(roles, ", "));
}
std::string RoleRemedy(const Candidacy& c) {
  return fmt::format("a role of the agreement, or an agreement that names {}",
                     c.question.caller().role());
}

bool CategoryHolds(const Candidacy& c) {
  const auto& categories = c.question.categories();
  if (c.asked.needs_the_person && c.cap < RELEASE_LEVEL_IDENTIFIABLE) return false;
  return !categories.empty() &&
         std::all_of(categories.begin(), categories.end(), [&](const int category) {
           return HighestOf(c.agreement, category) > RELEASE_LEVEL_NOTHING;
         });
}
std::string CategoryDetail(const Candidacy& c) {
  std::vector<std::string> missing;
  for (const int category : c.question.categories()) {
    if (HighestOf(c.agreement, category) <= RELEASE_LEVEL_NOTHING)
      missing.push_back(CategoryWord(category));
  }
  if (missing.empty()) return "does not release this with the person, without whom it is nothing";
  return fmt::format("lacks {}", fmt::join(missing, ", "));
}
std::string CategoryRemedy(const Candidacy& c) {
  std::vector<std::string> wanted;
  for (const int category : c.question.categories()) wanted.push_back(CategoryWord(category));
  return fmt::format("an agreement that covers {}", fmt::join(wanted, ", "));
}

bool ApprovalHolds(const Candidacy& c) {
  return c.question.purpose() != "research" ||
         (!c.agreement.research_approval.empty() &&
          c.agreement.research_approval == c.question.approval());
}
std::string ApprovalDetail(const Candidacy&) { return "names another approval, or none"; }
std::string ApprovalRemedy(const Candidacy&) {
  return "the research approval that the agreement names, sent with the call";
}

bool LevelHolds(const Candidacy& c) {
  const auto& categories = c.question.categories();
  return c.cap > RELEASE_LEVEL_AGGREGATE || !ReadsRows(c.question.operation()) ||
         std::none_of(categories.begin(), categories.end(), IsPersonal);
}
std::string LevelDetail(const Candidacy&) { return "releases aggregates only"; }
std::string LevelRemedy(const Candidacy&) {
  return "count instead of reading, or an agreement that allows pseudonymised release";
}

bool ScopeHolds(const Candidacy& c) {
  const auto& records = c.question.records();
  const auto reached = [&](const v1::RecordFacts& record) { return Covers(c, &record); };
  const bool writes = c.question.operation() == v1::OPERATION_WRITE;
  if (writes && !records.empty()) return std::all_of(records.begin(), records.end(), reached);
  if (c.question.whole_collection() && !writes) return true;  // The rest is left out.
  if (records.empty()) return Covers(c, nullptr);
  return std::any_of(records.begin(), records.end(), reached);
}
std::string ScopeDetail(const Candidacy& c) {
  return fmt::format("reaches {}", fmt::join(Sorted(c.agreement.scopes), ", "));
}
std::string ScopeRemedy(const Candidacy& c) {
  if (c.question.scopes().empty()) return "an agreement over all of the controller's records";
  return fmt::format("an agreement that reaches {}", fmt::join(c.question.scopes(), " or "));
}

}  // namespace

bool IsPersonal(int category) {
  switch (category) {
    case common::v1::CATEGORY_PARTICIPANT_PROFILE:
    case common::v1::CATEGORY_CONTACT:
    case common::v1::CATEGORY_EQUALITY_MONITORING:
    case common::v1::CATEGORY_ACCESS_NEEDS:
    case common::v1::CATEGORY_PERMISSIONS:
    case common::v1::CATEGORY_ATTENDANCE:
    case common::v1::CATEGORY_CONTRIBUTION_TEXT:
    case common::v1::CATEGORY_REACTION:
    case common::v1::CATEGORY_INDICATOR_RESPONSE:
      return true;
    default:
      return false;
  }
}

bool Covers(const Candidacy& candidacy, const v1::RecordFacts* record) {
  if (candidacy.reaches_all) return true;
  const auto& scopes = record == nullptr || record->scopes().empty() ? candidacy.question.scopes()
                                                                     : record->scopes();
  return std::any_of(scopes.begin(), scopes.end(), [&](const std::string& scope) {
    return candidacy.agreement.scopes.contains(Word(scope));
  });
}

Asked::Asked(const v1::Question& of)
    : question(of),
      level(LevelOf(of)),
      purpose(PurposeOf(of.purpose())),
      role(of.caller().role()),
      needs_the_person(NeedsThePerson(of)) {}

Candidacy::Candidacy(const Passage& passage, const Asked& of, int64_t now)
    : agreement(*passage.agreement),
      asked(of),
      question(of.question),
      now_ms(now),
      recipient(passage.recipient),
      reaches_all(passage.reaches_all),
      cap(CapOf(agreement, *recipient, of)) {}

const std::vector<ConditionRule>& ConditionRules() {
  static const auto* rules = new std::vector<ConditionRule>{
      {"state", "AGREEMENT_NOT_ACTIVE", false, StateHolds, StateDetail, StateRemedy},
      {"dates", "AGREEMENT_NOT_ACTIVE", false, DatesHold, DatesDetail, DatesRemedy},
      {"purpose", "PURPOSE_NOT_COVERED", false, PurposeHolds, PurposeDetail, PurposeRemedy},
      {"operation", "OPERATION_NOT_COVERED", false, OperationHolds, OperationDetail,
       OperationRemedy},
      {"role", "ROLE_NOT_COVERED", false, RoleHolds, RoleDetail, RoleRemedy},
      {"category", "CATEGORY_NOT_COVERED", false, CategoryHolds, CategoryDetail, CategoryRemedy},
      {"approval", "APPROVAL_REQUIRED", false, ApprovalHolds, ApprovalDetail, ApprovalRemedy},
      {"level", "LEVEL_NOT_COVERED", false, LevelHolds, LevelDetail, LevelRemedy},
      {"scope", "NOT_COVERED", true, ScopeHolds, ScopeDetail, ScopeRemedy},
  };
  return *rules;
}

}  // namespace waterline::accountability
