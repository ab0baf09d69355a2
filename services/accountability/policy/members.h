#pragma once

// Members: the organisations that work in the network, and what agreements must know of each. Kept
// by registry, which tells of every change; each is an entry of the ledger.
//
// Stored in partition `ledger`: members/<org>  MemberFacts. Thread safety: any thread.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "services/accountability/ledger/ledger.h"
#include "waterline/accountability/v1/ledger.pb.h"

namespace waterline::accountability {

class Members {
 public:
  // `store` holds the ledger; both outlive this.
  static absl::StatusOr<std::unique_ptr<Members>> Open(waterline::storage::Store* store,
                                                       Ledger* ledger);

  // Of organisations/{org}; nothing when it is no member.
  std::optional<v1::MemberFacts> Find(const std::string& organisation) const;

  // Durable before it answers. The same facts again make no second entry.
  coro::Task<absl::StatusOr<common::v1::LedgerPosition>> Set(v1::MemberChange change);

 private:
  struct Known {
    v1::MemberFacts facts;
    common::v1::LedgerPosition position;
  };
  explicit Members(Ledger* ledger) : ledger_(ledger) {}

  Ledger* const ledger_;
  mutable std::mutex mutex_;  // Guards members_. No other lock is taken under it.
  std::map<std::string, Known> members_;
};

}  // namespace waterline::accountability
