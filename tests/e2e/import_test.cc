// Files through a real server: the real ones give exactly their numbers, in any order, to the same
// state; bad ones are refused with file, row and field, and leave nothing behind.

#include <algorithm>
#include <set>

#include "services/common/text/date.h"
#include "tests/e2e/process.h"
#include "tests/integration/generated.h"
#include "tests/integration/open_event.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using events::v1::EventsService;
using events::v1::Import;
using registry::v1::OrganisationImportReport;
using registry::v1::RegistryService;
using Stub = EventsService::Stub;

const std::string kParent = std::string("organisations/") + kHost;
constexpr char kMarked[] = "MarkedValue";  // Stands in bad rows; must stand in no error.

// A network in a folder of its own, with a server that can be stopped to look at its state.
class Site {
 public:
  Site() {
    EXPECT_TRUE(InitNetwork(folder_.path()).ok());
    Start();
  }
  void Start() {
    process_ = std::make_unique<Process>(folder_.path());
    EXPECT_TRUE(process_->serving()) << process_->Errors();
  }
  void Stop() {
    EXPECT_EQ(process_->Terminate(), 0);
    process_.reset();
  }
  // The state of the stopped folder; the server runs again afterwards.
  std::string Digest() {
    Stop();
    const auto digest = deployment::StateDigest(folder_.path().string());
    EXPECT_TRUE(digest.ok()) << digest.status();
    Start();
    return digest.value_or("");
  }
  Process& process() { return *process_; }
  std::shared_ptr<grpc::Channel> channel() { return process_->channel(); }
  std::unique_ptr<Stub> Events() { return EventsService::NewStub(channel()); }
  const std::filesystem::path& folder() const { return folder_.path(); }

  std::string OpenEvent() { return testing::OpenEvent(Events().get()); }

 private:
  Folder folder_;
  std::unique_ptr<Process> process_;
};

using OrganisationStream = grpc::ClientReaderWriter<registry::v1::ImportOrganisationsRequest,
                                                    registry::v1::ImportOrganisationsResponse>;

// Sends a practice file; false when the server wants no more of it.
bool SendPractices(OrganisationStream* stream, const std::string& csv) {
  registry::v1::ImportOrganisationsRequest request;
  request.mutable_header()->set_request_id("import");
  bool open = stream->Write(request);
  for (size_t at = 0; open && at < csv.size(); at += 64 * 1024) {
    request.set_chunk(csv.substr(at, 64 * 1024));
    open = stream->Write(request);
  }
  return open;
}

absl::StatusOr<OrganisationImportReport> ImportPractices(std::shared_ptr<grpc::Channel> channel,
                                                         const std::string& csv) {
  const auto stub = RegistryService::NewStub(channel);
  Context context(Steward());
  context.get()->set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
  const auto stream = stub->ImportOrganisations(context.get());
  SendPractices(stream.get(), csv);
  stream->WritesDone();
  registry::v1::ImportOrganisationsResponse response;
  OrganisationImportReport report;
  while (stream->Read(&response)) {
    EXPECT_TRUE(response.has_receipt());
    if (response.has_report()) report = response.report();
  }
  const auto status = rpc::FromGrpc(stream->Finish());
  if (!status.ok()) return status;
  return report;
}

// ---- The real files -----------------------------------------------------------------------------

bool RealDataAreThere() { return std::filesystem::exists("../shared/data"); }

// Numbers of the rows that hold the word NULL; 1 is the header.
std::set<uint64_t> RowsWithNull(const std::string& csv) {
  std::set<uint64_t> rows;
  std::istringstream in(csv);
  std::string line;
  for (uint64_t row = 1; std::getline(in, line); ++row) {
    if (line.find("\"NULL\"") != std::string::npos) rows.insert(row);
  }
  return rows;
}

const registry::v1::TypeCount& CountOf(const std::string& type,
                                       const OrganisationImportReport& report) {
  static const registry::v1::TypeCount none;
  for (const auto& count : report.organisations()) {
    if (count.type() == type) return count;
  }
  return none;
}

TEST(RealFiles, ThePracticeFileGivesItsNumbersTwiceAndInAnyOrder) {
  if (!RealDataAreThere()) GTEST_SKIP() << "the real data are not beside the project";
  const std::string csv = ReadFile("../shared/data/nhs-organisations/practices.csv");
  Site site;
  const auto first = ImportPractices(site.channel(), csv);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->rows().rows_read(), 6321u);
  EXPECT_EQ(first->rows().created(), 6302u);
  EXPECT_EQ(first->rows().repeated_rows(), 8u);
  EXPECT_EQ(first->rows().rejected(), 11u);
  EXPECT_EQ(CountOf("icb", *first).created(), 42u);
  EXPECT_EQ(CountOf("pcn", *first).created(), 1269u);
  std::set<uint64_t> rejected;
  for (const auto& problem : first->rows().problems()) {
    rejected.insert(problem.row());
    EXPECT_EQ(problem.file(), "practices.csv");
    EXPECT_FALSE(problem.column().empty());
    EXPECT_FALSE(problem.reason().empty());
  }
  EXPECT_EQ(rejected, RowsWithNull(csv));
  const auto again = ImportPractices(site.channel(), csv);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->rows().created(), 0u);
  EXPECT_EQ(again->rows().superseded(), 0u);
  EXPECT_EQ(again->rows().unchanged(), 6302u);
  for (const auto& count : again->organisations()) {
    EXPECT_EQ(count.created(), 0u) << count.type();
    EXPECT_EQ(count.changed(), 0u) << count.type();
  }
  Site shuffled;
  ASSERT_TRUE(ImportPractices(shuffled.channel(), ShuffledLines(csv, Seed())).ok());
  EXPECT_EQ(site.Digest(), shuffled.Digest());
}

TEST(RealFiles, ThePolisSetsGiveOneStateTwiceAndInAnyOrder) {
  if (!RealDataAreThere()) GTEST_SKIP() << "the real data are not beside the project";
  const bool all = FromEnvironment("WATERLINE_CASES", 0) > 0;
  Site site, shuffled;
  for (const char* set :
       {"polis-london-youth-policing", "polis-affordable-housing-nz", "polis-vtaiwan-uberx"}) {
    if (!all && std::string(set) == "polis-vtaiwan-uberx") continue;  // At night.
    Files files = ReadFolder(std::filesystem::path("../shared/data") / set);
    for (int run = 0; run < 2; ++run) {
      const auto import = RunImport(site.channel(), files);
      ASSERT_TRUE(import.ok()) << import.status();
    }
    files["votes.csv"] = ShuffledLines(files["votes.csv"], Seed());
    ASSERT_TRUE(RunImport(shuffled.channel(), files).ok());
  }
  EXPECT_EQ(site.Digest(), shuffled.Digest());
}

// ---- Bad files ----------------------------------------------------------------------------------

const std::string kVotesHeader = "timestamp,datetime,comment-id,voter-id,vote\n";
const std::string kResponsesHeader =
    "source_id,indicator,respondent_group,value,missing,informant,collected_on,counts\n";
const std::string kPracticesHeader =
    "practice_code,practice_name,pcn_code,pcn_name,icb_code,icb_name,region_code,region_name,"
    "postcode\n";

std::string Utf16(const std::string& text) {
  std::string out = "\xFF\xFE";
  for (const char c : text) out += std::string{c, '\0'};
  return out;
}

// An error that says where, and never what.
void ExpectWhere(const absl::Status& status, const std::string& where) {
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELDS") << status;
  const auto violations = ViolationsOf(status);
  ASSERT_FALSE(violations.empty());
  EXPECT_TRUE(violations[0].field.starts_with(where)) << violations[0].field;
  EXPECT_FALSE(violations[0].description.empty());
  EXPECT_EQ(status.ToString().find(kMarked), std::string::npos) << status;
}

TEST(BadFiles, AreRefusedWithFileRowAndFieldAndLeaveNothing) {
  Site site;
  ImportOptions responses;
  responses.kind = Import::KIND_RESPONSES;
  responses.event = site.OpenEvent();
  const std::string before = site.Digest();
  const std::string good_vote = "1658933760300,x,1,1,1\n";
  struct Case {
    const char* what;
    std::string content;
    const char* where;  // In votes.csv.
  };
  const Case votes[] = {
      {"Latin-1", kVotesHeader + good_vote + "1658933760300,x,1," + kMarked + "\xE9,1\n",
       "votes.csv: row 3, field 4"},
      {"UTF-16", Utf16(kVotesHeader + good_vote), "votes.csv: row 1"},
      {"no header", good_vote + good_vote, "votes.csv: row 1"},
      {"a header with a column missing", "timestamp,comment-id,vote\n1,1,1\n", "votes.csv: row 1"},
      {"an open quote", kVotesHeader + "\"" + kMarked + ",1\n", "votes.csv: row 2"},
      {"a stray quote", kVotesHeader + kMarked + "\"x\",1\n", "votes.csv: row 2"},
  };
  for (const auto& one : votes) {
    SCOPED_TRACE(one.what);
    const auto refused = RunImport(site.channel(), {{"votes.csv", one.content}});
    ASSERT_FALSE(refused.ok());
    ExpectWhere(refused.status(), one.where);
  }
  const std::pair<std::string, const char*> answers[] = {
      {"indicator,value\nx,1\n", "responses.csv: row 1"},
      {kResponsesHeader + "a,trust.skills.listening,SU,3,," + kMarked + "\xE9,,\n",
       "responses.csv: row 2, field 6"},
      {Utf16(kResponsesHeader), "responses.csv: row 1"},
  };
  for (const auto& [content, where] : answers) {
    const auto refused = RunImport(site.channel(), {{"responses.csv", content}}, responses);
    ASSERT_FALSE(refused.ok());
    ExpectWhere(refused.status(), where);
  }
  const std::pair<std::string, const char*> practices[] = {
      {"practice_code,practice_name\nA81001,x\n", "practices.csv: row 1"},
      {kPracticesHeader + "A81001," + kMarked + "\xE9,U00001,A PCN,QHM,AN ICB,Y63,A REGION,\n",
       "practices.csv: row 2, field 2"},
      {Utf16(kPracticesHeader), "practices.csv: row 1"},
  };
  for (const auto& [content, where] : practices) {
    const auto refused = ImportPractices(site.channel(), content);
    ASSERT_FALSE(refused.ok());
    ExpectWhere(refused.status(), where);
  }
  EXPECT_EQ(site.Digest(), before);
}

TEST(BadFiles, BadRowsAreRejectedOneByOneWithTheirPlace) {
  Site site;
  ImportOptions into;
  into.kind = Import::KIND_RESPONSES;
  into.event = site.OpenEvent();
  const std::string csv = kResponsesHeader +
                          "a,trust.skills.listening,SU,3,,,2023-02-29,\n"
                          "b,trust.skills.listening,SU,9,,,,\n"
                          "c,trust.no.such.indicator,SU,1,,,,\n"
                          "d,trust.skills.listening,SU," +
                          kMarked +
                          ",,,,\n"
                          "e,trust.skills.listening,SU,3,,,2024-02-29,\n";
  const auto import = RunImport(site.channel(), {{"responses.csv", csv}}, into);
  ASSERT_TRUE(import.ok()) << import.status();
  const auto& rows = import->report().responses();
  EXPECT_EQ(rows.created(), 1u);
  EXPECT_EQ(rows.rejected(), 4u);
  const std::vector<std::pair<uint64_t, std::string>> places = {
      {2, "collected_on"}, {3, "value"}, {4, "indicator"}, {5, "value"}};
  ASSERT_EQ(rows.problems_size(), 4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(rows.problems(i).file(), "responses.csv");
    EXPECT_EQ(rows.problems(i).row(), places[static_cast<size_t>(i)].first);
    EXPECT_EQ(rows.problems(i).column(), places[static_cast<size_t>(i)].second);
    EXPECT_EQ(rows.problems(i).reason().find(kMarked), std::string::npos);
  }
}

TEST(BadFiles, NoOrganisationIsCalledNull) {
  Site site;
  const std::string before = site.Digest();
  const auto report = ImportPractices(
      site.channel(), kPracticesHeader + "A81001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,TS18 1HU\n");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->rows().rejected(), 1u);
  EXPECT_EQ(report->rows().problems(0).row(), 2u);
  EXPECT_EQ(report->rows().problems(0).column(), "practice_name");
  const auto stub = RegistryService::NewStub(site.channel());
  registry::v1::CreateOrganisationRequest create;
  create.set_request_id("null");
  create.mutable_organisation()->set_title("NULL");
  create.mutable_organisation()->set_type("vcse");
  auto* identifier = create.mutable_organisation()->add_identifiers();
  identifier->set_scheme("chc");
  identifier->set_value("1234567");
  registry::v1::CreateOrganisationResponse created;
  const auto refused =
      Call(stub.get(), &RegistryService::Stub::CreateOrganisation, create, &created, Steward());
  ASSERT_EQ(ReasonOf(refused), "INVALID_FIELDS") << refused;
  EXPECT_EQ(ViolationsOf(refused)[0].field, "organisation.title");
  EXPECT_EQ(site.Digest(), before);
}

// One line of 300 MB, made while it is sent; the client stops when the server wants no more.
absl::Status SendLongLine(Site* site, const std::string& start, const std::string& pattern) {
  const auto stub = site->Events();
  Context context;
  auto stream = stub->ImportFiles(context.get());
  events::v1::ImportFilesRequest request;
  auto* header = request.mutable_header();
  header->set_parent(kParent);
  header->set_kind(Import::KIND_POLIS);
  header->set_content_digest(std::string(64, '0'));
  header->set_request_id("long");
  bool open = stream->Write(request);
  std::string filler;
  while (filler.size() + pattern.size() <= 60 * 1024) filler += pattern;
  request.mutable_piece()->set_file_name("votes.csv");
  request.mutable_piece()->set_content(start);
  open = open && stream->Write(request);
  request.mutable_piece()->set_content(filler);
  for (size_t sent = 0; open && sent < 300'000'000; sent += filler.size())
    open = stream->Write(request);
  stream->WritesDone();
  events::v1::ImportFilesResponse response;
  while (stream->Read(&response)) continue;
  return rpc::FromGrpc(stream->Finish());
}

TEST(BadFiles, ALineOf300MegabytesTakesNoMemory) {
  Site site;
  const std::string before = site.Digest();
  const size_t peak = site.process().PeakMemoryKib();
  const std::pair<const char*, std::string> lines[] = {
      {"letters", "x"}, {"commas", ","}, {"quoted", "y\ny,"}, {"doubled quotes", "\"\""}};
  for (const auto& [what, pattern] : lines) {
    SCOPED_TRACE(what);
    const bool quoted = pattern != "x" && pattern != ",";
    const auto status = SendLongLine(&site, kVotesHeader + (quoted ? "\"" : ""), pattern);
    ExpectWhere(status, "votes.csv: row 2");
  }
  EXPECT_LT(site.process().PeakMemoryKib(), peak + 128 * 1024);
  EXPECT_EQ(site.Digest(), before);
}

TEST(BadFiles, AClientThatVanishesLeavesNothing) {
  Site site;
  const std::string before = site.Digest();
  for (int i = 0; i < 20; ++i) {
    const auto stub = RegistryService::NewStub(site.channel());
    Context context(Steward());
    const auto stream = stub->ImportOrganisations(context.get());
    ASSERT_TRUE(SendPractices(
        stream.get(),
        kPracticesHeader + "A81001,THE SURGERY,U00001,A PCN,QHM,AN ICB,Y63,A REGION,\n"));
    context.get()->TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  for (int i = 0; i < 20; ++i) {
    const auto stub = site.Events();
    Context context;
    auto stream = stub->ImportFiles(context.get());
    events::v1::ImportFilesRequest request;
    auto* header = request.mutable_header();
    header->set_parent(kParent);
    header->set_kind(Import::KIND_POLIS);
    header->set_content_digest(DigestOf({{"votes.csv", kVotesHeader}}));
    header->set_request_id("vanishes");
    ASSERT_TRUE(stream->Write(request));
    request.mutable_piece()->set_file_name("votes.csv");
    request.mutable_piece()->set_content(kVotesHeader);
    request.mutable_piece()->set_last(true);
    ASSERT_TRUE(stream->Write(request));
    context.get()->TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  EXPECT_EQ(site.Digest(), before);
}

// ---- A damaged byte -----------------------------------------------------------------------------

// Flips one bit of every table file of a store; false when there is none.
bool Damage(const std::filesystem::path& store, std::mt19937* random) {
  bool any = false;
  for (const auto& entry : std::filesystem::directory_iterator(store)) {
    if (entry.path().extension() != ".sst") continue;
    std::string content = ReadFile(entry.path());
    char& byte = content[(*random)() % content.size()];
    byte = static_cast<char>(byte ^ 0x10);
    std::ofstream(entry.path(), std::ios::binary) << content;
    any = true;
  }
  return any;
}

TEST(DamagedByte, IsSaidAndNeverServed) {
  Site site;
  PolisShape shape;
  shape.votes = 2000;
  const auto import = RunImport(site.channel(), GeneratedPolis(shape));
  ASSERT_TRUE(import.ok()) << import.status();
  site.Digest();  // Twice, so that the log is in tables.
  site.Stop();
  Folder whole;
  std::filesystem::copy(site.folder(), whole.path() / "data",
                        std::filesystem::copy_options::recursive);
  std::mt19937 random(Seed());
  const int cases = 3 + FromEnvironment("WATERLINE_CASES", 0) / 20;
  for (int i = 0; i < cases; ++i) {
    Folder copy;
    const auto data = copy.path() / "data";
    std::filesystem::copy(whole.path() / "data", data, std::filesystem::copy_options::recursive);
    ASSERT_TRUE(Damage(data / "stores" / "events", &random));
    Process process(data);
    if (!process.serving()) {
      EXPECT_EQ(process.Wait(), 1);
      const std::string errors = process.Errors();
      EXPECT_NE(errors.find("events"), std::string::npos) << errors;
      EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
      continue;
    }
    const auto stub = EventsService::NewStub(process.channel());
    events::v1::TallyReactionsRequest request;
    request.set_parent(import->event());
    events::v1::TallyReactionsResponse tally;
    const auto status = Call(stub.get(), &Stub::TallyReactions, request, &tally);
    if (status.ok()) {
      EXPECT_EQ(tally.total().SerializeAsString(),
                import->report().current_reactions().SerializeAsString());
    } else {
      EXPECT_EQ(ReasonOf(status), "DATA_DAMAGED") << status;
    }
    const auto registry = RegistryService::NewStub(process.channel());
    registry::v1::WhoAmIResponse who;
    EXPECT_TRUE(Call(registry.get(), &RegistryService::Stub::WhoAmI, {}, &who).ok())
        << "the server stays up";
    EXPECT_EQ(process.Terminate(), 0);
  }
}

// ---- Reverts ------------------------------------------------------------------------------------

std::string Answer(int source, int value, const std::string& day) {
  return "s" + std::to_string(source) + ",trust.skills.listening,SU," + std::to_string(value) +
         ",,seat-" + std::to_string(source) + "," + day + ",\n";
}

// Two files that overlap: equal rows, a later version, and rows of their own.
Files EarlierFile() {
  return {{"responses.csv", kResponsesHeader + Answer(1, 1, "2026-03-02") +
                                Answer(2, 2, "2026-03-02") + Answer(3, 3, "2026-03-02")}};
}
Files LaterFile() {
  return {{"responses.csv", kResponsesHeader + Answer(2, 2, "2026-03-02") +
                                Answer(3, 4, "2026-03-09") + Answer(4, 0, "2026-03-09")}};
}

class Revert : public ::testing::Test {
 protected:
  Revert() { into_.kind = Import::KIND_RESPONSES; }

  std::string Bring(Site* site, const Files& files) {
    const auto import = RunImport(site->channel(), files, into_);
    EXPECT_TRUE(import.ok()) << import.status();
    return import.ok() ? import->name() : "";
  }
  void TakeBack(Site* site, const std::string& import) {
    events::v1::RevertImportRequest request;
    request.set_name(import);
    request.set_request_id("revert" + std::to_string(reverts_++));
    events::v1::RevertImportResponse response;
    const auto status = Call(site->Events().get(), &Stub::RevertImport, request, &response);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(response.import().state(), Import::STATE_REVERTED);
  }
  void RecordTheSameByHand(Site* site) {
    events::v1::RecordResponsesRequest request;
    request.set_parent(into_.event);
    request.set_request_id("by-hand");
    auto* response = request.add_responses();
    response->set_source_id("s1");
    response->set_indicator("trust.skills.listening");
    response->set_respondent_group("SU");
    response->set_value(1);
    response->set_informant("seat-1");
    response->set_collected_on("2026-03-02");
    events::v1::RecordResponsesResponse recorded;
    const auto status = Call(site->Events().get(), &Stub::RecordResponses, request, &recorded);
    EXPECT_TRUE(status.ok()) << status;
  }

  ImportOptions into_;
  int reverts_ = 0;
};

TEST_F(Revert, TakesAnImportBackWhateverStandsUnderIt) {
  Site site;
  into_.event = site.OpenEvent();
  const std::string nothing = site.Digest();
  const auto earlier = Bring(&site, EarlierFile());
  const std::string one = site.Digest();
  const auto later = Bring(&site, LaterFile());
  EXPECT_NE(site.Digest(), one);
  TakeBack(&site, later);
  EXPECT_EQ(site.Digest(), one) << "superseded rows return";
  TakeBack(&site, earlier);
  EXPECT_EQ(site.Digest(), nothing);
}

TEST_F(Revert, LeavesWhatAnotherImportHoldsToo) {
  Site site;
  into_.event = site.OpenEvent();
  const auto earlier = Bring(&site, EarlierFile());
  Bring(&site, LaterFile());
  TakeBack(&site, earlier);
  const std::string left = site.Digest();
  Site only_later;
  into_.event = only_later.OpenEvent();
  Bring(&only_later, LaterFile());
  EXPECT_EQ(left, only_later.Digest());
}

TEST_F(Revert, LeavesWhatWasRecordedByHand) {
  Site site;
  into_.event = site.OpenEvent();
  const auto earlier = Bring(&site, EarlierFile());
  RecordTheSameByHand(&site);
  TakeBack(&site, earlier);
  const std::string left = site.Digest();
  Site by_hand;
  into_.event = by_hand.OpenEvent();
  RecordTheSameByHand(&by_hand);
  EXPECT_EQ(left, by_hand.Digest());
}

TEST_F(Revert, TakesAPolisImportBackAndLeavesTheOtherOne) {
  PolisShape shape;
  shape.seed = Seed();
  shape.votes = 400;
  Files first = GeneratedPolis(shape);
  Files second = first;
  second["votes.csv"] = ShuffledLines(first["votes.csv"], 1) + "1658999999999,x,1,1,1\n";
  second["comments.csv"] += "1658933760000,x,900,901,0,0,1,Only here\n";
  into_.kind = Import::KIND_POLIS;
  Site site;
  into_.event = site.OpenEvent();
  const std::string nothing = site.Digest();
  const auto one = Bring(&site, first);
  const std::string with_one = site.Digest();
  const auto two = Bring(&site, second);
  const std::string with_both = site.Digest();
  TakeBack(&site, two);
  EXPECT_EQ(site.Digest(), with_one);
  const auto two_again = Bring(&site, second);
  EXPECT_EQ(site.Digest(), with_both);
  TakeBack(&site, one);
  Site only_two;
  into_.event = only_two.OpenEvent();
  Bring(&only_two, second);
  EXPECT_EQ(site.Digest(), only_two.Digest());
  TakeBack(&site, two_again);
  EXPECT_EQ(site.Digest(), nothing);
}

}  // namespace
}  // namespace waterline::testing
