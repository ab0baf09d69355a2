#include "services/events/api/remote_directory.h"

#include <algorithm>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "waterline/registry/v1/directory_service.pb.h"

namespace waterline::events {
namespace {

using Answers = std::vector<std::optional<std::string>>;

constexpr char kLookUpNames[] = "/waterline.registry.v1.DirectoryService/LookUpNames";
constexpr size_t kNamesMax = 1000;

// One answer per name, at most kNamesMax.
coro::Task<absl::StatusOr<registry::v1::LookUpNamesResponse>> LookUp(
    rpc::Link link, registry::v1::LookUpNamesRequest request) {
  const int asked = request.names_size();
  auto response = co_await rpc::CallOn<registry::v1::LookUpNamesResponse>(link, kLookUpNames,
                                                                          std::move(request));
  if (response.ok() && response->names_size() != asked)
    co_return Error(reason::kUnexpected, "registry answered another number of names");
  co_return response;
}

}  // namespace

coro::Task<absl::StatusOr<Answers>> RemoteDirectory::Look(std::vector<std::string> names) {
  Answers answers;
  while (answers.size() < names.size()) {
    registry::v1::LookUpNamesRequest request;
    const size_t end = std::min(names.size(), answers.size() + kNamesMax);
    for (size_t i = answers.size(); i < end; ++i) request.add_names(names[i]);
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto response, co_await LookUp(link_, std::move(request)));
    for (const auto& name : response.names()) {
      answers.push_back(name.exists() ? std::optional<std::string>(name.subject_id())
                                      : std::nullopt);
    }
  }
  co_return answers;
}

coro::Task<absl::StatusOr<bool>> RemoteDirectory::IsTest(std::string organisation) {
  registry::v1::LookUpNamesRequest request;
  request.add_names("organisations/" + organisation);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto response, co_await LookUp(link_, std::move(request)));
  co_return response.names(0).test();
}

}  // namespace waterline::events
