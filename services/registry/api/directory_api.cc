#include "services/registry/api/directory_api.h"

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::registry {
namespace {

constexpr int kNamesMax = 1000;

}  // namespace

void DirectoryApi::Register(rpc::Service* service) {
  rpc::Internal(service, "LookUpNames", this, &DirectoryApi::LookUpNames, {"events"});
}

coro::Task<absl::StatusOr<v1::LookUpNamesResponse>> DirectoryApi::LookUpNames(
    const rpc::Call& /*call*/, const v1::LookUpNamesRequest& request) {
  if (request.names_size() > kNamesMax) co_return BadFields({{"names", "are over 1,000"}});
  std::vector<std::string> names(request.names().begin(), request.names().end());
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto answers, co_await directory_->Find(std::move(names)));
  v1::LookUpNamesResponse response;
  for (const auto& answer : answers) {
    auto* name = response.add_names();
    name->set_exists(answer.has_value());
    if (!answer) continue;
    name->set_subject_id(answer->subject);
    name->set_test(answer->is_test);
  }
  co_return response;
}

}  // namespace waterline::registry
