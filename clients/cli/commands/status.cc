// status, whoami, codes.

#include "clients/cli/commands/commands.h"
#include "clients/cli/fields.h"
#include "clients/cli/json_text.h"
#include "clients/cli/partner_check.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/utf8.h"
#include "waterline/events/v1/events_service.pb.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

constexpr const char* kServices[] = {
    "waterline.registry.v1.RegistryService", "waterline.events.v1.EventsService",
    "waterline.inference.v1.InferenceService", "waterline.accountability.v1.AccountabilityService"};

struct Nothing {};

struct CodesOptions {
  std::string list;
};

// registry of waterline.registry.v1.RegistryService
std::string ShortName(const std::string& service) {
  const size_t begin = service.find('.') + 1;
  return service.substr(begin, service.find('.', begin) - begin);
}

std::string StatusJson(const std::string& server, const registry::v1::WhoAmIResponse& network,
                       const Table& services) {
  std::string out = "{\"server\": " + JsonString(server) +
                    ", \"version\": " + JsonString(network.server_version()) +
                    ", \"network\": " + JsonString(network.network()) +
                    ", \"host\": " + JsonString("organisations/" + network.host()) +
                    ", \"development\": " + (network.development() ? "true" : "false") +
                    ", \"demonstration\": " + (network.demonstration() ? "true" : "false") +
                    ", \"test\": " + (network.test() ? "true" : "false") + ", \"services\": {";
  for (size_t i = 0; i < services.rows.size(); ++i) {
    out += (i == 0 ? "" : ", ") + JsonString(services.rows[i][0]) + ": " +
           JsonString(services.rows[i][1]);
  }
  return out + "}}\n";
}

std::string StatusText(const std::string& server, const registry::v1::WhoAmIResponse& network) {
  std::string out = "server   " + server + ", version " + network.server_version() + "\n";
  out += "network  " + network.network() + ", host organisations/" + network.host() + "\n";
  if (network.demonstration()) out += "         DEMONSTRATION: everything in it is invented\n";
  if (network.authentication() == accountability::v1::AUTHENTICATION_DEV)
    out += "         development identity: callers are believed\n";
  if (network.test())
    out += "         you are a TEST organisation: others' maps and counts leave your data out\n";
  return out + "\n";
}

absl::Status Status(Session* session, const Nothing& /*options*/) {
  Table services{{"service", "state"}, {}};
  bool all = true;
  for (const char* service : kServices) {
    WATERLINE_ASSIGN_OR_RETURN(const std::string state, session->Health(service));
    services.rows.push_back({ShortName(service), state});
    all = all && state == "serving";
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto network, session->Get<registry::v1::WhoAmIResponse>(
                                                     registry::v1::WhoAmIRequest()));
  const auto& output = session->output();
  const std::string server = session->Setting("server");
  if (output.format() == Format::kTable) output.Write(StatusText(server, network));
  if (output.format() == Format::kJson || output.format() == Format::kNdjson) {
    output.Write(StatusJson(server, network, services));
  } else {
    output.Rows(services);
  }
  if (all) return absl::OkStatus();
  return Error(reason::kUnavailable, "not every service is serving");
}

// What this program adds to the server's answer: name, value for people, value in JSON.
struct Fact {
  std::string name;
  std::string text;
  std::string json;
};

absl::StatusOr<std::vector<Fact>> OwnFacts(Session* session, const Met& met) {
  std::vector<Fact> facts;
  WATERLINE_ASSIGN_OR_RETURN(const auto left, CertificateMsLeft(session));
  if (left) {
    const std::string days = std::to_string(DaysLeft(*left));
    facts.push_back({"certificate_days_left", days, days});
  }
  if (met.clock_ahead) {
    const std::string seconds = JsonNumber(static_cast<double>(met.clock_ahead->count()) / 1000);
    facts.push_back({"clock_ahead_seconds", seconds, seconds});
  }
  const auto in_force = AgreementsInForce(session);
  const std::string unknown =
      in_force.ok()
          ? ""
          : "unknown: " +
                ReasonOf(in_force.status()).value_or(std::string(in_force.status().message()));
  const std::string count = in_force.ok() ? std::to_string(*in_force) : unknown;
  facts.push_back({"agreements_in_force", count, in_force.ok() ? count : JsonString(unknown)});
  return facts;
}

absl::Status WhoAmI(Session* session, const Nothing& /*options*/) {
  WATERLINE_ASSIGN_OR_RETURN(const auto met, Meet(session));
  WATERLINE_ASSIGN_OR_RETURN(const auto facts, OwnFacts(session, met));
  const auto& output = session->output();
  if (output.format() == Format::kJson || output.format() == Format::kNdjson) {
    std::string json = ToJson(met.answer, false);
    json.resize(json.rfind('}'));
    for (const auto& fact : facts)
      json += (json.ends_with('{') ? "" : ", ") + JsonString(fact.name) + ": " + fact.json;
    output.Write(json + "}\n");
    return absl::OkStatus();
  }
  Table table{{"field", "value"}, {}};
  for (const auto& [name, value] : AllFields(met.answer)) table.rows.push_back({name, value});
  for (const auto& fact : facts) table.rows.push_back({fact.name, fact.text});
  output.Fields(table);
  return absl::OkStatus();
}

absl::StatusOr<registry::v1::ListCodeListsResponse> CodeLists(Session* session,
                                                              const std::string& list) {
  registry::v1::ListCodeListsRequest request;
  request.set_id(list);
  return session->Get<registry::v1::ListCodeListsResponse>(request);
}

absl::Status NoSuchList(Session* session, const std::string& list) {
  WATERLINE_ASSIGN_OR_RETURN(const auto all, CodeLists(session, ""));
  std::vector<std::string> ids;
  for (const auto& one : all.code_lists()) ids.push_back(one.id());
  const std::string near = text::Suggestion(list, ids);
  return Error(reason::kNotFound, "there is no code list \"" + list + "\"" +
                                      (near.empty() ? "; `waterline codes` lists all"
                                                    : "; did you mean " + near + "?"));
}

// The catalogue is no code list, but people look for it here.
absl::Status Indicators(Session* session) {
  WATERLINE_ASSIGN_OR_RETURN(const auto catalogue,
                             session->Get<events::v1::GetIndicatorCatalogueResponse>(
                                 events::v1::GetIndicatorCatalogueRequest()));
  Messages messages;
  for (const auto& indicator : catalogue.indicators()) messages.push_back(&indicator);
  session->output().List(messages, {"id", "scale", "respondent_groups", "wording"});
  return absl::OkStatus();
}

absl::Status Codes(Session* session, const CodesOptions& options) {
  if (options.list == "indicators") return Indicators(session);
  const auto lists = CodeLists(session, options.list);
  if (absl::IsNotFound(lists.status())) return NoSuchList(session, options.list);
  if (!lists.ok()) return lists.status();
  Messages messages;
  if (options.list.empty()) {
    for (const auto& list : lists->code_lists()) messages.push_back(&list);
    session->output().List(messages, {"id", "version", "title"});
    session->output().Hint(
        "`waterline codes LIST` shows the codes of one, `waterline codes indicators` the "
        "questions.");
    return absl::OkStatus();
  }
  for (const auto& list : lists->code_lists()) {
    for (const auto& code : list.codes()) messages.push_back(&code);
  }
  session->output().List(messages, {"code", "label", "note"});
  return absl::OkStatus();
}

}  // namespace

void AddStatusCommands(CLI::App* app, Invocation* invocation) {
  const auto nothing = std::make_shared<Nothing>();
  AddCommand(app, invocation, "status", "What serves at the server, and which network it is",
             nothing, Status);
  AddCommand(app, invocation, "whoami", "What the server sees of you", nothing, WhoAmI);
  const auto codes = std::make_shared<CodesOptions>();
  auto* command =
      AddCommand(app, invocation, "codes", "The code lists, or the codes of one", codes, Codes);
  command->add_option(
      "list", codes->list,
      "e.g. purpose, engagement_method; `indicators` for the catalogue of questions");
}

}  // namespace waterline::cli
