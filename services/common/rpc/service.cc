#include "services/common/rpc/service.h"

#include <vector>

#include "google/protobuf/descriptor.h"

namespace waterline::rpc {
namespace {

common::v1::Exposure ExposureOf(const google::protobuf::MethodDescriptor* method) {
  const auto exposure = method->options().GetExtension(common::v1::exposure);
  return exposure == common::v1::EXPOSURE_UNSPECIFIED ? common::v1::EXPOSURE_GATED : exposure;
}

Method::Kind KindOf(const google::protobuf::MethodDescriptor* method) {
  if (method->client_streaming()) return Method::Kind::kBidi;
  return method->server_streaming() ? Method::Kind::kServerStream : Method::Kind::kUnary;
}

bool HasRequestId(const google::protobuf::Descriptor* message) {
  return message != nullptr && message->FindFieldByName("request_id") != nullptr;
}

bool Writes(const google::protobuf::Descriptor* request) {
  bool writes = HasRequestId(request);
  for (int i = 0; i < request->field_count(); ++i)
    writes = writes || HasRequestId(request->field(i)->message_type());
  return writes;
}

}  // namespace

void Service::Add(const std::string& method_name, Method method) {
  method.writes = Writes(method.request_prototype->GetDescriptor());
  methods_[method_name] = std::move(method);
}

std::vector<std::string> CheckAgainstDescriptor(const Service& service) {
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service.full_name());
  if (descriptor == nullptr) return {service.full_name() + " is not a known service"};
  std::vector<std::string> problems;
  for (int i = 0; i < descriptor->method_count(); ++i) {
    const auto* expected = descriptor->method(i);
    const auto found = service.methods().find(expected->name());
    if (found == service.methods().end()) {
      problems.push_back(expected->full_name() + " has no handler");
      continue;
    }
    const Method& actual = found->second;
    if (actual.exposure != ExposureOf(expected))
      problems.push_back(expected->full_name() +
                         " is registered with another exposure than its proto says");
    if (actual.kind != KindOf(expected))
      problems.push_back(expected->full_name() + " streams differently than its proto says");
    if (actual.request_prototype->GetDescriptor() != expected->input_type())
      problems.push_back(expected->full_name() + " has another request type");
    if (actual.response_prototype->GetDescriptor() != expected->output_type())
      problems.push_back(expected->full_name() + " has another response type");
  }
  for (const auto& [name, method] : service.methods()) {
    if (descriptor->FindMethodByName(name) == nullptr)
      problems.push_back(service.full_name() + " has no method " + name);
  }
  return problems;
}

}  // namespace waterline::rpc
