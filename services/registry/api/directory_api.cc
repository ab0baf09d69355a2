#include "services/registry/api/directory_api.h"

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"

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
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto answers, co_await directory_->Look(std::move(names)));
  v1::LookUpNamesResponse response;
  for (size_t i = 0; i < answers.size(); ++i) {
    auto* name = response.add_names();
    name->set_exists(answers[i].has_value());
    if (!answers[i]) continue;
    name->set_subject_id(*answers[i]);
    const auto ids = text::MatchName(request.names(static_cast<int>(i)), "organisations/*");
    if (!ids) continue;
    WATERLINE_CO_ASSIGN_OR_RETURN(const bool is_test, co_await directory_->IsTest((*ids)[0]));
    name->set_test(is_test);
  }
  co_return response;
}

}  // namespace waterline::registry
