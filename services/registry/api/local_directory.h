#pragma once

// The directory on registry's own store, for services in the same process. Thread safe.

#include "services/common/rpc/directory.h"
#include "services/common/storage/store.h"

namespace waterline::registry {

class LocalDirectory : public rpc::Directory {
 public:
  struct Found {
    std::string subject;   // Of a participant; else empty.
    bool is_test = false;  // Of an organisation: it is one for trying out.
  };
  explicit LocalDirectory(storage::Store* store) : store_(store) {}
  coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> Look(
      std::vector<std::string> names) override;
  coro::Task<absl::StatusOr<bool>> IsTest(std::string organisation) override;
  // What both say of each name, with one read.
  coro::Task<absl::StatusOr<std::vector<std::optional<Found>>>> Find(
      std::vector<std::string> names);

 private:
  coro::Task<absl::StatusOr<std::optional<Found>>> FindOne(std::string name);
  storage::Store* const store_;
};

}  // namespace waterline::registry
