#pragma once

// The handlers of DirectoryService: the directory for services in other processes. Thread safety:
// any thread.

#include "services/common/rpc/service.h"
#include "services/registry/api/local_directory.h"
#include "waterline/registry/v1/directory_service.pb.h"

namespace waterline::registry {

class DirectoryApi {
 public:
  explicit DirectoryApi(LocalDirectory* directory) : directory_(directory) {}

  // Registers all methods; the handler outlives the service.
  void Register(rpc::Service* service);

  coro::Task<absl::StatusOr<v1::LookUpNamesResponse>> LookUpNames(
      const rpc::Call& call, const v1::LookUpNamesRequest& request);

 private:
  LocalDirectory* const directory_;
};

}  // namespace waterline::registry
