#pragma once

// The directory on registry's own store, for services in the same process. Thread safe.

#include "services/common/rpc/directory.h"
#include "services/common/storage/store.h"

namespace waterline::registry {

class LocalDirectory : public rpc::Directory {
 public:
  explicit LocalDirectory(storage::Store* store) : store_(store) {}
  coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> Look(
      std::vector<std::string> names) override;
  coro::Task<absl::StatusOr<bool>> IsTest(std::string organisation) override;

 private:
  coro::Task<absl::StatusOr<std::optional<std::string>>> LookOne(std::string name);
  storage::Store* const store_;
};

}  // namespace waterline::registry
