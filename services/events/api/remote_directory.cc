#include "services/events/api/remote_directory.h"

#include <algorithm>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "waterline/registry/v1/directory_service.pb.h"

namespace waterline::events {
namespace {

using Answers = std::vector<std::optional<std::string>>;

constexpr char kLookUpNames[] = "/waterline.registry.v1.DirectoryService/LookUpNames";
constexpr char kLookUpTest[] = "/waterline.registry.v1.DirectoryService/LookUpTest";
constexpr std::chrono::seconds kPatience{10};
constexpr size_t kNamesMax = 1000;

}  // namespace

coro::Task<absl::StatusOr<Answers>> RemoteDirectory::Look(std::vector<std::string> names) {
  Answers answers;
  while (answers.size() < names.size()) {
    registry::v1::LookUpNamesRequest request;
    const size_t end = std::min(names.size(), answers.size() + kNamesMax);
    for (size_t i = answers.size(); i < end; ++i) request.add_names(names[i]);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    const auto response = co_await rpc::CallUnary<registry::v1::LookUpNamesResponse>(
        link_.channel, kLookUpNames, std::move(request), link_.metadata, deadline);
    if (!response.ok()) co_return rpc::LinkError(link_, response.status());
    if (answers.size() + static_cast<size_t>(response->names_size()) != end)
      co_return Error(reason::kUnexpected, "registry answered another number of names");
    for (const auto& name : response->names()) {
      answers.push_back(name.exists() ? std::optional<std::string>(name.subject_id())
                                      : std::nullopt);
    }
  }
  co_return answers;
}

coro::Task<absl::StatusOr<bool>> RemoteDirectory::IsTest(std::string organisation) {
  registry::v1::LookUpTestRequest request;
  request.set_organisation(std::move(organisation));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto response = co_await rpc::CallUnary<registry::v1::LookUpTestResponse>(
      link_.channel, kLookUpTest, std::move(request), link_.metadata, deadline);
  if (!response.ok()) co_return rpc::LinkError(link_, response.status());
  co_return response->test();
}

}  // namespace waterline::events
