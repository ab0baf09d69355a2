// agreement: the terms under which records cross organisational boundaries, from the draft to the
// end; and why something was decided.

#include <fmt/format.h>

#include "clients/cli/commands/commands.h"
#include "clients/cli/explanation_view.h"
#include "clients/cli/new_file.h"
#include "clients/cli/resolve.h"
#include "google/protobuf/util/json_util.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/crypto/public_key.h"
#include "services/common/data/agreement_templates.h"
#include "services/common/identity/jws.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "waterline/accountability/v1/accountability_service.pb.h"
#include "waterline/accountability/v1/agreement_service.pb.h"

namespace waterline::cli {
namespace {

namespace v1 = accountability::v1;

struct TemplateOptions {
  std::string name;
};
struct DraftOptions {
  std::string file;
  std::string from_refusal;
};
struct UpdateOptions {
  std::string name;
  std::string file;
};
struct NameOptions {
  std::string name;
};
struct ListOptions {
  size_t limit = 0;
};
struct AssessOptions {
  std::string name;
  std::string dpia_reference;
  std::string approved_by;
  bool dpo_advice = false;
};
struct SignOptions {
  std::string name;
  std::string key_file;
  std::string signatory;
};
struct EndOptions {
  std::string name;
  std::string reason;
};
struct ExplainOptions {
  std::string position;
};
struct SimulateOptions {
  std::string draft_file;
  std::string position;
  FieldValues question;
};

const std::vector<FieldFlag>& QuestionFlags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--with", "organisation", "The organisation that would ask; your own by default"},
      {"--controller", "controller", "Whose records; your own by default"},
      {"--role", "role", "Who would ask there; your own role by default"},
      {"--operation", "operation", "read, search, count, infer, export, ...; read by default"},
      {"--category", "categories", "What kind of data; more than once"},
      {"--scope", "scopes", "A place, programme or event; more than once"}};
  return *flags;
}

std::string AgreementName(const std::string& typed) {
  return typed.starts_with("agreements/") ? typed : "agreements/" + typed;
}

absl::StatusOr<v1::AgreementTerms> ReadTerms(const std::string& file) {
  WATERLINE_ASSIGN_OR_RETURN(const std::string text, ReadText(file));
  v1::AgreementTerms terms;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, &terms);
  if (parsed.ok()) return terms;
  return Error(reason::kInvalidFields,
               file + " is no agreement in JSON: " +
                   std::string(parsed.message().data(), parsed.message().size()));
}

absl::Status CheckedPosition(const std::string& typed, common::v1::LedgerPosition* position) {
  if (ParsePosition(typed, position)) return absl::OkStatus();
  return Error(reason::kInvalidFields,
               "\"" + typed +
                   "\" is no place in the ledger; give EPOCH/INDEX, as `--receipt` and "
                   "`waterline audit list` show it");
}

absl::Status ShowExplanation(Session* session, const v1::Explanation& explanation) {
  if (session->output().format() != Format::kTable) return ShowRecord(session, explanation);
  session->output().Write(ExplanationText(explanation));
  return absl::OkStatus();
}

absl::Status Template(Session* session, const TemplateOptions& options) {
  if (options.name.empty()) {
    Table table{{"template", "for"}, {}};
    for (const auto& name : data::TemplateNames())
      table.rows.push_back({name, data::Template(name)->title});
    session->output().Rows(table);
    session->output().Hint("`waterline agreement template NAME` prints one to fill in.");
    return absl::OkStatus();
  }
  const auto* found = data::Template(options.name);
  if (found == nullptr)
    return Error(reason::kNotFound, "there is no such template; there are " +
                                        fmt::format("{}", fmt::join(data::TemplateNames(), ", ")));
  session->output().Write(found->json);
  std::string notes = found->about + "\n";
  for (const auto& [path, words] : found->comments) notes += path + ": " + words + "\n";
  session->output().Hint(notes);
  return absl::OkStatus();
}

absl::Status DraftFromRefusal(Session* session, const std::string& position) {
  v1::DraftFromRefusalRequest request;
  WATERLINE_RETURN_IF_ERROR(CheckedPosition(position, request.mutable_position()));
  WATERLINE_ASSIGN_OR_RETURN(const auto made, session->Get<v1::DraftFromRefusalResponse>(request));
  session->output().Write(ToJson(made.terms(), true) + "\n");
  session->output().Hint(
      "Nothing was stored. Fill in what is left open, then: waterline agreement draft FILE");
  return absl::OkStatus();
}

absl::Status Draft(Session* session, const DraftOptions& options) {
  if (options.file.empty() == options.from_refusal.empty())
    return Error(reason::kInvalidFields, "give either a file or --from-refusal EPOCH/INDEX");
  if (!options.from_refusal.empty()) return DraftFromRefusal(session, options.from_refusal);
  v1::CreateAgreementRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_terms(), ReadTerms(options.file));
  WATERLINE_ASSIGN_OR_RETURN(const auto made, session->Get<v1::CreateAgreementResponse>(request));
  return ShowRecord(session, made.agreement());
}

absl::StatusOr<v1::Agreement> Fetch(Session* session, const std::string& name) {
  v1::GetAgreementRequest request;
  request.set_name(AgreementName(name));
  WATERLINE_ASSIGN_OR_RETURN(auto found, session->Get<v1::GetAgreementResponse>(request));
  return std::move(*found.mutable_agreement());
}

absl::Status Update(Session* session, const UpdateOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto before, Fetch(session, options.name));
  v1::UpdateAgreementRequest request;
  request.set_name(before.name());
  request.set_etag(before.etag());
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_terms(), ReadTerms(options.file));
  WATERLINE_ASSIGN_OR_RETURN(const auto made, session->Get<v1::UpdateAgreementResponse>(request));
  return ShowRecord(session, made.agreement());
}

absl::Status Show(Session* session, const NameOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto found, Fetch(session, options.name));
  return ShowRecord(session, found);
}

absl::Status List(Session* session, const ListOptions& options) {
  return session->Show(v1::ListAgreementsRequest(), options.limit,
                       {"name", "terms.reference", "terms.version", "state", "terms.title",
                        "terms.lead", "terms.end"});
}

absl::Status Submit(Session* session, const NameOptions& options) {
  v1::SubmitAgreementRequest request;
  request.set_name(AgreementName(options.name));
  WATERLINE_ASSIGN_OR_RETURN(const auto made, session->Get<v1::SubmitAgreementResponse>(request));
  return ShowRecord(session, made.agreement());
}

absl::Status Assess(Session* session, const AssessOptions& options) {
  v1::RecordAssessmentRequest request;
  request.set_name(AgreementName(options.name));
  auto* assessment = request.mutable_assessment();
  assessment->set_dpia_reference(options.dpia_reference);
  assessment->set_dpia_approved(!options.approved_by.empty());
  assessment->set_dpia_approved_by(options.approved_by);
  assessment->set_dpo_advice_recorded(options.dpo_advice);
  WATERLINE_ASSIGN_OR_RETURN(const auto made, session->Get<v1::RecordAssessmentResponse>(request));
  return ShowRecord(session, made.agreement());
}

// The key never leaves this machine: the text is fetched, its digest signed here.
absl::Status Sign(Session* session, const SignOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const std::string key_text, ReadText(options.key_file));
  WATERLINE_ASSIGN_OR_RETURN(auto key, crypto::PrivateKey::FromPem(key_text));
  const auto signer = identity::Signer::Of(std::move(key));
  WATERLINE_ASSIGN_OR_RETURN(const auto agreement, Fetch(session, options.name));
  if (agreement.document().empty())
    return Error(reason::kStateForbids,
                 "there is no text to sign yet: its lead must submit it first");
  v1::SignAgreementRequest request;
  request.set_name(agreement.name());
  auto* signature = request.mutable_signature();
  signature->set_signatory(options.signatory);
  signature->set_key_id(signer.jwk().kid());
  signature->set_jws(signer.SignDetached(crypto::HexEncode(crypto::Sha256(agreement.document()))));
  WATERLINE_ASSIGN_OR_RETURN(const auto made, session->Get<v1::SignAgreementResponse>(request));
  return ShowRecord(session, made.agreement());
}

template <class Request, class Response>
absl::Status Move(Session* session, const EndOptions& options) {
  Request request;
  request.set_name(AgreementName(options.name));
  request.set_reason(options.reason);
  WATERLINE_ASSIGN_OR_RETURN(const auto made, session->Get<Response>(request));
  return ShowRecord(session, made.agreement());
}

absl::Status Suspend(Session* session, const EndOptions& options) {
  return Move<v1::SuspendAgreementRequest, v1::SuspendAgreementResponse>(session, options);
}
absl::Status Resume(Session* session, const EndOptions& options) {
  return Move<v1::ResumeAgreementRequest, v1::ResumeAgreementResponse>(session, options);
}
absl::Status End(Session* session, const EndOptions& options) {
  return Move<v1::TerminateAgreementRequest, v1::TerminateAgreementResponse>(session, options);
}

absl::Status Explain(Session* session, const ExplainOptions& options) {
  v1::ExplainRequest request;
  WATERLINE_RETURN_IF_ERROR(CheckedPosition(options.position, request.mutable_position()));
  WATERLINE_ASSIGN_OR_RETURN(const auto found, session->Get<v1::ExplainResponse>(request));
  return ShowExplanation(session, found.explanation());
}

// What was typed, and the caller's own for what was not.
absl::Status Hypothesis(Session* session, const SimulateOptions& options,
                        v1::HypotheticalRequest* request) {
  google::protobuf::FieldMask mask;
  WATERLINE_ASSIGN_OR_RETURN(const std::string own, session->Parent());
  request->set_organisation(own);
  request->set_controller(own);
  request->set_role(session->Setting("role"));
  request->set_purpose(session->Setting("purpose"));
  request->set_operation(v1::OPERATION_READ);
  return ChangeFields(session, QuestionFlags(), options.question, request, &mask);
}

absl::Status Simulate(Session* session, const SimulateOptions& options) {
  v1::SimulateRequest request;
  if (!options.draft_file.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(*request.mutable_draft(), ReadTerms(options.draft_file));
  }
  if (!options.position.empty()) {
    WATERLINE_RETURN_IF_ERROR(CheckedPosition(options.position, request.mutable_position()));
  } else {
    WATERLINE_RETURN_IF_ERROR(Hypothesis(session, options, request.mutable_request()));
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto found, session->Get<v1::SimulateResponse>(request));
  return ShowExplanation(session, found.explanation());
}

void AddLifeCommands(CLI::App* family, Invocation* invocation) {
  const auto add = [&](const std::string& name, const std::string& about,
                       absl::Status (*run)(Session*, const EndOptions&)) {
    const auto options = std::make_shared<EndOptions>();
    auto* command = AddCommand(family, invocation, name, about, options, run);
    command->add_option("agreement", options->name, "agreements/{id} or its id")->required();
    command->add_option("--reason", options->reason, "All parties see it")->required();
  };
  add("suspend", "From now on nothing relies on it", Suspend);
  add("resume", "Whoever suspended it puts it in force again", Resume);
  add("end", "End it for good", End);
}

void AddDraftCommands(CLI::App* family, Invocation* invocation) {
  const auto form = std::make_shared<TemplateOptions>();
  AddLocalCommand(family, invocation, "template", "Print a draft to fill in", form, Template)
      ->add_option("template", form->name, "Its name; without one they are listed");
  const auto draft = std::make_shared<DraftOptions>();
  auto* command = AddCommand(family, invocation, "draft",
                             "Store a draft, or make one from a refusal", draft, Draft);
  command->add_option("file", draft->file, "Terms in JSON; - is standard input");
  command->add_option("--from-refusal", draft->from_refusal,
                      "EPOCH/INDEX of a refusal: prints terms that would have allowed just that");
  const auto update = std::make_shared<UpdateOptions>();
  command =
      AddCommand(family, invocation, "update", "Replace the terms of a draft", update, Update);
  command->add_option("agreement", update->name, "agreements/{id} or its id")->required();
  command->add_option("file", update->file, "Terms in JSON; - is standard input")->required();
  const auto submit = std::make_shared<NameOptions>();
  AddCommand(family, invocation, "submit", "Fix the text and put it before the parties", submit,
             Submit)
      ->add_option("agreement", submit->name, "agreements/{id} or its id")
      ->required();
}

void AddSigningCommands(CLI::App* family, Invocation* invocation) {
  const auto assess = std::make_shared<AssessOptions>();
  auto* command =
      AddCommand(family, invocation, "assess",
                 "Record the impact assessment and the officer's advice", assess, Assess);
  command->add_option("agreement", assess->name, "agreements/{id} or its id")->required();
  command->add_option("--dpia", assess->dpia_reference, "Its reference")->required();
  command->add_option("--approved-by", assess->approved_by, "The function that approved it");
  command->add_flag("--dpo-advice", assess->dpo_advice, "The officer's advice is recorded");
  const auto sign = std::make_shared<SignOptions>();
  command = AddCommand(family, invocation, "sign", "Sign for your organisation", sign, Sign);
  command->add_option("agreement", sign->name, "agreements/{id} or its id")->required();
  command->add_option("--key", sign->key_file, "Private key (PEM); it stays on this machine")
      ->required();
  command->add_option("--signatory", sign->signatory, "Your name, as all parties see it")
      ->required();
}

}  // namespace

void AddAgreementCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "agreement", "Sharing agreements, and why something was decided");
  AddDraftCommands(family, invocation);
  AddSigningCommands(family, invocation);
  const auto list = std::make_shared<ListOptions>();
  AddLimit(
      AddCommand(family, invocation, "list", "Those your organisation is a party of", list, List),
      &list->limit);
  const auto show = std::make_shared<NameOptions>();
  AddCommand(family, invocation, "show", "Show one", show, Show)
      ->add_option("agreement", show->name, "agreements/{id} or its id")
      ->required();
  AddLifeCommands(family, invocation);
  const auto explain = std::make_shared<ExplainOptions>();
  AddCommand(family, invocation, "explain", "Why something was permitted, reduced or refused",
             explain, Explain)
      ->add_option("position", explain->position, "EPOCH/INDEX of its receipt")
      ->required();
  const auto simulate = std::make_shared<SimulateOptions>();
  auto* command = AddCommand(family, invocation, "simulate",
                             "What would be decided, with or without a draft", simulate, Simulate);
  command->add_option("draft", simulate->draft_file, "Terms in JSON, as if signed by all");
  command->add_option("--position", simulate->position, "EPOCH/INDEX: a request that was made");
  AddFieldFlags(command, QuestionFlags(), &simulate->question);
}

}  // namespace waterline::cli
