#include "services/accountability/policy/facts.h"

#include "services/accountability/policy/steps.h"
#include "services/common/storage/byte_order.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

using text::IdOf;
constexpr size_t kSubjectIdBytes = 16;
constexpr char kJustified[] = "given when it was decided";  // At least 20 characters.

// A stand-in for a subject id that was not kept.
std::string Numbered(uint32_t place) {
  std::string id(kSubjectIdBytes - sizeof(uint64_t), '\0');
  return id + waterline::storage::BigEndian(place);
}

}  // namespace

v1::DecisionFacts KeptFacts(const v1::Question& question, const Verdict& verdict,
                            const Snapshot& rules, int64_t now_ms) {
  v1::DecisionFacts facts;
  facts.set_agreement_asked(question.agreement());
  facts.set_caller_is_member(question.caller_is_member());
  facts.set_caller_is_party(question.caller_is_party());
  facts.set_approval(question.approval());
  facts.set_justified(IsJustified(question));
  // One's own records, all of them as asked for: nothing of them bears on the answer.
  if (IsOwn(question) && verdict.result == v1::RESULT_PERMIT) return facts;
  *facts.mutable_scopes() = question.scopes();
  *facts.mutable_records() = question.records();
  for (const auto& id : question.subject_ids())
    facts.add_standing_bits(BitsAt(rules.StandingOf(id), now_ms));
  facts.set_whole_collection(question.whole_collection());
  return facts;
}

Recalled Recall(const v1::Access& access, const v1::DecisionFacts& facts,
                std::shared_ptr<const Snapshot> rules) {
  Recalled recalled;
  auto& question = recalled.question;
  question.mutable_caller()->set_organisation(IdOf(access.organisation()));
  question.mutable_caller()->set_role(access.role());
  question.set_purpose(access.purpose());
  question.set_operation(access.operation());
  question.set_controller(IdOf(access.controller()));
  question.set_collection(access.collection());
  *question.mutable_categories() = access.categories();
  question.set_asked(access.asked());
  *question.mutable_scopes() = facts.scopes();
  *question.mutable_records() = facts.records();
  question.set_whole_collection(facts.whole_collection());
  question.set_approval(facts.approval());
  question.set_agreement(facts.agreement_asked());
  if (facts.justified()) question.set_justification(kJustified);
  question.set_caller_is_member(facts.caller_is_member());
  question.set_caller_is_party(facts.caller_is_party());
  recalled.rules = std::move(rules);
  for (int i = 0; i < facts.standing_bits_size(); ++i) {
    const std::string id = Numbered(static_cast<uint32_t>(i));
    question.add_subject_ids(id);
    Standing standing;
    standing.bits = facts.standing_bits(i);
    recalled.rules = recalled.rules->WithStanding(recalled.rules->revision(), id, standing);
  }
  return recalled;
}

}  // namespace waterline::accountability
