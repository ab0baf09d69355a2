// Why something was decided, what would be decided, and who can see what.

#include <algorithm>

#include "services/accountability/api/accountability_api.h"
#include "services/accountability/domain/life_cycle.h"
#include "services/accountability/domain/refusal_draft.h"
#include "services/accountability/policy/evaluate.h"
#include "services/accountability/policy/facts.h"
#include "services/common/records/records.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

using text::IdOf;
constexpr char kDraftName[] = "agreements/draft";  // Of a draft in a simulation.

std::string NameOf(const rpc::Call& call) { return "organisations/" + call.caller.organisation(); }

absl::Status NotYours() {
  return Error(reason::kNotCovered,
               "there is no such decision, or it was neither made for your organisation nor about "
               "its records");
}

// The first `count` parts of a name between slashes.
std::string FirstSegments(const std::string& name, size_t count) {
  size_t end = 0;
  for (size_t i = 0; i < count && end != std::string::npos; ++i)
    end = name.find('/', end == 0 ? 0 : end + 1);
  return name.substr(0, end);
}

std::vector<FieldViolation> CheckHypothesis(const v1::HypotheticalRequest& request) {
  std::vector<FieldViolation> violations;
  if (!text::MatchName(request.organisation(), "organisations/*"))
    violations.push_back({"request.organisation", "is not a name organisations/{id}"});
  if (!text::MatchName(request.controller(), "organisations/*"))
    violations.push_back({"request.controller", "is not a name organisations/{id}"});
  if (request.operation() == v1::OPERATION_UNSPECIFIED)
    violations.push_back({"request.operation", "is required: what would be done"});
  if (request.categories().empty())
    violations.push_back({"request.categories", "needs at least one kind of data"});
  return violations;
}

v1::Question ToQuestion(const v1::HypotheticalRequest& request) {
  v1::Question question;
  question.mutable_caller()->set_organisation(IdOf(request.organisation()));
  question.mutable_caller()->set_role(request.role());
  question.set_purpose(request.purpose());
  question.set_operation(request.operation());
  question.set_controller(IdOf(request.controller()));
  *question.mutable_categories() = request.categories();
  *question.mutable_scopes() = request.scopes();
  question.set_asked(request.asked() == common::v1::RELEASE_LEVEL_UNSPECIFIED
                         ? common::v1::RELEASE_LEVEL_IDENTIFIABLE
                         : request.asked());
  question.set_approval(request.approval());
  question.set_justification("taken as given in a simulation");
  return question;
}

// Of `field = value`.
std::string FilterValue(const std::string& filter) {
  const size_t equals = filter.find(" = ");
  return equals == std::string::npos ? "" : filter.substr(equals + 3);
}

// For who asked, without what is known of the records only by whose they are: otherwise a draft
// held against them would tell what the refusal did not. What the request named is no secret to
// them.
void KeepWhatWasAsked(const v1::EntryPayload& payload, v1::DecisionFacts* facts) {
  facts->clear_scopes();
  facts->clear_records();
  facts->clear_standing_bits();
  struct Named {
    const char* pattern;
    size_t segments;
  };
  static constexpr Named kNamed[] = {
      {"organisations/*/events/*", 4}, {"organisations/*/programmes/*", 4}, {"places/*", 2}};
  for (const auto& [pattern, segments] : kNamed) {
    for (const std::string& asked : {payload.resource_name(), FilterValue(payload.filter())}) {
      const std::string named = FirstSegments(asked, segments);
      if (text::MatchName(named, pattern)) facts->add_scopes(named);
    }
  }
}

// A draft as if all had signed it and it were in force now.
v1::Agreement InForce(const v1::AgreementTerms& terms, int64_t now_ms) {
  v1::Agreement agreement;
  agreement.set_name(kDraftName);
  *agreement.mutable_terms() = terms;
  agreement.set_state(v1::AGREEMENT_STATE_AGREED);
  for (const auto& party : terms.parties())
    agreement.add_signatures()->set_organisation(party.organisation());
  agreement.mutable_assessment()->set_dpia_approved(true);
  agreement.mutable_assessment()->set_dpo_advice_recorded(true);
  auto* changed = agreement.mutable_terms();
  *changed->mutable_start() = text::ToTimestamp(now_ms);
  const int64_t later = AddMonths(now_ms, 12);
  if (!terms.has_end()) *changed->mutable_end() = text::ToTimestamp(later);
  if (!terms.has_review_due()) *changed->mutable_review_due() = text::ToTimestamp(later);
  return agreement;
}

bool MaySimulate(const rpc::Call& call, const v1::HypotheticalRequest& request) {
  return request.organisation() == NameOf(call) || request.controller() == NameOf(call);
}

// ---- Who can see --------------------------------------------------------------------------------

bool Reaches(const v1::AgreementTerms& terms, const std::string& controller,
             const google::protobuf::RepeatedPtrField<std::string>& scopes) {
  if (scopes.empty()) return true;
  return std::any_of(terms.scopes().begin(), terms.scopes().end(), [&](const std::string& scope) {
    return scope == controller || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
  });
}

std::vector<std::string> RolesOf(const v1::AgreementTerms& terms, const std::string& recipient) {
  std::vector<std::string> roles;
  for (const auto& access : terms.access_roles()) {
    if (access.organisation() == recipient) roles.push_back(access.role());
  }
  return roles;
}

v1::Visibility ToVisibility(const v1::Agreement& agreement, const v1::CategoryTerms& category,
                            const std::string& controller, const std::string& recipient) {
  const auto& terms = agreement.terms();
  v1::Visibility out;
  out.set_organisation(recipient);
  out.set_controller(controller);
  out.set_agreement(agreement.name());
  out.set_reference(terms.reference());
  for (const auto& purpose : terms.purposes()) out.add_purposes(purpose.purpose());
  *out.mutable_operations() = terms.operations();
  out.add_categories(category.category());
  const auto* party = FindParty(terms, recipient);
  const bool anonymous = party != nullptr && party->role() == v1::PARTY_ROLE_RECIPIENT_OF_ANONYMOUS;
  out.set_highest(anonymous ? std::min(category.highest(), common::v1::RELEASE_LEVEL_AGGREGATE)
                            : category.highest());
  *out.mutable_scopes() = terms.scopes();
  for (auto& role : RolesOf(terms, recipient)) out.add_roles(std::move(role));
  *out.mutable_end() = terms.end();
  return out;
}

// One line per pair of parties and category that the agreement lets cross; `wanted` says which.
template <class Wanted, class Out>
void AddVisibilities(const v1::Agreement& agreement, const Wanted& wanted, Out* out) {
  for (const auto& from : agreement.terms().parties()) {
    for (const auto& to : agreement.terms().parties()) {
      if (!from.provides() || !to.receives() || from.organisation() == to.organisation()) continue;
      for (const auto& category : agreement.terms().categories()) {
        if (category.highest() <= common::v1::RELEASE_LEVEL_NOTHING) continue;
        auto visibility = ToVisibility(agreement, category, from.organisation(), to.organisation());
        if (wanted(visibility)) *out->Add() = std::move(visibility);
      }
    }
  }
}

}  // namespace

coro::Task<absl::StatusOr<AccountabilityApi::Decided>> AccountabilityApi::LoadDecided(
    const rpc::Call& call, common::v1::LedgerPosition position) {
  if (position.epoch() == 0) position.set_epoch(parts_.ledger->epoch());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto entries, co_await parts_.ledger->Read(position.epoch(), position.index(), 1));
  if (entries.empty() || entries[0].position.index() != position.index()) co_return NotYours();
  Decided decided;
  decided.stored = entries[0];
  decided.entry.ParseFromString(decided.stored.record.leaf());
  const auto& access = decided.entry.access();
  decided.to_controller = access.controller() == NameOf(call);
  if (!decided.to_controller && access.organisation() != NameOf(call)) co_return NotYours();
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto payload,
                                co_await parts_.recorder->OpenPayload(decided.stored));
  if (!payload)
    co_return Error(reason::kNotCovered,
                    "what it rested on was erased with the person it was about");
  v1::DecisionFacts facts;
  facts.ParseFromString(payload->facts());
  if (!decided.to_controller) KeepWhatWasAsked(*payload, &facts);
  decided.facts = std::move(facts);
  co_return decided;
}

AccountabilityApi::Answer<v1::ExplainResponse> AccountabilityApi::Explain(
    const rpc::Call& call, const v1::ExplainRequest& request) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await AskLedger(call, v1::OPERATION_READ));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto decided, co_await LoadDecided(call, request.position()));
  const auto& recorded_at = decided.entry.recorded_at();
  const auto& access = decided.entry.access();
  WATERLINE_CO_ASSIGN_OR_RETURN(auto rules, co_await parts_.rulebook->At(access.policy_revision()));
  const Recalled recalled = Recall(access, decided.facts, std::move(rules));
  v1::ExplainResponse response;
  auto* told = response.mutable_explanation();
  *told = accountability::Explain(*recalled.rules, recalled.question, text::ToMs(recorded_at),
                                  decided.to_controller);
  // What was decided is what the entry says; a rate cap is no rule about the records.
  told->set_result(access.result());
  told->set_given(access.given());
  *told->mutable_reasons() = access.reasons();
  *told->mutable_position() = decided.stored.position;
  *told->mutable_decided_at() = recorded_at;
  co_return gate::Draft<v1::ExplainResponse>(std::move(response), std::move(decision));
}

AccountabilityApi::Answer<v1::SimulateResponse> AccountabilityApi::Simulate(
    const rpc::Call& call, const v1::SimulateRequest& request) {
  if (request.question_case() == v1::SimulateRequest::QUESTION_NOT_SET)
    co_return BadFields({{"question", "give a request or a position"}});
  const auto violations = CheckHypothesis(request.request());
  if (request.has_request() && !violations.empty()) co_return BadFields(violations);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await AskLedger(call, v1::OPERATION_READ));
  Recalled asked;
  asked.rules = parts_.rulebook->current();
  bool to_controller = request.request().controller() == NameOf(call);
  if (request.has_position()) {
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto decided,
                                  co_await LoadDecided(call, request.position()));
    asked = Recall(decided.entry.access(), decided.facts, asked.rules);
    to_controller = decided.to_controller;
  } else {
    if (!MaySimulate(call, request.request())) co_return NotYours();
    asked.question = ToQuestion(request.request());
  }
  const int64_t now = parts_.clock->NowMs();
  if (request.has_draft()) {
    asked.rules =
        asked.rules->WithAgreement(asked.rules->revision(), InForce(request.draft(), now));
  }
  v1::SimulateResponse response;
  *response.mutable_explanation() =
      accountability::Explain(*asked.rules, asked.question, now, to_controller);
  co_return gate::Draft<v1::SimulateResponse>(std::move(response), std::move(decision));
}

AccountabilityApi::Answer<v1::DraftFromRefusalResponse> AccountabilityApi::DraftFromRefusal(
    const rpc::Call& call, const v1::DraftFromRefusalRequest& request) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await AskLedger(call, v1::OPERATION_READ));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto decided, co_await LoadDecided(call, request.position()));
  const auto& access = decided.entry.access();
  if (access.controller() == access.organisation() || access.result() == v1::RESULT_PERMIT)
    co_return Error(reason::kStateForbids,
                    "an agreement would not change this: it was no refusal or reduction of "
                    "another's records");
  v1::DraftFromRefusalResponse response;
  *response.mutable_terms() = accountability::DraftFromRefusal(
      Recall(access, decided.facts, parts_.rulebook->current()).question, access.controller(),
      access.organisation());
  co_return gate::Draft<v1::DraftFromRefusalResponse>(std::move(response), std::move(decision));
}

coro::Task<absl::StatusOr<AccountabilityApi::AgreementPage>> AccountabilityApi::ActiveAgreements(
    std::string organisation, int32_t page_size, std::string token, std::string arguments) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto page, records::ReadPage(page_size, token, arguments));
  AgreementPage out;
  const int64_t now = parts_.clock->NowMs();
  std::string last;
  for (const auto& compiled : parts_.rulebook->current()->Of(organisation)) {
    if (compiled->name <= page.after) continue;
    if (static_cast<int>(out.agreements.size()) == page.limit) {
      out.next_page_token = records::NextPageToken(last, arguments);
      break;
    }
    last = compiled->name;
    WATERLINE_CO_ASSIGN_OR_RETURN(auto stored,
                                  co_await parts_.rulebook->LoadAgreement(IdOf(compiled->name)));
    if (!stored || ComputedState(stored->record.public_(), now).state != v1::AGREEMENT_STATE_ACTIVE)
      continue;
    out.agreements.push_back(std::move(*stored->record.mutable_public_()));
  }
  co_return out;
}

AccountabilityApi::Answer<v1::WhoCanSeeResponse> AccountabilityApi::WhoCanSee(
    const rpc::Call& call, const v1::WhoCanSeeRequest& request) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await AskLedger(call, v1::OPERATION_READ));
  const std::string own = NameOf(call);
  std::string arguments = own + std::to_string(request.category());
  for (const auto& scope : request.scopes()) arguments += "\n" + scope;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, co_await ActiveAgreements(call.caller.organisation(), request.page_size(),
                                                 request.page_token(), arguments));
  v1::WhoCanSeeResponse response;
  for (const auto& agreement : page.agreements) {
    if (!Reaches(agreement.terms(), own, request.scopes())) continue;
    const auto wanted = [&](const v1::Visibility& one) {
      return one.controller() == own && (request.category() == common::v1::CATEGORY_UNSPECIFIED ||
                                         one.categories(0) == request.category());
    };
    AddVisibilities(agreement, wanted, response.mutable_visibilities());
  }
  response.set_next_page_token(page.next_page_token);
  response.set_complete(page.next_page_token.empty());
  co_return gate::Draft<v1::WhoCanSeeResponse>(std::move(response), std::move(decision));
}

AccountabilityApi::Answer<v1::WhatCanSeeResponse> AccountabilityApi::WhatCanSee(
    const rpc::Call& call, const v1::WhatCanSeeRequest& request) {
  const std::string own = NameOf(call);
  const std::string of = request.organisation().empty() ? own : request.organisation();
  if (!text::MatchName(of, "organisations/*"))
    co_return BadFields({{"organisation", "is not a name organisations/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await AskLedger(call, v1::OPERATION_READ));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, co_await ActiveAgreements(call.caller.organisation(), request.page_size(),
                                                 request.page_token(), of + "\n" + request.role()));
  v1::WhatCanSeeResponse response;
  for (const auto& agreement : page.agreements) {
    const auto wanted = [&](const v1::Visibility& one) {
      const auto& roles = one.roles();
      const bool for_role = request.role().empty() || roles.empty() ||
                            std::find(roles.begin(), roles.end(), request.role()) != roles.end();
      return one.organisation() == of && (of == own || one.controller() == own) && for_role;
    };
    AddVisibilities(agreement, wanted, response.mutable_visibilities());
  }
  response.set_next_page_token(page.next_page_token);
  response.set_complete(page.next_page_token.empty() && of == own);
  co_return gate::Draft<v1::WhatCanSeeResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::accountability
