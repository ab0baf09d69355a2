#pragma once

// The directory of registry in another process. UNAVAILABLE with RetryInfo while it cannot be
// reached. Thread safety: any thread.

#include "services/common/rpc/directory.h"
#include "services/common/rpc/link.h"

namespace waterline::events {

class RemoteDirectory : public rpc::Directory {
 public:
  explicit RemoteDirectory(rpc::Link link) : link_(std::move(link)) {}
  coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> Look(
      std::vector<std::string> names) override;
  coro::Task<absl::StatusOr<bool>> IsTest(std::string organisation) override;

 private:
  const rpc::Link link_;
};

}  // namespace waterline::events
