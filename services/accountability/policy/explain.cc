#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "services/accountability/policy/evaluate.h"
#include "services/accountability/policy/steps.h"

namespace waterline::accountability {
namespace {

using common::v1::ReleaseLevel;
using enum common::v1::ReleaseLevel;

constexpr size_t kOfOthersMax = 10;
constexpr char kParties[] = "parties";

// An agreement, and whether the two are its parties; if not, it lies between the controller and
// others.
struct Held {
  Passage passage;
  bool is_between;
};

// Where nothing lies between the two, the controller is told what it has with others: that is how
// near the answer was. Nobody else learns of it.
std::vector<Held> AgreementsFor(const Snapshot& rules, const v1::Question& question,
                                bool to_controller) {
  static const auto* anybody = new CompiledRecipient();
  std::vector<Held> held;
  for (const auto& one : rules.Between(question.controller(), question.caller().organisation()))
    held.push_back({one, true});
  if (!held.empty() || !to_controller || IsOwn(question)) return held;
  const std::string controller = "organisations/" + question.controller();
  const Word all(controller);
  for (const auto& one : rules.ProvidedBy(question.controller()))
    held.push_back({{one, anybody, one->scopes.contains(all)}, false});
  return held;
}

v1::Candidate Tell(const Candidacy& candidacy, bool is_between, bool to_controller) {
  v1::Candidate told;
  told.set_agreement(candidacy.agreement.name);
  told.set_reference(candidacy.agreement.reference);
  told.set_version(candidacy.agreement.version);
  told.set_cap(candidacy.cap);
  uint32_t failed = is_between ? 0 : 1;
  auto* parties = told.add_conditions();
  parties->set_condition(kParties);
  parties->set_held(is_between);
  if (!is_between) parties->set_detail(candidacy.question.caller().organisation() + " is none");
  for (const auto& rule : ConditionRules()) {
    if (rule.tells_of_the_records && !to_controller) continue;
    auto* condition = told.add_conditions();
    condition->set_condition(rule.name);
    condition->set_held(rule.holds(candidacy));
    if (condition->held()) continue;
    condition->set_detail(rule.detail(candidacy));
    ++failed;
  }
  told.set_failed(failed);
  return told;
}

// The remedies of the nearest candidate's failures.
std::vector<std::string> RemediesOf(const Candidacy& nearest, bool to_controller) {
  std::vector<std::string> remedies;
  for (const auto& rule : ConditionRules()) {
    if ((rule.tells_of_the_records && !to_controller) || rule.holds(nearest)) continue;
    remedies.push_back(rule.remedy(nearest));
  }
  return remedies;
}

void TellCandidates(const Snapshot& rules, const Asked& asked, int64_t now_ms, bool to_controller,
                    v1::Explanation* told) {
  const auto& question = asked.question;
  const auto held = AgreementsFor(rules, question, to_controller);
  std::vector<std::pair<v1::Candidate, const Held*>> all;
  for (const auto& one : held) {
    all.emplace_back(Tell(Candidacy(one.passage, asked, now_ms), one.is_between, to_controller),
                     &one);
  }
  // Nearest is what got furthest, as the refusal's code has it, and then what failed least.
  const auto distance = [&](const auto& one) {
    const size_t reached = FirstFailure(Candidacy(one.second->passage, asked, now_ms));
    return std::make_pair(ConditionRules().size() - reached, one.first.failed());
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  const bool refused = told->result() == v1::RESULT_DENY;
  const bool is_between = !all.empty() && all.front().second->is_between;
  if (refused && is_between) {
    const Candidacy nearest(all.front().second->passage, asked, now_ms);
    for (const auto& remedy : RemediesOf(nearest, to_controller)) told->add_what_would_help(remedy);
  }
  if (refused && !is_between && !IsOwn(question))
    told->add_what_would_help("an agreement between the two; draft one from this refusal");
  if (!is_between && all.size() > kOfOthersMax) all.resize(kOfOthersMax);
  for (auto& [candidate, unused] : all) *told->add_candidates() = std::move(candidate);
}

// What lowered the records, counted by why and how far.
void TellStanding(const Snapshot& rules, const Asked& asked, int64_t now_ms,
                  v1::Explanation* told) {
  const auto& question = asked.question;
  const Choice choice = IsOwn(question) ? Choice() : Choose(rules, asked, now_ms);
  const auto& chosen = choice.chosen;
  if (!IsOwn(question) && !chosen) return;
  int64_t unused = std::numeric_limits<int64_t>::max();
  const auto standings = StandingsOf(rules, question, now_ms, &unused);
  const ReleaseLevel ceiling = chosen ? chosen->cap : asked.level;
  std::map<std::pair<std::string, ReleaseLevel>, uint32_t> effects;
  for (const auto& release : ReleasesOf(asked, standings, ceiling, chosen ? &*chosen : nullptr)) {
    if (release.level < ceiling) ++effects[{std::string(release.reason), release.level}];
  }
  for (const auto& [effect, records] : effects) {
    auto* out = told->add_standing();
    out->set_effect(effect.first);
    out->set_lowered_to(effect.second);
    out->set_records(records);
    if (effect.first.starts_with("PERMISSION_"))
      told->add_what_would_help("the permission of the people concerned (" + effect.first + ")");
  }
}

}  // namespace

v1::Explanation Explain(const Snapshot& rules, const v1::Question& question, int64_t now_ms,
                        bool to_controller) {
  const Asked asked(question);
  const Verdict verdict = Evaluate(rules, question, now_ms);
  v1::Explanation told;
  told.set_result(verdict.result);
  told.set_asked(asked.level);
  told.set_given(verdict.level);
  if (!verdict.reason.empty()) told.add_reasons(verdict.reason);
  told.set_organisation("organisations/" + question.caller().organisation());
  told.set_controller(ControllerName(question.controller()));
  told.set_purpose(question.purpose());
  told.set_operation(question.operation());
  told.set_role(question.caller().role());
  *told.mutable_categories() = question.categories();
  told.set_policy_revision(verdict.revision);
  told.set_relied_on(verdict.agreement);
  told.set_complete(to_controller);
  TellCandidates(rules, asked, now_ms, to_controller, &told);
  if (to_controller) TellStanding(rules, asked, now_ms, &told);
  return told;
}

}  // namespace waterline::accountability
