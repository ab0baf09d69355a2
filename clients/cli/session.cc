#include "clients/cli/session.h"

#include <fmt/format.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <future>

#include "clients/cli/credentials.h"
#include "clients/cli/fields.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/rpc/wire.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"
#include "waterline/accountability/v1/ledger.pb.h"

namespace waterline::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kReceiptKey[] = "waterline-receipt-bin";
constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr int kReceiveBytesMax = 2 * rpc::kMessageBytesMax;

// Of a context, or of one call: the key of a setting -> the metadata it travels as.
constexpr std::pair<const char*, const char*> kMetadata[] = {
    {"actor", "waterline-actor"},
    {"role", "waterline-role"},
    {"purpose", "waterline-purpose"},
    {"agreement", "waterline-agreement"},
    {"justification", "waterline-justification"}};

// /waterline.registry.v1.RegistryService/GetPlace of GetPlaceRequest.
std::string MethodOf(const Descriptor* request) {
  for (int i = 0; i < request->file()->service_count(); ++i) {
    const auto* service = request->file()->service(i);
    for (int j = 0; j < service->method_count(); ++j) {
      if (service->method(j)->input_type() == request) {
        return "/" + service->full_name() + "/" + service->method(j)->name();
      }
    }
  }
  return "";
}

const Descriptor* ResponseTypeOf(const Descriptor* request) {
  const std::string method = MethodOf(request);
  std::string full_name = method.substr(1);
  std::replace(full_name.begin(), full_name.end(), '/', '.');
  return request->file()->pool()->FindMethodByName(full_name)->output_type();
}

// What says who asks and why.
struct Sent {
  std::string key;  // Of the setting.
  std::string metadata;
  std::string value;
};

std::vector<Sent> WhatIsSent(const Values& settings) {
  const auto get = [&](const std::string& key) {
    const auto found = settings.find(key);
    return found == settings.end() ? "" : found->second;
  };
  // With TLS, certificate and token say who asks.
  const bool proved = WantsTls(settings);
  std::vector<Sent> out;
  if (!proved) out.push_back({"org", "waterline-organisation", OrganisationIdFrom(get("org"))});
  for (const auto& [key, metadata] : kMetadata) {
    const bool who = std::string_view(key) == "actor" || std::string_view(key) == "role";
    if (!(who && proved)) out.push_back({key, metadata, get(key)});
  }
  std::erase_if(out, [](const Sent& sent) { return sent.value.empty(); });
  return out;
}

// gRPC ends the process over anything else in metadata.
absl::Status CheckSent(const Values& settings) {
  std::vector<FieldViolation> violations;
  for (const auto& sent : WhatIsSent(settings)) {
    if (!std::all_of(sent.value.begin(), sent.value.end(),
                     [](char one) { return one >= ' ' && one <= '~'; }))
      violations.push_back({"--" + sent.key,
                            "is not printable ASCII: letters without accents, digits, spaces and "
                            "plain punctuation, on one line"});
  }
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

void FillIn(Message* message, const char* field_name, const std::string& value) {
  const auto* field = message->GetDescriptor()->FindFieldByName(field_name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
  if (!message->GetReflection()->GetString(*message, field).empty()) return;
  message->GetReflection()->SetString(message, field, value);
}

void SetField(Message* message, const char* name, int value) {
  const auto* field = message->GetDescriptor()->FindFieldByName(name);
  message->GetReflection()->SetInt32(message, field, value);
}

void SetField(Message* message, const char* name, const std::string& value) {
  const auto* field = message->GetDescriptor()->FindFieldByName(name);
  message->GetReflection()->SetString(message, field, value);
}

// Takes the items of a page out of its response.
OwnedMessages TakeItems(Message* response) {
  OwnedMessages out;
  const auto* type = response->GetDescriptor();
  const auto* reflection = response->GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (!field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    while (reflection->FieldSize(*response, field) > 0) {
      out.emplace_back(reflection->ReleaseLast(response, field));
    }
    std::reverse(out.begin(), out.end());
    return out;
  }
  return out;
}

std::string ReceiptLine(const accountability::v1::Receipt& receipt) {
  const auto* results = accountability::v1::Result_descriptor();
  const auto* kinds = accountability::v1::Authentication_descriptor();
  const auto* result = results->FindValueByNumber(receipt.result());
  const auto* kind = kinds->FindValueByNumber(receipt.authentication());
  return fmt::format(
      "receipt: epoch {}, entry {}, {}, identity {}, leaf {}", receipt.position().epoch(),
      receipt.position().index(), result == nullptr ? "unknown" : EnumText(*result),
      kind == nullptr ? "unknown" : EnumText(*kind), crypto::HexEncode(receipt.leaf_hash()));
}

}  // namespace

Session::Session(SessionOptions options, const Output* output)
    : options_(std::move(options)), output_(output) {
  if (options_.request_id.empty()) options_.request_id = RandomUuid();
}
Session::~Session() = default;

std::string Session::Setting(const std::string& key) const {
  const auto found = options_.settings.find(key);
  return found == options_.settings.end() ? "" : found->second;
}

absl::StatusOr<std::string> Session::OrganisationId() const {
  const std::string id = OrganisationIdFrom(Setting("org"));
  if (!id.empty()) return id;
  return Error(reason::kIdentityMissing, "this command needs to know your organisation");
}

absl::StatusOr<std::string> Session::Parent() const {
  WATERLINE_ASSIGN_OR_RETURN(const std::string id, OrganisationId());
  return "organisations/" + id;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Session::channel(const std::string& path) {
  WATERLINE_RETURN_IF_ERROR(CheckSent(options_.settings));
  const std::string address = AddressOf(Setting("server"), path);
  auto& channel = channels_[address];
  if (channel != nullptr) return channel;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kReceiveBytesMax);
  WATERLINE_ASSIGN_OR_RETURN(const auto credentials, CredentialsOf(options_.settings));
  channel = grpc::CreateCustomChannel(address, credentials, arguments);
  return channel;
}

void Session::Identify(grpc::ClientContext* context) const {
  for (const auto& sent : WhatIsSent(options_.settings))
    context->AddMetadata(sent.metadata, sent.value);
}

void Session::SetStreamDeadline(grpc::ClientContext* context) const {
  if (options_.timeout) context->set_deadline(std::chrono::system_clock::now() + *options_.timeout);
}

void Session::TakeReceipt(const std::string& serialised) {
  accountability::v1::Receipt receipt;
  if (serialised.empty() || !receipt.ParseFromString(serialised)) return;
  if (receipt.demonstration() && !said_demonstration_) {
    said_demonstration_ = true;
    output_->Notice("DEMONSTRATION network: everything in it is invented.");
  }
  if (receipt.withheld_size() > 0) {
    std::string fields;
    for (const auto& path : receipt.withheld()) fields += (fields.empty() ? "" : ", ") + path;
    output_->Notice("withheld: " + fields + (receipt.more_withheld() ? " and more" : ""));
  }
  if (!options_.receipt) return;
  const bool table = output_->format() == Format::kTable;
  std::string text = table ? ReceiptLine(receipt) : ToJson(receipt, false);
  if (text.back() == '\n') text.pop_back();
  output_->Notice(text);
}

absl::Status Session::CallMethod(const std::string& method, const Message& request,
                                 Message* response, const std::string& to) {
  WATERLINE_ASSIGN_OR_RETURN(const auto connection, channel(to.empty() ? method : to));
  grpc::ClientContext context;
  Identify(&context);
  context.set_deadline(std::chrono::system_clock::now() +
                       options_.timeout.value_or(rpc::kUnaryDeadlineMax));
  grpc::ByteBuffer sent = rpc::ToBuffer(request);
  grpc::ByteBuffer received;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub(connection);
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, grpc::StubOptions(), &sent, &received,
                 [&done](const grpc::Status& status) { done.set_value(status); });
  const grpc::Status status = done.get_future().get();
  const auto& trailing = context.GetServerTrailingMetadata();
  const auto receipt = trailing.find(kReceiptKey);
  if (receipt != trailing.end()) TakeReceipt({receipt->second.data(), receipt->second.size()});
  if (!status.ok()) return rpc::FromGrpc(status);
  if (!rpc::FromBuffer(&received, response))
    return Error(reason::kUnexpected, "the answer of " + method + " does not parse");
  return absl::OkStatus();
}

absl::Status Session::Call(const Message& request, Message* response) {
  std::unique_ptr<Message> filled(request.New());
  filled->CopyFrom(request);
  FillIn(filled.get(), "request_id", options_.request_id);
  return CallMethod(MethodOf(request.GetDescriptor()), *filled, response);
}

absl::Status Session::Pages(const Message& request, size_t limit, const OnPage& on_page) {
  const auto* response_type = ResponseTypeOf(request.GetDescriptor());
  std::unique_ptr<Message> asked(request.New());
  asked->CopyFrom(request);
  size_t left = limit;
  while (true) {
    const size_t page = rpc::kPageSizeMax;
    SetField(asked.get(), "page_size", static_cast<int>(limit == 0 ? page : std::min(left, page)));
    const auto* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(response_type);
    std::unique_ptr<Message> response(prototype->New());
    WATERLINE_RETURN_IF_ERROR(Call(*asked, response.get()));
    OwnedMessages items = TakeItems(response.get());
    const std::string next = FieldText(*response, "next_page_token");
    if (limit != 0 && items.size() > left) items.resize(left);
    left -= std::min(left, items.size());
    on_page(std::move(items));
    if (next.empty()) return absl::OkStatus();
    if (limit != 0 && left == 0) {
      output_->Hint("more than " + std::to_string(limit) + " (--limit)");
      return absl::OkStatus();
    }
    SetField(asked.get(), "page_token", next);
  }
}

absl::StatusOr<OwnedMessages> Session::ListAll(const Message& request, size_t limit) {
  OwnedMessages all;
  WATERLINE_RETURN_IF_ERROR(Pages(request, limit, [&all](OwnedMessages page) {
    std::move(page.begin(), page.end(), std::back_inserter(all));
  }));
  return all;
}

absl::Status Session::Show(const Message& request, size_t limit,
                           const std::vector<std::string>& columns) {
  const auto list = [&](const OwnedMessages& items) {
    Messages messages;
    for (const auto& item : items) messages.push_back(item.get());
    output_->List(messages, columns);
  };
  if (output_->format() == Format::kNdjson) return Pages(request, limit, list);
  WATERLINE_ASSIGN_OR_RETURN(const OwnedMessages all, ListAll(request, limit));
  list(all);
  return absl::OkStatus();
}

// The request is `string service = 1`, the answer `Status status = 1`: both as unknown fields of an
// empty message, since Debian packages no health.proto.
absl::StatusOr<std::string> Session::Health(const std::string& service) {
  google::protobuf::Empty request;
  google::protobuf::Empty response;
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(1, service);
  const absl::Status status = CallMethod(kHealthCheck, request, &response, "/" + service);
  if (absl::IsNotFound(status)) return std::string("not offered");
  if (!status.ok()) return status;
  const auto& fields = response.GetReflection()->GetUnknownFields(response);
  const bool serving =
      fields.field_count() == 1 && fields.field(0).number() == 1 && fields.field(0).varint() == 1;
  return std::string(serving ? "serving" : "not serving");
}

std::string RandomUuid() {
  std::string bytes = crypto::RandomBytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  const std::string hex = crypto::HexEncode(bytes);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

std::string OrganisationIdFrom(const std::string& typed) {
  const auto name = text::MatchName(typed, "organisations/*");
  if (name) return (*name)[0];
  const auto ods = text::NormaliseOds(typed);
  return ods ? "ods-" + text::ToLower(*ods) : typed;
}

}  // namespace waterline::cli
