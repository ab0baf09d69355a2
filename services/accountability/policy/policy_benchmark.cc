// How long one decision takes under a network's worth of rules: 10,000 agreements of 100
// organisations and the standing of 1,000,000 people (wanted: p99 of 10 microseconds with up to 50
// people). Run by hand in a release build.
//
// Each decision is timed alone. Its question comes off the wire just before, as it does on a
// worker; the rules lie wherever the 4,095 other questions left them. Every benchmark is an A/A
// pair: odd and even rounds are reported apart, and how far the two differ is the noise.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "services/accountability/policy/evaluate.h"

namespace waterline::accountability {
namespace {

using enum common::v1::Category;
using enum common::v1::ReleaseLevel;

constexpr int64_t kNow = 1'800'000'000'000;
constexpr int64_t kDay = 86'400'000;
constexpr int kOrganisations = 100;
constexpr int kAgreements = 10'000;
constexpr int kRecipients = 25;  // Of each provider.
constexpr int kPeople = 1'000'000;
constexpr size_t kQuestions = 4096;
constexpr int kScopes = 200;

const std::array<const char*, 5> kPurposes = {"service_planning", "service_design", "research",
                                              "assurance_and_scrutiny", "safeguarding"};
const std::array<const char*, 4> kRoles = {"analyst", "engagement_lead", "clinical_lead",
                                           "named_nurse"};
const std::array<common::v1::Category, 5> kCategories = {CATEGORY_CONTRIBUTION_TEXT, CATEGORY_EVENT,
                                                         CATEGORY_REACTION, CATEGORY_CODING,
                                                         CATEGORY_PARTICIPANT_PROFILE};

class Random {
 public:
  explicit Random(int seed) : random_(static_cast<uint64_t>(seed)) {}
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  bool One(int in) { return Below(in) == 0; }
  template <class List>
  auto Of(const List& list) {
    return list[static_cast<size_t>(Below(static_cast<int>(list.size())))];
  }
  std::string Bytes(size_t count) {
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }

 private:
  std::mt19937_64 random_;
};

std::string Organisation(int i) { return "ods-q" + std::to_string(1000 + i); }
std::string SubjectId(int i) { return Random(i).Bytes(16); }

// A place, or an event of the provider's.
std::string Scope(int provider, int i) {
  if (i % 2 == 0) return "places/ward-" + std::to_string(i);
  return "organisations/" + Organisation(provider) + "/events/event-" + std::to_string(i);
}

v1::Party* AddParty(v1::Agreement* agreement, int organisation) {
  auto* party = agreement->mutable_terms()->add_parties();
  party->set_organisation("organisations/" + Organisation(organisation));
  party->set_role(v1::PARTY_ROLE_CONTROLLER);
  agreement->add_signatures()->set_organisation(party->organisation());
  return party;
}

void AddScopes(Random* random, int provider, v1::AgreementTerms* terms) {
  if (random->One(10)) terms->add_scopes("organisations/" + Organisation(provider));
  const int scopes = 4 + random->Below(40);
  for (int i = 0; i < scopes; ++i) terms->add_scopes(Scope(provider, random->Below(kScopes)));
}

// Four between the two on average; about one in five has ended or is suspended.
v1::Agreement MakeAgreement(int i) {
  Random random(i);
  const int provider = i % kOrganisations;
  const int recipient = (provider + 1 + random.Below(kRecipients)) % kOrganisations;
  v1::Agreement agreement;
  agreement.set_name("agreements/agreement-" + std::to_string(i));
  agreement.set_state(random.One(5) ? v1::AGREEMENT_STATE_SUPERSEDED : v1::AGREEMENT_STATE_AGREED);
  agreement.mutable_assessment()->set_dpia_approved(true);
  agreement.mutable_assessment()->set_dpo_advice_recorded(true);
  AddParty(&agreement, provider)->set_provides(true);
  auto* receiving = AddParty(&agreement, recipient);
  receiving->set_receives(true);
  receiving->set_safeguarding_role("named_nurse");
  auto* terms = agreement.mutable_terms();
  terms->set_reference("ISA-2026-" + std::to_string(i));
  terms->set_version(1);
  terms->mutable_start()->set_seconds((kNow - kDay) / 1000);
  terms->mutable_end()->set_seconds((kNow + kDay) / 1000);
  terms->mutable_review_due()->set_seconds((kNow + kDay) / 1000);
  for (const char* purpose : kPurposes)
    if (!random.One(3)) terms->add_purposes()->set_purpose(purpose);
  for (const auto category : kCategories) {
    auto* covered = terms->add_categories();
    covered->set_category(category);
    covered->set_highest(random.One(2) ? RELEASE_LEVEL_PSEUDONYMISED : RELEASE_LEVEL_IDENTIFIABLE);
  }
  for (const auto operation : {v1::OPERATION_READ, v1::OPERATION_SEARCH, v1::OPERATION_COUNT})
    terms->add_operations(operation);
  terms->set_research_approval("IRAS-1");
  AddScopes(&random, provider, terms);
  for (const char* role : kRoles) {
    if (random.One(4)) continue;
    auto* access = terms->add_access_roles();
    access->set_organisation("organisations/" + Organisation(recipient));
    access->set_role(role);
    if (random.One(3)) access->add_purposes(random.Of(kPurposes));
  }
  return agreement;
}

Standing MakeStanding(int i) {
  Random random(i);
  Standing standing;
  for (const auto item :
       {v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER, v1::STANDING_ITEM_QUOTE_ANONYMOUSLY,
        v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT}) {
    const auto said = random.One(5) ? static_cast<Permission>(random.Below(4)) : Permission::kGiven;
    standing.bits = WithPermission(standing.bits, item, said);
    if (random.One(4)) standing.expires_ms[PlaceOf(item)] = kNow + kDay * (random.Below(10) - 1);
  }
  if (random.One(100)) standing.bits |= kRestricted;
  return standing;
}

const Snapshot& Rules() {
  static const auto* rules = [] {
    std::vector<v1::Agreement> agreements;
    for (int i = 0; i < kAgreements; ++i) agreements.push_back(MakeAgreement(i));
    Snapshot::Standings standings;
    for (int i = 0; i < kPeople; ++i) standings.emplace_back(SubjectId(i), MakeStanding(i));
    return new std::shared_ptr<const Snapshot>(
        Snapshot::Make(1, "ods-host", agreements, standings));
  }();
  return **rules;
}

// One row a person. In one of about 30 the records are the caller's own; one in six asks for
// records of which none are shared with it.
std::string MakeQuestion(int i, int people) {
  Random random(i);
  const int controller = random.Below(kOrganisations);
  const int away = random.Below(kRecipients + 5);
  v1::Question question;
  auto* caller = question.mutable_caller();
  caller->set_organisation(Organisation((controller + away) % kOrganisations));
  caller->set_role(random.Of(kRoles));
  question.set_controller(Organisation(controller));
  question.set_purpose(random.Of(kPurposes));
  question.set_approval("IRAS-1");
  question.set_justification("A disclosure of harm must be followed up.");
  question.set_operation(people > 1 ? v1::OPERATION_SEARCH : v1::OPERATION_READ);
  if (random.One(2)) question.set_asked(RELEASE_LEVEL_PSEUDONYMISED);
  question.add_categories(random.Of(kCategories));
  if (random.One(2)) question.add_categories(random.Of(kCategories));
  question.add_scopes(Scope(controller, random.Below(kScopes)));
  for (int k = 0; k < people; ++k) {
    question.add_subject_ids(SubjectId(random.Below(kPeople + kPeople / 10)));
    auto* record = question.add_records();
    record->set_subject(static_cast<uint32_t>(k + 1));
    const int scopes = random.Below(3);
    for (int s = 0; s < scopes; ++s) record->add_scopes(Scope(controller, random.Below(kScopes)));
    record->set_text_reviewed(!random.One(5));
    record->set_safeguarding(random.One(50));
  }
  return question.SerializeAsString();
}

std::vector<std::string> MakeQuestions(int people) {
  std::vector<std::string> questions;
  for (int i = 0; i < static_cast<int>(kQuestions); ++i)
    questions.push_back(MakeQuestion(i, people > 0 ? people : 1 + i % 50));
  return questions;
}

// Percentiles of what decisions took, in microseconds.
void Report(const std::string& name, std::vector<double> took_us, benchmark::State* state) {
  if (took_us.empty()) return;
  std::sort(took_us.begin(), took_us.end());
  for (const auto& [label, part] : {std::pair("p50_", 0.5), {"p99_", 0.99}, {"p999_", 0.999}}) {
    const auto place = static_cast<size_t>(part * static_cast<double>(took_us.size() - 1));
    state->counters[label + name] = took_us[place];
  }
}

// People of each answer; 0: 1 to 50. The time shown per iteration includes reading the question off
// the wire; the counters are of the decision alone. `a` and `b` are the two of a pair, with all
// that the machine did meanwhile; `best` is over the questions, of each its fastest decision: what
// the work costs when nothing interrupts it.
void BM_Evaluate(benchmark::State& state) {
  const Snapshot& rules = Rules();
  const auto questions = MakeQuestions(static_cast<int>(state.range(0)));
  std::array<std::vector<double>, 2> pair;
  std::vector<double> best(kQuestions, std::numeric_limits<double>::max());
  size_t decided = 0;
  size_t permitted = 0;
  v1::Question question;
  for (auto unused : state) {
    const size_t place = decided % kQuestions;
    question.ParseFromString(questions[place]);
    const auto begin = std::chrono::steady_clock::now();
    const Verdict verdict = Evaluate(rules, question, kNow);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    pair[decided / kQuestions % 2].push_back(took.count());
    best[place] = std::min(best[place], took.count());
    permitted += verdict.result != v1::RESULT_DENY ? 1 : 0;
    ++decided;
  }
  const double part = static_cast<double>(permitted) / static_cast<double>(decided);
  if (decided > kQuestions && (part < 0.1 || part > 0.9))
    state.SkipWithError("nearly all or hardly any were permitted: this measures another thing");
  state.counters["permitted"] = part;
  Report("a", std::move(pair[0]), &state);
  Report("b", std::move(pair[1]), &state);
  if (decided > kQuestions) Report("best", std::move(best), &state);
}
BENCHMARK(BM_Evaluate)->Arg(1)->Arg(8)->Arg(50)->Arg(0)->MinTime(3);

// The next rules after a change, as the sequencer makes them.
void BM_ChangeStanding(benchmark::State& state) {
  const std::string subject = SubjectId(1);
  for (auto unused : state)
    benchmark::DoNotOptimize(Rules().WithStanding(2, subject, Standing{kRestricted, {}}));
}
BENCHMARK(BM_ChangeStanding);

void BM_ChangeAgreement(benchmark::State& state) {
  const auto agreement = MakeAgreement(1);
  for (auto unused : state) benchmark::DoNotOptimize(Rules().WithAgreement(2, agreement));
}
BENCHMARK(BM_ChangeAgreement);

}  // namespace
}  // namespace waterline::accountability
