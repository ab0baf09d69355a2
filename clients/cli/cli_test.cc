// Settings, fields, output, errors and names as their headers promise.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "clients/cli/errors.h"
#include "clients/cli/fields.h"
#include "clients/cli/json_text.h"
#include "clients/cli/new_file.h"
#include "clients/cli/output.h"
#include "clients/cli/resolve.h"
#include "clients/cli/session.h"
#include "clients/cli/settings.h"
#include "clients/cli/upload.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"
#include "services/common/text/id.h"
#include "waterline/accountability/v1/ledger.pb.h"
#include "waterline/events/v1/events.pb.h"
#include "waterline/registry/v1/registry.pb.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() : path_(fs::path(::testing::TempDir()) / ("cli-" + RandomUuid())) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  std::string File(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return (path_ / name).string();
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

// -- settings --

TEST(Settings, WhatIsFormattedIsParsedAgain) {
  Contexts contexts;
  contexts.in_use = "local";
  contexts.contexts["local"] = {{"server", "unix:/run/w"}, {"org", "ods-qnx"}};
  contexts.contexts["other"] = {{"purpose", "service_design"}};
  const auto parsed = ParseContexts(FormatContexts(contexts));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->in_use, "local");
  EXPECT_EQ(parsed->contexts, contexts.contexts);
}

TEST(Settings, AMistakeInTheFileNamesItsLine) {
  EXPECT_THAT(ParseContexts("use = a\nserver = x\n").status().message(), HasSubstr("line 2"));
  EXPECT_THAT(ParseContexts("[context a]\n\nnonsense\n").status().message(), HasSubstr("line 3"));
  EXPECT_THAT(ParseContexts("[contxt a]\n").status().message(), HasSubstr("line 1"));
  EXPECT_FALSE(ParseContexts("[context a]\ncolour = red\n").ok());
}

TEST(Settings, FlagsWinOverTheContextAndEmptyOnesAreNotSaid) {
  Contexts contexts;
  contexts.in_use = "local";
  contexts.contexts["local"] = {{"org", "ods-qnx"}, {"actor", "ann"}};
  const auto settled = Settle({{"actor", "bob"}, {"org", ""}}, contexts, "");
  ASSERT_TRUE(settled.ok());
  EXPECT_EQ(settled->at("actor"), "bob");
  EXPECT_EQ(settled->at("org"), "ods-qnx");
  EXPECT_EQ(settled->at("server"), kDefaultServer);
}

TEST(Settings, AnUnknownContextIsNotFoundWithASuggestion) {
  Contexts contexts;
  contexts.contexts["local"] = {};
  const auto settled = Settle({}, contexts, "locl");
  EXPECT_EQ(ExitCodeOf(settled.status()), kExitNotFound);
  EXPECT_THAT(std::string(settled.status().message()), HasSubstr("did you mean local"));
}

TEST(Settings, SavedForTheirOwnerAlone) {
  const Folder folder;
  const std::string path = folder.path() + "/new/context";
  EXPECT_TRUE(LoadContexts(path)->contexts.empty());
  Contexts contexts;
  contexts.contexts["a"] = {{"org", "ods-qnx"}};
  ASSERT_TRUE(SaveContexts(path, contexts).ok());
  EXPECT_EQ(LoadContexts(path)->contexts, contexts.contexts);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

// -- fields --

const std::vector<FieldFlag> kEventFlags = {
    {"--title", "title", ""},   {"--venue", "venue.title", ""},    {"--starts-at", "starts_at", ""},
    {"--tally", "tallies", ""}, {"--level", "level_promised", ""}, {"--capacity", "capacity", ""},
    {"--topic", "topics", ""},  {"--state", "state", ""}};

TEST(Fields, EveryShapeOfFlagIsSetAndReadBack) {
  events::v1::Event event;
  google::protobuf::FieldMask mask;
  const FieldValues values = {{"--title", {"Workshop"}},
                              {"--venue", {"Quay Hall"}},
                              {"--starts-at", {"2026-03-02T10:00:00Z"}},
                              {"--tally", {"patient=14", "carer=3"}},
                              {"--level", {"iap2:involve"}},
                              {"--capacity", {"30"}},
                              {"--topic", {"access", "words"}},
                              {"--state", {"fed_back"}}};
  ASSERT_TRUE(SetFields(kEventFlags, values, &event, &mask).ok());
  EXPECT_EQ(FieldText(event, "title"), "Workshop");
  EXPECT_EQ(FieldText(event, "venue.title"), "Quay Hall");
  EXPECT_EQ(FieldText(event, "starts_at"), "2026-03-02T10:00:00Z");
  EXPECT_EQ(FieldText(event, "tallies"), "patient=14; carer=3");
  EXPECT_EQ(FieldText(event, "level_promised"), "iap2:involve");
  EXPECT_EQ(FieldText(event, "capacity"), "30");
  EXPECT_EQ(FieldText(event, "topics"), "access; words");
  EXPECT_EQ(FieldText(event, "state"), "fed back");
  EXPECT_THAT(mask.paths(), ElementsAre("title", "venue", "starts_at", "tallies", "level_promised",
                                        "capacity", "topics", "state"));
}

TEST(Fields, AllThatDoesNotFitIsListedWithoutItsValue) {
  events::v1::Event event;
  google::protobuf::FieldMask mask;
  const FieldValues values = {{"--starts-at", {"tomorrow-planted"}},
                              {"--tally", {"fourteen-planted"}},
                              {"--capacity", {"-5"}},
                              {"--state", {"happy-planted"}}};
  const auto status = SetFields(kEventFlags, values, &event, &mask);
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELDS");
  EXPECT_EQ(ViolationsOf(status).size(), 4u);
  EXPECT_THAT(Explain(status, ""), Not(HasSubstr("planted")));
}

TEST(Fields, NothingGivenChangesNothing) {
  events::v1::Event event;
  google::protobuf::FieldMask mask;
  ASSERT_TRUE(SetFields(kEventFlags, {{"--title", {}}}, &event, &mask).ok());
  EXPECT_EQ(mask.paths_size(), 0);
  EXPECT_EQ(FieldText(event, "title"), "");
}

TEST(Fields, TheFirstEntryOfALogHasTheIndexZero) {
  accountability::v1::Receipt receipt;
  receipt.mutable_position()->set_epoch(1);
  receipt.mutable_position()->set_index(0);
  EXPECT_EQ(FieldText(receipt, "position.index"), "0");
}

// -- output --

TEST(Output, TablesAlignByCharactersAndCutSentencesOnly) {
  const std::string sentence(30, 'a');
  const std::string name(80, 'n');
  const std::string table =
      FormatTable({{"one", "two"}, {{"é", "x"}, {sentence + " " + sentence, name}}}, false);
  EXPECT_THAT(table, HasSubstr("é" + std::string(59, ' ') + "  x\n"));
  EXPECT_THAT(table, HasSubstr("…"));
  EXPECT_THAT(table, HasSubstr(name));
}

TEST(Output, ALineFeedInACellDoesNotBreakTheTable) {
  EXPECT_EQ(FormatTable({{"a"}, {{"x\ny"}}}, false), "a\nx y\n");
}

TEST(Output, ColoursOnlyWhenAskedFor) {
  EXPECT_THAT(FormatTable({{"a"}, {{"x"}}}, false), Not(HasSubstr("\x1b")));
  EXPECT_THAT(FormatTable({{"a"}, {{"x"}}}, true), HasSubstr("\x1b[1m"));
}

TEST(Output, CsvQuotesWhatItMust) {
  EXPECT_EQ(FormatCsv({{"a", "b"}, {{"x,y", "say \"no\""}}}), "a,b\n\"x,y\",\"say \"\"no\"\"\"\n");
}

TEST(Output, ListsShowIdsInATableAndNamesElsewhere) {
  events::v1::Event event;
  event.set_name("organisations/ods-qnx/events/e1");
  const Messages messages = {&event};
  ::testing::internal::CaptureStdout();
  Output(Format::kTable, false, false).List(messages, {"name"});
  std::fflush(stdout);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "name\ne1\n");
  ::testing::internal::CaptureStdout();
  Output(Format::kCsv, false, false).List(messages, {"name"});
  std::fflush(stdout);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "name\norganisations/ods-qnx/events/e1\n");
}

TEST(Output, JsonTextIsEscaped) {
  EXPECT_EQ(JsonString("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\n\\u0001\"");
  EXPECT_EQ(JsonNumber(-0.01), "0");
  EXPECT_EQ(JsonNumber(12.34), "12.3");
}

// -- errors --

TEST(Errors, EachStatusHasItsExitCode) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::UnauthenticatedError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::AlreadyExistsError("")), 6);
  EXPECT_EQ(ExitCodeOf(absl::AbortedError("")), 6);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("")), 6);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 7);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), 7);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), 8);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 1);
}

TEST(Errors, EveryWrongFieldOnceAndTheNextStep) {
  const std::string text = Explain(BadFields({{"a", "is required"}, {"b", "is too long"}}), "");
  EXPECT_EQ(text,
            "waterline: 2 fields do not fit\n  a is required\n  b is too long\n"
            "  reason: INVALID_FIELDS\n  next: Correct what is listed and repeat the command.\n");
}

TEST(Errors, NobodyAtTheAddress) {
  EXPECT_THAT(Explain(absl::UnavailableError("failed to connect"), "127.0.0.1:9"),
              HasSubstr("nothing answers at 127.0.0.1:9"));
}

TEST(Errors, AMessageThatSaysWhatToDoIsNotAdvisedAgain) {
  const auto status = Error(reason::kStateForbids, "no network; run `waterline admin init`");
  EXPECT_THAT(Explain(status, ""), Not(HasSubstr("next:")));
}

TEST(Errors, EveryCommonReasonHasAdvice) {
  for (const auto* reason :
       {"INVALID_FIELDS",     "PURPOSE_REQUIRED", "NOT_CONTROLLER",      "NOT_MEMBER",
        "ROLE_NOT_PERMITTED", "NOT_FOUND",        "ALREADY_EXISTS",      "ETAG_MISMATCH",
        "STATE_FORBIDS",      "IDENTITY_MISSING", "STORAGE_FULL",        "DATA_DAMAGED",
        "KEY_MISSING",        "UNEXPECTED",       "TOKEN_INVALID",       "TOKEN_EXPIRED",
        "TOKEN_REPLAYED",     "TOKEN_BINDING",    "CERTIFICATE_REFUSED", "ISSUER_NOT_PINNED"}) {
    EXPECT_NE(NextStep(reason), "") << reason;
  }
  EXPECT_EQ(NextStep("SOMETHING_NEW"), "");
}

// -- names --

const std::vector<Candidate> kPlaces = {
    {"places/harbour", "Harbour"}, {"places/hill", "The Hill"}, {"places/hill-2", "the hill"}};

TEST(Resolve, ByNameIdOrTitleInAnyCase) {
  for (const auto* typed : {"places/harbour", "harbour", "HARBOUR", " Harbour "}) {
    const auto found = Choose(typed, "place", kPlaces);
    ASSERT_TRUE(found.ok()) << typed;
    EXPECT_EQ(found->name, "places/harbour");
  }
}

TEST(Resolve, TwoOfOneTitleAreNamedNotGuessed) {
  const auto status = Choose("The hill", "place", kPlaces).status();
  EXPECT_EQ(ExitCodeOf(status), kExitInvalid);
  EXPECT_THAT(std::string(status.message()), HasSubstr("places/hill, places/hill-2"));
  EXPECT_EQ(Choose("hill", "place", kPlaces)->name, "places/hill") << "an id is unique";
}

TEST(Resolve, AMissSuggestsWhatIsNear) {
  const auto status = Choose("Harbor", "place", kPlaces).status();
  EXPECT_EQ(ReasonOf(status), "NOT_FOUND");
  EXPECT_THAT(std::string(status.message()), HasSubstr("did you mean Harbour?"));
  EXPECT_THAT(std::string(Choose("Zzzzzzzz", "place", kPlaces).status().message()),
              Not(HasSubstr("did you mean")));
}

TEST(Resolve, CodesOfOrganisations) {
  EXPECT_THAT(OrganisationIdsFor("ods-qnx"), ElementsAre("ods-qnx"));
  EXPECT_THAT(OrganisationIdsFor("QNX"), ElementsAre("ods-qnx"));
  EXPECT_THAT(OrganisationIdsFor("1234567"), ElementsAre("ods-1234567", "chc-1234567"));
  EXPECT_TRUE(OrganisationIdsFor("Quay Surgery").empty());
  EXPECT_EQ(OrganisationIdFrom("organisations/ods-qnx"), "ods-qnx");
  EXPECT_EQ(OrganisationIdFrom("QNX"), "ods-qnx");
  EXPECT_EQ(OrganisationIdFrom("local-board"), "local-board");
}

// -- session, files --

TEST(Session, RequestIdsAreRandomUuids) {
  const std::string one = RandomUuid();
  EXPECT_NE(one, RandomUuid());
  EXPECT_TRUE(text::IsRequestId(one));
  ASSERT_EQ(one.size(), 36u);
  EXPECT_EQ(one[14], '4');
  EXPECT_THAT(std::string("89ab"), HasSubstr(std::string(1, one[19])));
}

TEST(Session, WhatCannotTravelBesideACallIsRefusedBeforeIt) {
  const Output output(Format::kJson, false, false);
  for (const char* key : {"org", "actor", "role", "purpose", "agreement", "justification"}) {
    for (const char* value : {"planted Zo\xc3\xab", "planted\nline", "planted\x7f"}) {
      Session session({{{"server", "127.0.0.1:1"}, {key, value}}, "", {}, false}, &output);
      const auto status =
          session.Get<registry::v1::WhoAmIResponse>(registry::v1::WhoAmIRequest()).status();
      ASSERT_EQ(ViolationsOf(status).size(), 1u) << key;
      EXPECT_EQ(ViolationsOf(status)[0].field, "--" + std::string(key));
      EXPECT_EQ(ExitCodeOf(status), kExitInvalid);
      EXPECT_THAT(Explain(status, ""), Not(HasSubstr("planted")));
      EXPECT_FALSE(session.channel("/waterline.registry.").ok()) << "streams too";
    }
  }
}

TEST(Upload, TheDigestIsThatOfTheProtocol) {
  const Folder folder;
  const std::string large(200'000, 'x');
  const FileSet files = {{"b.csv", folder.File("1", large)}, {"a.csv", folder.File("2", "")}};
  const std::string expected = crypto::HexEncode(crypto::Sha256(
      std::string("a.csv") + '\0' + crypto::Sha256("") + "b.csv" + '\0' + crypto::Sha256(large)));
  EXPECT_EQ(*DigestOf(files), expected);
}

TEST(Upload, AFolderWithoutFilesIsSaid) {
  const Folder folder;
  EXPECT_EQ(ExitCodeOf(PolisFiles(folder.path()).status()), kExitNotFound);
  folder.File("votes.csv", "");
  folder.File("other.csv", "");
  EXPECT_EQ(PolisFiles(folder.path())->size(), 1u);
  EXPECT_EQ(ExitCodeOf(DigestOf({{"a", folder.path()}}).status()), kExitNotFound);
}

TEST(NewFile, IsThereWholeOrNotAtAll) {
  const Folder folder;
  const std::string path = folder.path() + "/out";
  {
    const auto file = NewFile::Open(path, NewFile::Existing::kKeep);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Write("half").ok());
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
  {
    const auto file = NewFile::Open(path, NewFile::Existing::kKeep);
    ASSERT_TRUE((*file)->Write("whole").ok());
    ASSERT_TRUE((*file)->Finish().ok());
  }
  EXPECT_EQ(fs::file_size(path), 5u);
  EXPECT_EQ(ExitCodeOf(NewFile::Open(path, NewFile::Existing::kKeep).status()), kExitConflict);
  EXPECT_TRUE(NewFile::Open(path, NewFile::Existing::kReplace).ok());
  EXPECT_EQ(fs::file_size(path), 5u) << "not replaced before it is whole";
  EXPECT_FALSE(NewFile::Open(folder.path() + "/no/out", NewFile::Existing::kReplace).ok());
}

}  // namespace
}  // namespace waterline::cli
