// Personal values are planted through every API that takes them, also in requests that are wrong or
// refused; then every file of the data folder, every record of the stores, the backup's data file,
// every log line, /metrics and every error message are searched for them, plain and encoded.
// Nothing may be found. A value that is no secret is planted too and must be found, or the search
// is blind.

#include <algorithm>

#include "services/common/crypto/encoding.h"
#include "services/common/data/code_lists.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"
#include "services/common/text/date.h"
#include "tests/e2e/process.h"
#include "tests/integration/http.h"
#include "tests/integration/importing.h"
#include "tests/integration/open_event.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"
#include "waterline/inference/v1/inference_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using events::v1::EventsService;
using inference::v1::InferenceService;
using registry::v1::RegistryService;

const std::string kParent = std::string("organisations/") + kHost;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string Base64(const std::string& text) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t bit = 0; bit + 6 <= text.size() * 8; bit += 6) {
    const size_t byte = bit / 8;
    const unsigned pair =
        static_cast<unsigned char>(text[byte]) << 8 |
        (byte + 1 < text.size() ? static_cast<unsigned char>(text[byte + 1]) : 0u);
    out.push_back(kDigits[pair >> (10 - bit % 8) & 63]);
  }
  return out;
}

// The ways in which a value may stand in a file; compared without regard to case.
std::vector<std::string> Encodings(const std::string& value) {
  std::string utf16;
  for (const char c : value) utf16 += std::string{c, '\0'};
  std::vector<std::string> all = {value, crypto::HexEncode(value),
                                  utf16.substr(0, utf16.size() - 1)};
  for (size_t shift = 0; shift < 3; ++shift) {  // Wherever it begins within three bytes.
    const std::string text = Base64(std::string(shift, 'x') + value);
    all.push_back(text.substr((shift * 8 + 5) / 6));
  }
  for (auto& one : all) one = Lower(one);
  return all;
}

class Search {
 public:
  explicit Search(std::vector<std::string> values) {
    for (const auto& value : values) {
      for (const auto& one : Encodings(value)) wanted_.push_back(one);
    }
  }
  bool Finds(const std::string& text) const {
    const std::string lower = Lower(text);
    return std::any_of(wanted_.begin(), wanted_.end(), [&lower](const std::string& one) {
      return lower.find(one) != std::string::npos;
    });
  }

 private:
  std::vector<std::string> wanted_;
};

class Planted : public ::testing::Test {
 protected:
  Planted() : random_(Seed()) {
    for (int i = 0; i < 10; ++i) mark_ += static_cast<char>('a' + random_() % 26);
    phone_ = "7700900" + std::to_string(100 + random_() % 900);
    who_.actor = "ann." + mark_;
    steward_ = Steward();
    steward_.actor = "stella." + mark_;
    stranger_ = {"ods-zzz", "zoe." + mark_, "engagement_lead", "service_planning"};
    EXPECT_TRUE(InitNetwork(folder_.path() / "data").ok());
    process_ =
        std::make_unique<Process>(data(), std::vector<std::string>{"--metrics", "127.0.0.1:0"});
    EXPECT_TRUE(process_->serving()) << process_->Errors();
    registry_ = RegistryService::NewStub(process_->channel());
    events_ = EventsService::NewStub(process_->channel());
    inference_ = InferenceService::NewStub(process_->channel());
  }

  std::filesystem::path data() const { return folder_.path() / "data"; }
  std::string Mark(const std::string& before = "") const { return before + mark_; }

  // Sends a request as the one who may, as a stranger, without a purpose, and with a purpose and an
  // agreement that are no codes. Errors are kept.
  template <class Stub, class Request, class Response>
  absl::Status Send(Stub* stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, bool as_steward = false) {
    Who odd = who_;
    odd.purpose = "because " + mark_ + " asked";
    for (const auto& who : {stranger_, odd}) Keep(Call(stub, method, request, response, who));
    Context agreement(who_);
    agreement.get()->AddMetadata("waterline-agreement", "the one with " + mark_);
    Keep(rpc::FromGrpc((stub->*method)(agreement.get(), request, response)));
    response->Clear();
    const auto status = Call(stub, method, request, response, as_steward ? steward_ : who_);
    Keep(status);
    return status;
  }
  void Keep(const absl::Status& status) {
    if (!status.ok()) errors_.push_back(status.ToString());
  }
  std::string RequestId() { return "request-" + std::to_string(requests_++); }

  void PlantOrganisation();
  void PlantParticipant();
  void MakeEvent();
  void PlantContributions();
  void PlantReactionsAndResponses();
  void PlantImports();
  void PlantNames();
  void SearchStores(const Search& secrets);

  std::mt19937 random_;
  std::string mark_, phone_;
  Who who_, steward_, stranger_;
  Folder folder_;
  std::unique_ptr<Process> process_;
  std::unique_ptr<RegistryService::Stub> registry_;
  std::unique_ptr<EventsService::Stub> events_;
  std::unique_ptr<InferenceService::Stub> inference_;
  std::vector<std::string> errors_;
  std::string participant_, event_, contribution_;
  int requests_ = 0;
};

void Planted::PlantOrganisation() {
  registry::v1::CreateOrganisationRequest request;
  auto* organisation = request.mutable_organisation();
  organisation->set_title("Sea Air Trust");
  organisation->set_type("vcse");
  auto* identifier = organisation->add_identifiers();
  identifier->set_scheme("chc");
  identifier->set_value("1234567");
  auto* contact = organisation->add_contacts();
  contact->set_function("involvement");
  contact->set_full_name(Mark("Petra "));
  contact->set_email(Mark("petra.") + "@example.org");
  contact->set_telephone("0" + phone_);
  request.set_request_id(RequestId());
  registry::v1::CreateOrganisationResponse response;
  const auto status =
      Send(registry_.get(), &RegistryService::Stub::CreateOrganisation, request, &response, true);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.organisation().contacts(0).full_name(), Mark("Petra ")) << "sealed, not lost";
  organisation->set_type(mark_);
  contact->set_email(Mark("no address "));
  contact->set_full_name(Mark(std::string(300, 'x')));
  request.set_request_id(RequestId());
  EXPECT_FALSE(
      Send(registry_.get(), &RegistryService::Stub::CreateOrganisation, request, &response, true)
          .ok());
}

void Planted::PlantParticipant() {
  registry::v1::RegisterParticipantRequest request;
  request.set_parent(kParent);
  auto* participant = request.mutable_participant();
  participant->add_roles()->set_role("carer");
  participant->set_full_name(Mark("Margaret "));
  participant->set_email(Mark("margaret.") + "@example.org");
  participant->set_telephone("0" + phone_);
  participant->set_postal_address(Mark("1 Quay Street, ") + ", Old Market");
  participant->set_source_id(Mark("crm-"));
  participant->set_competence_note(Mark("understands, says "));
  participant->mutable_guardian_permission()->set_given_by_relation(Mark("mother "));
  request.set_request_id(RequestId());
  registry::v1::RegisterParticipantResponse response;
  const auto status =
      Send(registry_.get(), &RegistryService::Stub::RegisterParticipant, request, &response);
  ASSERT_TRUE(status.ok()) << status
                           << (ViolationsOf(status).empty() ? "" : ViolationsOf(status)[0].field);
  participant_ = response.participant().name();
  EXPECT_EQ(response.participant().postal_address(), participant->postal_address());
  request.set_request_id(RequestId());  // The source id is taken now.
  EXPECT_FALSE(
      Send(registry_.get(), &RegistryService::Stub::RegisterParticipant, request, &response).ok());
  participant->set_source_id(Mark("crm-") + std::string(200, 'x'));
  participant->set_email(Mark("not an address "));
  participant->set_preferred_contact_method(mark_);
  participant->set_outward_postcode(mark_);
  participant->mutable_roles(0)->set_role(mark_);
  participant->mutable_roles(0)->set_from(mark_);
  participant->mutable_guardian_permission()->set_given_on(mark_);
  request.set_request_id(RequestId());
  EXPECT_FALSE(
      Send(registry_.get(), &RegistryService::Stub::RegisterParticipant, request, &response).ok());
}

void Planted::MakeEvent() {
  events::v1::CreateEventRequest request;
  request.set_parent(kParent);
  *request.mutable_event() = Workshop();
  auto* event = request.mutable_event();
  event->set_title("Control value that is no secret");
  event_ = OpenEvent(events_.get(), *event, who_);
  events::v1::CreateEventResponse created;
  event->set_method(mark_);
  event->set_programme(mark_);
  event->add_places(mark_);
  event->mutable_venue()->set_postcode(mark_);
  event->mutable_level_promised()->set_scheme(mark_);
  request.set_request_id(RequestId());
  EXPECT_FALSE(Send(events_.get(), &EventsService::Stub::CreateEvent, request, &created).ok());
}

void Planted::PlantContributions() {
  events::v1::RecordContributionsRequest request;
  request.set_parent(event_);
  request.set_request_id(RequestId());
  auto* said = request.add_contributions();
  said->set_text(Mark("My name is "));
  said->set_media_reference(Mark("recordings/"));
  said->set_source_id(Mark("card-1-"));
  said->set_informant(Mark("seat-1-"));
  auto* by_participant = request.add_contributions();
  by_participant->set_text(Mark("So is mine, "));
  by_participant->set_source_id(Mark("card-2-"));
  by_participant->set_participant(participant_);
  events::v1::RecordContributionsResponse response;
  const auto status =
      Send(events_.get(), &EventsService::Stub::RecordContributions, request, &response);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.contributions(1).participant(), participant_) << "sealed, not lost";
  contribution_ = response.contributions(0).name();
  said->set_text(Mark(std::string("bad\0", 4)));
  said->set_sensitivity(mark_);
  said->set_source_id(by_participant->source_id());
  by_participant->set_participant(kParent + "/participants/" + mark_);
  request.set_request_id(RequestId());
  EXPECT_FALSE(
      Send(events_.get(), &EventsService::Stub::RecordContributions, request, &response).ok());
}

void Planted::PlantReactionsAndResponses() {
  events::v1::RecordReactionsRequest reactions;
  reactions.set_parent(event_);
  reactions.set_request_id(RequestId());
  auto* reaction = reactions.add_reactions();
  reaction->set_contribution(contribution_);
  reaction->set_informant(Mark("seat-2-"));
  reaction->set_source_id(Mark("tap-"));
  reaction->set_value(events::v1::Reaction::VALUE_AGREE);
  reaction->mutable_reacted_at()->set_seconds(1772446000);
  events::v1::RecordReactionsResponse reacted;
  auto status = Send(events_.get(), &EventsService::Stub::RecordReactions, reactions, &reacted);
  ASSERT_TRUE(status.ok()) << status;
  reaction->set_contribution(event_ + "/contributions/" + mark_);
  reactions.set_request_id(RequestId());
  EXPECT_FALSE(
      Send(events_.get(), &EventsService::Stub::RecordReactions, reactions, &reacted).ok());
  events::v1::RecordResponsesRequest responses;
  responses.set_parent(event_);
  responses.set_request_id(RequestId());
  auto* response = responses.add_responses();
  response->set_source_id(Mark("sheet-"));
  response->set_informant(Mark("seat-3-"));
  response->set_indicator("trust.skills.listening");
  response->set_respondent_group("SU");
  response->set_value(3);
  events::v1::RecordResponsesResponse recorded;
  status = Send(events_.get(), &EventsService::Stub::RecordResponses, responses, &recorded);
  ASSERT_TRUE(status.ok()) << status;
  response->set_indicator(mark_);
  response->set_respondent_group(mark_);
  response->set_missing(mark_);
  response->set_collected_on(mark_);
  responses.set_request_id(RequestId());
  EXPECT_FALSE(
      Send(events_.get(), &EventsService::Stub::RecordResponses, responses, &recorded).ok());
}

void Planted::PlantImports() {
  const std::string comments = "timestamp,comment-id,author-id,moderated,comment-body\n";
  const std::string votes = "timestamp,comment-id,voter-id,vote\n";
  const std::string at = "1658933760180,";
  const Files good = {
      {"comments.csv", comments + at + Mark("s-") + "," + Mark("author-") + ",1," + Mark("I am ") +
                           "\n" + at + "s2," + std::string(200, 'y') + mark_ + ",1,x\n" + at +
                           "s3,a," + mark_ + ",x\n"},
      {"votes.csv", votes + at + Mark("s-") + "," + Mark("voter-") + ",1\n" + at + "s9," +
                        Mark("voter-") + ",1\n" + mark_ + ",s2,v," + mark_ + "\n"},
      {"participants-votes.csv", "participant,group-id\n" + Mark("voter-") + ",0\n"},
      {"summary.csv", "topic,A public topic\n"}};
  ImportOptions options;
  options.who = who_;
  options.folder_name = Mark("interviews with ");
  const auto import = RunImport(process_->channel(), good, options);
  ASSERT_TRUE(import.ok()) << import.status();
  for (const auto& problem : import->report().reactions().problems())
    errors_.push_back(problem.DebugString());
  for (const auto& problem : import->report().contributions().problems())
    errors_.push_back(problem.DebugString());
  EXPECT_EQ(import->report().reactions().rejected(), 2u);
  const Files bad[] = {{{"votes.csv", Mark("timestamp,") + "\n"}},
                       {{"votes.csv", votes + "\"" + mark_}},
                       {{"votes.csv", votes + at + mark_ + "\xE9,v,1\n"}},
                       {{mark_ + ".csv", votes}}};
  for (const auto& files : bad) Keep(RunImport(process_->channel(), files, options).status());
  options.who = stranger_;
  Keep(RunImport(process_->channel(), good, options).status());
  ImportOptions answers;
  answers.kind = events::v1::Import::KIND_RESPONSES;
  answers.event = event_;
  answers.folder_name = options.folder_name;
  answers.who = who_;
  const auto responses = RunImport(
      process_->channel(),
      {{"responses.csv", "source_id,indicator,respondent_group,value,informant\n" +
                             Mark("sheet-9-") + ",trust.skills.listening,SU,2," + Mark("seat-9-") +
                             "\n" + Mark("x") + "," + mark_ + "," + mark_ + "," + mark_ + ",\n"}},
      answers);
  ASSERT_TRUE(responses.ok()) << responses.status();
  for (const auto& problem : responses->report().responses().problems())
    errors_.push_back(problem.DebugString());
}

// Values where names, tokens and codes are asked for.
void Planted::PlantNames() {
  registry::v1::GetParticipantRequest get;
  registry::v1::GetParticipantResponse got;
  for (const auto& name : {mark_, kParent + "/participants/" + mark_}) {
    get.set_name(name);
    EXPECT_FALSE(Send(registry_.get(), &RegistryService::Stub::GetParticipant, get, &got).ok());
  }
  registry::v1::ListOrganisationsRequest list;
  list.set_type(mark_);
  list.set_part_of(mark_);
  list.set_page_token(mark_);
  registry::v1::ListOrganisationsResponse listed;
  EXPECT_FALSE(
      Send(registry_.get(), &RegistryService::Stub::ListOrganisations, list, &listed).ok());
  list.clear_page_token();
  static_cast<void>(
      Send(registry_.get(), &RegistryService::Stub::ListOrganisations, list, &listed));
  registry::v1::ListCodeListsRequest codes;
  codes.set_id(mark_);
  registry::v1::ListCodeListsResponse lists;
  EXPECT_FALSE(Send(registry_.get(), &RegistryService::Stub::ListCodeLists, codes, &lists).ok());
  events::v1::UpdateEventRequest update;
  update.mutable_event()->set_name(event_);
  update.mutable_event()->set_etag(mark_);
  update.mutable_update_mask()->add_paths(mark_);
  update.set_request_id(RequestId());
  events::v1::UpdateEventResponse updated;
  EXPECT_FALSE(Send(events_.get(), &EventsService::Stub::UpdateEvent, update, &updated).ok());
  inference::v1::GetPracticeMapRequest map;
  inference::v1::GetPracticeMapResponse mapped;
  for (const auto& scope : {mark_, kParent + "/participants/" + mark_}) {
    map.set_scope(scope);
    static_cast<void>(
        Send(inference_.get(), &InferenceService::Stub::GetPracticeMap, map, &mapped));
  }
}

// Tables are compressed, so the records are read as well.
void Planted::SearchStores(const Search& secrets) {
  const Search link({participant_.substr(participant_.rfind('/') + 1)});
  for (const char* service : {"accountability", "registry", "events", "inference"}) {
    storage::RocksDbStore::Options options;
    options.path = (data() / "stores" / service).string();
    auto store = storage::RocksDbStore::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    int records = 0;
    const auto walked = (*store)->ForEach([&](const storage::Partition& partition,
                                              const storage::Key& key,
                                              const storage::Versioned& value) {
      ++records;
      const std::string whole = partition.id + key.collection + key.id + value.value;
      EXPECT_FALSE(secrets.Finds(whole)) << service << ": a record of " << key.collection;
      if (service != std::string("registry")) {
        EXPECT_FALSE(link.Finds(whole)) << service << ": who contributed, in " << key.collection;
      }
    });
    EXPECT_TRUE(walked.ok()) << walked;
    EXPECT_TRUE(records > 0 || service == std::string("inference")) << service;
  }
}

TEST_F(Planted, NothingIsFoundAnywhere) {
  PlantOrganisation();
  PlantParticipant();
  MakeEvent();
  PlantContributions();
  PlantReactionsAndResponses();
  PlantImports();
  PlantNames();
  const Search secrets({mark_, phone_});
  const Search control({"Control value that is no secret"});

  const std::string serving = ReadFile(process_->Log());
  const size_t at = serving.find("\"metrics_port\":");
  ASSERT_NE(at, std::string::npos);
  const int metrics_port = std::stoi(serving.substr(at + 15));
  const std::string metrics = HttpGet(metrics_port, "/metrics");
  EXPECT_NE(metrics.find("waterline_calls_total"), std::string::npos);
  EXPECT_FALSE(secrets.Finds(metrics));
  EXPECT_EQ(process_->Terminate(), 0);
  EXPECT_FALSE(secrets.Finds(process_->Errors()));
  std::istringstream log(ReadFile(process_->Log()));
  int lines = 0;
  for (std::string line; std::getline(log, line); ++lines)
    EXPECT_FALSE(secrets.Finds(line)) << line;
  EXPECT_GT(lines, 20);

  EXPECT_GT(errors_.size(), 40u);
  for (const auto& error : errors_) EXPECT_FALSE(secrets.Finds(error)) << error;

  bool control_found = false;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data())) {
    if (!entry.is_regular_file()) continue;
    const std::string content = ReadFile(entry.path());
    EXPECT_FALSE(secrets.Finds(content)) << entry.path();
    control_found = control_found || control.Finds(content);
  }
  EXPECT_TRUE(control_found) << "the search is blind";
  const auto backup = folder_.path() / "backup";
  ASSERT_TRUE(deployment::Backup(data().string(), backup.string()).ok());
  const std::string tar = ReadFile(backup / "waterline.data.tar");
  EXPECT_FALSE(secrets.Finds(tar));
  EXPECT_TRUE(control.Finds(tar)) << "the search is blind";
  SearchStores(secrets);
}

TEST(PlantedSearch, FindsEveryEncoding) {
  const Search search({"margaretxyz"});
  const std::string text = "before margaretxyz after";
  EXPECT_TRUE(search.Finds(text));
  EXPECT_TRUE(search.Finds(crypto::HexEncode(text)));
  for (const char* before : {"", "a", "ab"}) {
    EXPECT_TRUE(search.Finds(Base64(std::string(before) + "margaretxyz after")));
  }
  std::string utf16;
  for (const char c : text) utf16 += std::string{'\0', c};
  EXPECT_TRUE(search.Finds(utf16));
  EXPECT_FALSE(search.Finds("margaret xyz"));
}

}  // namespace
}  // namespace waterline::testing
