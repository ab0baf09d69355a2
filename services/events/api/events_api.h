#pragma once

// The handlers of EventsService (see its proto for errors). One file per topic: events_api.cc
// (catalogue, shared parts), programmes.cc, events.cc, contributions.cc, reactions.cc,
// responses.cc, reviews.cc, counts.cc, imports.cc (import records, revert), import_run.cc (reading
// files in).
// Thread safety: any thread.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "services/common/clock/clock.h"
#include "services/common/coro/pool.h"
#include "services/common/gate/page_fill.h"
#include "services/common/privacy/vault.h"
#include "services/common/records/records.h"
#include "services/common/rpc/directory.h"
#include "services/common/rpc/network.h"
#include "services/common/rpc/service.h"
#include "services/events/api/count_table.h"
#include "services/events/api/counted.h"
#include "services/events/api/record_facts.h"
#include "services/events/store/bulk_rows.h"
#include "services/events/store/keys.h"
#include "waterline/events/storage/v1/records.pb.h"
#include "waterline/events/v1/events_service.pb.h"

namespace waterline::events {

class PolisFile;
class ResponseFile;

// Labels of informants of one event by source id, and what became of the informants.
struct Informants {
  std::map<std::string, std::string> labels;
  MergeCounts counts;
};

class EventsApi {
 public:
  struct Parts {
    waterline::storage::Store* store = nullptr;
    privacy::Vault* vault = nullptr;
    gate::Gate* gate = nullptr;
    Clock* clock = nullptr;
    coro::Pool* pool = nullptr;  // For files and long reads.
    rpc::Directory* directory = nullptr;
    rpc::NetworkFacts network;
  };
  explicit EventsApi(Parts parts) : parts_(std::move(parts)) {}

  void Register(rpc::Service* service);

  template <class T>
  using Answer = coro::Task<absl::StatusOr<gate::Draft<T>>>;
  using ImportStream = rpc::GatedStream<v1::ImportFilesRequest, v1::ImportFilesResponse>;

  coro::Task<absl::StatusOr<v1::GetIndicatorCatalogueResponse>> GetIndicatorCatalogue(
      const rpc::Call& call, const v1::GetIndicatorCatalogueRequest& request);
  Answer<v1::CreateProgrammeResponse> CreateProgramme(const rpc::Call& call,
                                                      const v1::CreateProgrammeRequest& request);
  Answer<v1::GetProgrammeResponse> GetProgramme(const rpc::Call& call,
                                                const v1::GetProgrammeRequest& request);
  Answer<v1::ListProgrammesResponse> ListProgrammes(const rpc::Call& call,
                                                    const v1::ListProgrammesRequest& request);
  Answer<v1::UpdateProgrammeResponse> UpdateProgramme(const rpc::Call& call,
                                                      const v1::UpdateProgrammeRequest& request);
  Answer<v1::CreateEventResponse> CreateEvent(const rpc::Call& call,
                                              const v1::CreateEventRequest& request);
  Answer<v1::GetEventResponse> GetEvent(const rpc::Call& call, const v1::GetEventRequest& request);
  Answer<v1::ListEventsResponse> ListEvents(const rpc::Call& call,
                                            const v1::ListEventsRequest& request);
  Answer<v1::UpdateEventResponse> UpdateEvent(const rpc::Call& call,
                                              const v1::UpdateEventRequest& request);
  Answer<v1::PublishEventResponse> PublishEvent(const rpc::Call& call,
                                                const v1::PublishEventRequest& request);
  Answer<v1::OpenEventResponse> OpenEvent(const rpc::Call& call,
                                          const v1::OpenEventRequest& request);
  Answer<v1::HoldEventResponse> HoldEvent(const rpc::Call& call,
                                          const v1::HoldEventRequest& request);
  Answer<v1::ReportEventResponse> ReportEvent(const rpc::Call& call,
                                              const v1::ReportEventRequest& request);
  Answer<v1::CancelEventResponse> CancelEvent(const rpc::Call& call,
                                              const v1::CancelEventRequest& request);
  Answer<v1::RecordContributionsResponse> RecordContributions(
      const rpc::Call& call, const v1::RecordContributionsRequest& request);
  Answer<v1::GetContributionResponse> GetContribution(const rpc::Call& call,
                                                      const v1::GetContributionRequest& request);
  Answer<v1::ListContributionsResponse> ListContributions(
      const rpc::Call& call, const v1::ListContributionsRequest& request);
  Answer<v1::ReviewContributionResponse> ReviewContribution(
      const rpc::Call& call, const v1::ReviewContributionRequest& request);
  Answer<v1::CountEventsResponse> CountEvents(const rpc::Call& call,
                                              const v1::CountEventsRequest& request);
  Answer<v1::CountContributionsResponse> CountContributions(
      const rpc::Call& call, const v1::CountContributionsRequest& request);
  Answer<v1::RecordReactionsResponse> RecordReactions(const rpc::Call& call,
                                                      const v1::RecordReactionsRequest& request);
  Answer<v1::ListReactionsResponse> ListReactions(const rpc::Call& call,
                                                  const v1::ListReactionsRequest& request);
  Answer<v1::TallyReactionsResponse> TallyReactions(const rpc::Call& call,
                                                    const v1::TallyReactionsRequest& request);
  Answer<v1::RecordResponsesResponse> RecordResponses(const rpc::Call& call,
                                                      const v1::RecordResponsesRequest& request);
  Answer<v1::ListResponsesResponse> ListResponses(const rpc::Call& call,
                                                  const v1::ListResponsesRequest& request);
  coro::Task<absl::Status> ImportFiles(const rpc::Call& call, ImportStream* stream);
  Answer<v1::GetImportResponse> GetImport(const rpc::Call& call,
                                          const v1::GetImportRequest& request);
  Answer<v1::ListImportsResponse> ListImports(const rpc::Call& call,
                                              const v1::ListImportsRequest& request);
  Answer<v1::RevertImportResponse> RevertImport(const rpc::Call& call,
                                                const v1::RevertImportRequest& request);

 private:
  friend class ImportRun;
  using Contribution = records::Stored<storage::v1::ContributionRecord>;

  // An event's name in parts, and a decision about it.
  struct EventRef {
    std::string organisation;
    std::string id;
    std::string name() const { return EventName(organisation, id); }
    waterline::storage::Partition partition() const {
      return waterline::storage::Partition(organisation);
    }
  };
  // A contribution to store, with what is known of its contributor.
  struct NewContribution {
    v1::Contribution public_fields;
    std::string subject_id;
    std::string informant;  // Label; empty: anonymous or registered.
  };

  coro::Task<absl::StatusOr<gate::Decision>> Ask(const rpc::Call& call, gate::Operation operation,
                                                 std::string organisation, std::string collection,
                                                 std::string name, common::v1::Category category,
                                                 std::vector<std::string> subjects = {},
                                                 uint32_t informants = 0);
  coro::Task<absl::Status> CheckExist(
      std::vector<std::pair<std::string, std::string>> fields_and_names);

  coro::Task<absl::StatusOr<v1::Programme>> ReadProgramme(std::string organisation, std::string id);
  coro::Task<absl::Status> CheckFunctions(const v1::Programme& programme);

  coro::Task<absl::StatusOr<records::Stored<storage::v1::EventRecord>>> LoadEvent(EventRef event);
  coro::Task<absl::StatusOr<v1::Event>> ReadEvent(EventRef event);
  // What a question about what was recorded at the event must say of it; absent: no scopes. The
  // controller's own question turns on no partner.
  coro::Task<absl::StatusOr<EventFacts>> FactsOfEvent(const rpc::Call& call, EventRef event);
  coro::Task<absl::Status> CheckEventReferences(const v1::Event& event);
  // Edits one event under its revision. `change` says why not.
  using Change = std::function<absl::Status(v1::Event*)>;
  coro::Task<absl::StatusOr<v1::Event>> ChangeEvent(const rpc::Call& call,
                                                    const google::protobuf::Message& request,
                                                    EventRef event, std::string etag,
                                                    gate::Decision* decision, Change change);
  // What the life cycle verbs share: validate, ask, change.
  template <class Response, class Request>
  Answer<Response> Move(const rpc::Call& call, const Request& request, Change change);

  // Labels for source ids of informants; new ones are drawn, stored and sealed first.
  coro::Task<absl::StatusOr<Informants>> LabelsOf(EventRef event,
                                                  std::vector<std::string> source_ids,
                                                  std::string import, CommitHook* hook);
  // Draws, seals and stores labels; `source_ids` by row key, none of them stored before.
  coro::Task<absl::Status> AddInformants(EventRef event,
                                         std::map<std::string, std::string> source_ids,
                                         std::string import, CommitHook* hook, MergeCounts* counts);
  // Ids of the contributions with these source ids; nothing for those that are not there.
  coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> FindContributions(
      EventRef event, std::vector<std::string> source_ids);
  // Where a contribution is stored: placed by this call, or there before it.
  struct Placed {
    std::string id;
    bool is_new;
  };
  // Stores those whose source id is new (or whose import was reverted); in the order given.
  coro::Task<absl::StatusOr<std::vector<Placed>>> StoreContributions(
      EventRef event, std::vector<NewContribution> contributions, CommitHook* hook,
      common::v1::BulkReport* report);
  // Those of `opens` opened, of the others name and contribution code alone. To others than the
  // controller redacted text takes the place of the original.
  coro::Task<absl::StatusOr<std::vector<v1::Contribution>>> ToPublic(
      const rpc::Call& call, std::vector<Contribution> stored, EventRef event,
      std::vector<bool> opens);
  coro::Task<absl::Status> StoreReview(const rpc::Call& call,
                                       const v1::ReviewContributionRequest& request, EventRef event,
                                       Contribution stored, const records::Mutation& mutation,
                                       gate::Decision* decision);
  // What a count rests on: one record per thing or kind of thing, asked in questions of 1,000. For
  // others nothing of an organisation that only tries the network out. Ends on the pool.
  coro::Task<absl::StatusOr<Counted>> AskCounted(const rpc::Call& call, gate::Ask ask,
                                                 std::vector<CountedRecord> records);
  // `by_contribution` outlives the call.
  coro::Task<absl::StatusOr<std::vector<CountedRecord>>> CountedReactions(
      const rpc::Call& call, EventRef event,
      const std::map<std::string, v1::ReactionTally>& by_contribution);
  coro::Task<absl::StatusOr<std::vector<records::Stored<storage::v1::EventRecord>>>> CountedEvents(
      std::string organisation);
  // By id; those that are not there are left out. At most 1,000 ids.
  coro::Task<absl::StatusOr<std::map<std::string, storage::v1::ContributionRecord>>>
  LoadContributions(EventRef event, std::vector<std::string> contribution_ids);
  coro::Task<absl::Status> DescribeReactions(EventRef event, EventFacts facts,
                                             std::vector<storage::v1::ReactionRow> rows,
                                             gate::Ask* ask);
  coro::Task<absl::StatusOr<v1::ReactionTally>> Tally(
      EventRef event, std::map<std::string, v1::ReactionTally>* by_contribution);
  coro::Task<absl::StatusOr<std::vector<storage::v1::ResponseRow>>> ToRows(
      EventRef event, const v1::Event& record, std::vector<v1::IndicatorResponse> responses,
      const Informants& informants, std::string import, int64_t recorded_at_ms);
  coro::Task<absl::StatusOr<std::vector<FieldViolation>>> UnknownContributions(
      EventRef event, const v1::RecordReactionsRequest& request);
  coro::Task<absl::StatusOr<v1::Import>> ReadImport(std::string organisation, std::string id);
  coro::Task<absl::Status> RevertRows(EventRef event, std::string import, CommitHook* hook);

  const Parts parts_;
};

// Renews a decision before each commit, and tells the feed that an event's evidence changes.
class EvidenceHook : public CommitHook {
 public:
  EvidenceHook(gate::Gate* gate, gate::Decision* decision, std::string event_name)
      : gate_(gate), decision_(decision), event_name_(std::move(event_name)) {}
  coro::Task<absl::Status> Before(waterline::storage::Batch* batch) override;

 private:
  gate::Gate* const gate_;
  gate::Decision* const decision_;
  const std::string event_name_;
};

}  // namespace waterline::events
