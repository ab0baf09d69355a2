#include <algorithm>
#include <set>

#include "services/common/crypto/random.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/events/api/events_api.h"
#include "services/events/domain/contribution_code.h"
#include "services/events/domain/rules.h"

namespace waterline::events {
namespace {

using gate::Operation;
using storage::v1::ContributionRecord;
using waterline::storage::Batch;
using waterline::storage::Key;

constexpr auto kCategory = common::v1::CATEGORY_CONTRIBUTION_TEXT;
constexpr int kRowsMax = 1000;
constexpr int kContributionsPerCommit = 90;  // Five operations each: under 500.
constexpr size_t kBytesPerCommit = 700 * 1024;
constexpr int kConflictsMax = 20;

// The people behind contributions who are nobody's participant: labels once, anonymous ones each.
uint32_t CountInformants(const std::vector<records::Stored<ContributionRecord>>& stored) {
  std::set<std::string> labels;
  uint32_t anonymous = 0;
  for (const auto& one : stored) {
    if (!one.record.subject_id().empty()) continue;
    const auto& label = one.record.public_().informant();
    if (label.empty()) {
      ++anonymous;
    } else {
      labels.insert(label);
    }
  }
  return anonymous + static_cast<uint32_t>(labels.size());
}

// The facts of a question about these contributions of one event.
void Describe(const std::vector<records::Stored<ContributionRecord>>& stored,
              const EventFacts& event, gate::Ask* ask) {
  Subjects subjects;
  ask->scopes = event.scopes;
  for (const auto& one : stored) ask->records.push_back(FactsOf(one.record, event, &subjects));
  if (stored.empty()) ask->records.push_back(KeptByLead());
  ask->subject_ids = subjects.ids();
  ask->informants = CountInformants(stored);
}

// What the service itself sets, whatever the sender put there.
void FillOutputFields(const std::string& name, const std::string& informant, int64_t now_ms,
                      v1::Contribution* contribution) {
  contribution->set_name(name);
  contribution->set_contribution_code(ContributionCode(crypto::RandomBytes(5)));
  contribution->clear_withdrawn();
  contribution->clear_erased();
  for (const char* field : {"redacted_text", "reviewer_role", "review_time", "etag"}) {
    contribution->GetReflection()->ClearField(
        contribution, contribution->GetDescriptor()->FindFieldByName(field));
  }
  *contribution->mutable_create_time() = text::ToTimestamp(now_ms);
  contribution->clear_informant();
  if (!informant.empty()) contribution->set_informant(crypto::IdFromBytes('i', informant));
}

template <class NewContribution>
ContributionRecord MakeRecord(const std::string& name, const std::string& source_key,
                              const NewContribution& given, int64_t now_ms,
                              const privacy::SubjectKey& key) {
  v1::Contribution contribution = given.public_fields;
  FillOutputFields(name, given.informant, now_ms, &contribution);
  ContributionRecord record;
  record.set_subject_id(given.subject_id);
  record.set_source_key(source_key);
  auto sealed = privacy::SealPersonal(&contribution, name, key);
  if (sealed) *record.mutable_sealed() = *std::move(sealed);
  *record.mutable_public_() = std::move(contribution);
  return record;
}

// Gives each contribution of a registered participant its subject; `subjects` are the directory's
// answers in the order of those contributions. Answers the distinct subjects.
template <class NewContribution>
std::vector<std::string> SetSubjects(const std::vector<std::optional<std::string>>& subjects,
                                     std::vector<NewContribution>* contributions,
                                     std::vector<FieldViolation>* violations) {
  std::set<std::string> distinct;
  for (size_t i = 0, next = 0; i < contributions->size(); ++i) {
    auto& one = (*contributions)[i];
    if (one.public_fields.participant().empty()) continue;
    const auto& subject = subjects[next++];
    if (subject) {
      one.subject_id = *subject;
      distinct.insert(*subject);
    } else {
      violations->push_back({"contributions[" + std::to_string(i) + "].participant",
                             "names no registered participant"});
    }
  }
  return {distinct.begin(), distinct.end()};
}

// Every wrong field of the request at once.
std::vector<FieldViolation> CheckContributions(v1::RecordContributionsRequest* request) {
  std::vector<FieldViolation> violations;
  if (!text::MatchName(request->parent(), "organisations/*/events/*"))
    violations.push_back({"parent", "is not a name organisations/{id}/events/{id}"});
  records::CheckRequestId(request->request_id(), &violations);
  if (request->contributions().empty() || request->contributions_size() > kRowsMax)
    violations.push_back({"contributions", "needs 1 to 1,000 entries"});
  std::set<std::string> sources;
  for (int i = 0; i < request->contributions_size() && i < kRowsMax; ++i) {
    const std::string path = "contributions[" + std::to_string(i) + "]";
    auto* one = request->mutable_contributions(i);
    const auto problems = CheckContribution(path, one);
    violations.insert(violations.end(), problems.begin(), problems.end());
    if (!sources.insert(one->source_id()).second)
      violations.push_back({path + ".source_id", "stands twice in the request"});
  }
  return violations;
}

// Where text was redacted, a recording of it and the original stay with the controller.
void ShowToOthers(v1::Contribution* contribution) {
  // Without redacted_text it was redacted before it was sent.
  if (!contribution->redacted_text().empty()) {
    contribution->set_text(contribution->redacted_text());
    contribution->clear_media_reference();
  }
  contribution->clear_redacted_text();
}

// What tells a contribution from others, and nothing of what it says.
v1::Contribution NameAndCode(const v1::Contribution& stored) {
  v1::Contribution contribution;
  contribution.set_name(stored.name());
  contribution.set_contribution_code(stored.contribution_code());
  return contribution;
}

// The first `count` of a question's records that may leave.
std::vector<bool> Shown(const gate::Decision& decision, size_t count) {
  std::vector<bool> shown;
  for (size_t i = 0; i < count; ++i) shown.push_back(decision.Shows(static_cast<int>(i)));
  return shown;
}

// Another import, or a hand (empty), holds the contribution too. True when the record changed.
bool AddHolder(const std::string& import_name, ContributionRecord* record) {
  const auto& also = record->also_imports();
  if (import_name == record->public_().import() ||
      std::find(also.begin(), also.end(), import_name) != also.end())
    return false;
  record->add_also_imports(import_name);
  return true;
}

}  // namespace

coro::Task<absl::StatusOr<std::vector<v1::Contribution>>> EventsApi::ToPublic(
    const rpc::Call& call, std::vector<Contribution> stored, EventRef event,
    std::vector<bool> opens) {
  std::vector<std::string> key_ids;
  for (size_t i = 0; i < stored.size(); ++i)
    if (opens[i]) key_ids.push_back(stored[i].record.sealed().key_id());
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                co_await parts_.vault->Load(event.partition(), key_ids));
  std::vector<v1::Contribution> contributions;
  auto key = keys.begin();
  for (size_t i = 0; i < stored.size(); ++i) {
    if (!opens[i]) {
      contributions.push_back(NameAndCode(stored[i].record.public_()));
      continue;
    }
    v1::Contribution contribution = std::move(*stored[i].record.mutable_public_());
    contribution.set_etag(records::EtagOf(stored[i].revision));
    if (*key) {
      WATERLINE_CO_RETURN_IF_ERROR(privacy::OpenPersonal(
          stored[i].record.sealed(), contribution.name(), **key, &contribution));
    } else {
      contribution.set_erased(true);
    }
    ++key;
    if (call.caller.organisation() != event.organisation) ShowToOthers(&contribution);
    contributions.push_back(std::move(contribution));
  }
  co_return contributions;
}

coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> EventsApi::FindContributions(
    EventRef event, std::vector<std::string> source_ids) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto index_key,
                                co_await parts_.vault->IndexKey(event.partition()));
  std::vector<std::optional<std::string>> found;
  for (size_t begin = 0; begin < source_ids.size(); begin += kRowsMax) {
    std::vector<Key> keys;
    for (size_t i = begin; i < std::min(source_ids.size(), begin + kRowsMax); ++i) {
      keys.emplace_back(kContributionSources, privacy::SourceKey(index_key, "contribution",
                                                                 event.id + '\0' + source_ids[i]));
    }
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto values,
                                  co_await parts_.store->Get(event.partition(), keys));
    for (const auto& value : values)
      found.push_back(value ? std::optional<std::string>(value->value) : std::nullopt);
  }
  co_return found;
}

// A source id that is there is left as it is, unless its import was reverted: then it comes back.
coro::Task<absl::StatusOr<std::vector<EventsApi::Placed>>> EventsApi::StoreContributions(
    EventRef event, std::vector<NewContribution> contributions, CommitHook* hook,
    common::v1::BulkReport* report) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto index_key,
                                co_await parts_.vault->IndexKey(event.partition()));
  const int64_t now_ms = parts_.clock->NowMs();
  std::vector<Placed> placed;
  int conflicts = 0;
  for (size_t begin = 0; begin < contributions.size();) {
    const size_t end = std::min(contributions.size(), begin + kContributionsPerCommit);
    std::vector<Key> sources;
    for (size_t i = begin; i < end; ++i) {
      sources.emplace_back(
          kContributionSources,
          privacy::SourceKey(index_key, "contribution",
                             event.id + '\0' + contributions[i].public_fields.source_id()));
    }
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto known,
                                  co_await parts_.store->Get(event.partition(), sources));
    Batch batch;
    common::v1::BulkReport some;
    std::vector<Placed> some_placed;
    size_t at = begin;
    for (; at < end && batch.size_bytes() < kBytesPerCommit; ++at) {
      const auto& source = sources[at - begin];
      const auto& value = known[at - begin];
      std::string id = value ? value->value : crypto::RandomId('c');
      if (value) {
        WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await records::Load<ContributionRecord>(
                                                       parts_.store, event.partition(),
                                                       Key(kContributions, event.id + "/" + id)));
        const bool stays = stored && !stored->record.public_().withdrawn();
        some_placed.push_back({id, !stays});
        if (stays) {
          some.set_unchanged(some.unchanged() + 1);
          if (AddHolder(contributions[at].public_fields.import(), &stored->record)) {
            const Key key(kContributions, event.id + "/" + id);
            batch.RequireRevision(key, stored->revision)
                .Put(key, stored->record.SerializeAsString());
          }
          continue;
        }
      } else {
        some_placed.push_back({id, true});
        batch.RequireAbsent(source).Put(source, id);
      }
      const auto record = MakeRecord(ContributionName(event.organisation, event.id, id), source.id,
                                     contributions[at], now_ms, parts_.vault->NewKey(&batch));
      batch.Put(Key(kContributions, event.id + "/" + id), record.SerializeAsString());
      some.set_created(some.created() + 1);
    }
    if (!batch.empty()) {
      WATERLINE_CO_RETURN_IF_ERROR(co_await hook->Before(&batch));
      const auto committed = co_await parts_.store->Commit(event.partition(), std::move(batch));
      if (!committed.ok() && ReasonOf(committed.status()) == reason::kConflict.name &&
          ++conflicts <= kConflictsMax)
        continue;
      WATERLINE_CO_RETURN_IF_ERROR(committed.status());
    }
    placed.insert(placed.end(), some_placed.begin(), some_placed.end());
    report->set_created(report->created() + some.created());
    report->set_unchanged(report->unchanged() + some.unchanged());
    begin = at;
  }
  co_return placed;
}

EventsApi::Answer<v1::RecordContributionsResponse> EventsApi::RecordContributions(
    const rpc::Call& call, const v1::RecordContributionsRequest& request) {
  v1::RecordContributionsRequest normal = request;
  auto violations = CheckContributions(&normal);
  if (!violations.empty()) co_return BadFields(violations);
  std::vector<NewContribution> contributions;
  std::vector<std::string> people, source_ids;
  for (auto& fields : *normal.mutable_contributions()) {
    auto& one = contributions.emplace_back();
    one.public_fields = std::move(fields);
    one.public_fields.clear_import();
    one.public_fields.clear_moderation();
    if (!one.public_fields.participant().empty()) people.push_back(one.public_fields.participant());
    if (!one.public_fields.informant().empty()) source_ids.push_back(one.public_fields.informant());
  }
  const auto ids = text::MatchName(request.parent(), "organisations/*/events/*");
  const EventRef event{(*ids)[0], (*ids)[1]};
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto subjects, co_await parts_.directory->Look(people));
  const auto concerned = SetSubjects(subjects, &contributions, &violations);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await Ask(call, Operation::OPERATION_WRITE, event.organisation, kContributions,
                   request.parent() + "/contributions", kCategory, concerned,
                   static_cast<uint32_t>(contributions.size() - people.size())));
  if (!violations.empty()) co_return BadFields(violations);
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry, co_await records::FindRetry(parts_.store, event.partition(), &mutation,
                                                    parts_.clock->NowMs()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto stored_event, co_await LoadEvent(event));
  if (!retry) WATERLINE_CO_RETURN_IF_ERROR(CheckRecording(stored_event.record.public_()));
  EvidenceHook hook(parts_.gate, &decision, event.name());
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto informants,
                                co_await LabelsOf(event, source_ids, "", &hook));
  for (auto& one : contributions) {
    if (!one.public_fields.informant().empty())
      one.informant = informants.labels.at(one.public_fields.informant());
  }
  v1::RecordContributionsResponse response;
  auto* report = response.mutable_report();
  report->set_rows_read(contributions.size());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto placed,
      co_await StoreContributions(event, std::move(contributions), &hook, report));
  // The decision is one to write: what was there before stays closed.
  std::vector<Contribution> stored;
  std::vector<bool> opens;
  for (const auto& [id, is_new] : placed) {
    WATERLINE_CO_ASSIGN_OR_RETURN(
        auto one, co_await records::Load<ContributionRecord>(
                      parts_.store, event.partition(), Key(kContributions, event.id + "/" + id)));
    if (!one) continue;
    stored.push_back(*std::move(one));
    opens.push_back(is_new);
  }
  if (!retry) {
    Batch batch;
    records::Remember(&batch, mutation, request.parent(), decision.position(),
                      parts_.clock->NowMs());
    WATERLINE_CO_RETURN_IF_ERROR(
        (co_await parts_.store->Commit(event.partition(), std::move(batch))).status());
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto shown, co_await ToPublic(call, std::move(stored), event, std::move(opens)));
  for (auto& one : shown) *response.add_contributions() = std::move(one);
  co_return gate::Draft<v1::RecordContributionsResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::GetContributionResponse> EventsApi::GetContribution(
    const rpc::Call& call, const v1::GetContributionRequest& request) {
  const auto ids = text::MatchName(request.name(), "organisations/*/events/*/contributions/*");
  if (!ids)
    co_return BadFields(
        {{"name", "is not a name organisations/{id}/events/{id}/contributions/{id}"}});
  const EventRef event{(*ids)[0], (*ids)[1]};
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await records::Load<ContributionRecord>(
                                                 parts_.store, event.partition(),
                                                 Key(kContributions, event.id + "/" + (*ids)[2])));
  std::vector<Contribution> one;
  EventFacts facts;  // Of what is absent: none.
  if (stored) {
    one.push_back(*std::move(stored));
    WATERLINE_CO_ASSIGN_OR_RETURN(facts, co_await FactsOfEvent(call, event));
  }
  gate::Ask ask(Operation::OPERATION_READ, event.organisation, kContributions, request.name(),
                {kCategory});
  Describe(one, facts, &ask);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (one.empty()) co_return Error(reason::kNotFound, "there is no contribution of this name");
  v1::GetContributionResponse response;
  std::vector<bool> opens = Shown(decision, 1);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto shown,
                                co_await ToPublic(call, std::move(one), event, std::move(opens)));
  *response.mutable_contribution() = std::move(shown[0]);
  co_return gate::Draft<v1::GetContributionResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::ListContributionsResponse> EventsApi::ListContributions(
    const rpc::Call& call, const v1::ListContributionsRequest& request) {
  const auto ids = text::MatchName(request.parent(), "organisations/*/events/*");
  if (!ids) co_return BadFields({{"parent", "is not a name organisations/{id}/events/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page,
      records::ReadPage(request.page_size(), request.page_token(), request.parent()));
  const EventRef event{(*ids)[0], (*ids)[1]};
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto facts, co_await FactsOfEvent(call, event));
  gate::PageFill fill(page.limit, page.after);
  std::vector<Contribution> stored;
  std::vector<std::string> keys;
  gate::Decision decision;
  do {
    const records::Page some{fill.count(), fill.after()};
    const auto range = records::PageRange(kContributions, event.id + "/", some);
    WATERLINE_CO_ASSIGN_OR_RETURN(
        stored, co_await records::Scan<ContributionRecord>(parts_.store, event.partition(), range,
                                                           fill.count()));
    gate::Ask ask(Operation::OPERATION_SEARCH, event.organisation, kContributions,
                  request.parent() + "/contributions", {kCategory});
    ask.rows_field = "contributions";
    Describe(stored, facts, &ask);
    keys.clear();
    for (const auto& one : stored) keys.push_back(one.id);
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Ask(call, ask));
  } while (!fill.Enough(keys, decision));
  stored.resize(static_cast<size_t>(fill.rows()));
  v1::ListContributionsResponse response;
  if (!fill.next().empty())
    response.set_next_page_token(records::NextPageToken(fill.next(), request.parent()));
  std::vector<bool> opens = Shown(decision, stored.size());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto shown, co_await ToPublic(call, std::move(stored), event, std::move(opens)));
  for (auto& one : shown) *response.add_contributions() = std::move(one);
  co_return gate::Draft<v1::ListContributionsResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::events
