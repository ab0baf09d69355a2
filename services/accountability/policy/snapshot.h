#pragma once

// Snapshot: the rules of one revision, immutable, so that any number of workers may evaluate while
// a change makes the next one. A change copies only what it touches: one shard of the agreements or
// of the standings. Thread safety: constant after Make.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "services/accountability/policy/standing.h"
#include "waterline/accountability/v1/agreement.pb.h"

namespace waterline::accountability {

// Finds std::string keys by string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class Value>
using StringTable = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;
using StringSet = std::unordered_set<std::string, StringHash, std::equal_to<>>;

// One purpose of an agreement, compiled.
struct CompiledPurpose {
  bool consent_independent = false;  // And approved by two.
};

// What one party may do as a recipient.
struct CompiledRecipient {
  bool anonymous_only = false;
  // By role, the purposes it may ask for (empty: all). No roles at all: every role.
  std::unordered_map<std::string, StringSet, StringHash, std::equal_to<>> roles;
  std::string safeguarding_role;
};

// An agreement as the evaluator reads it.
struct CompiledAgreement {
  explicit CompiledAgreement(const v1::Agreement& agreement);

  std::string name;
  std::string reference;
  uint32_t version = 0;
  v1::AgreementState state = v1::AGREEMENT_STATE_UNSPECIFIED;  // Stored, not computed.
  bool complete = false;  // Signed by all, assessment approved.
  int64_t start_ms = 0;
  int64_t review_due_ms = 0;
  int64_t end_ms = 0;
  StringTable<CompiledPurpose> purposes;
  uint32_t operations = 0;  // Bit per v1::Operation.
  v1::OnwardSharing onward = v1::ONWARD_SHARING_UNSPECIFIED;
  std::array<common::v1::ReleaseLevel, 32> highest{};  // By category; 0: not covered.
  int categories = 0;
  StringSet scopes;
  std::vector<std::string> providers;  // Organisation ids.
  StringTable<CompiledRecipient> recipients;
  v1::SmallNumberPolicy small_numbers = v1::SMALL_NUMBER_POLICY_UNSPECIFIED;
  std::string research_approval;
  uint32_t decisions_per_minute = 0;
  std::vector<std::string> parties;  // Organisation ids.
};

class Snapshot {
 public:
  using AgreementPtr = std::shared_ptr<const CompiledAgreement>;
  using Standings = std::vector<std::pair<std::string, Standing>>;  // Subject id, 16 bytes.

  static std::shared_ptr<const Snapshot> Make(uint64_t revision, std::string host,
                                              const std::vector<v1::Agreement>& agreements,
                                              const Standings& standings);

  // The next revision with one agreement, new or in its next state.
  std::shared_ptr<const Snapshot> WithAgreement(uint64_t revision,
                                                const v1::Agreement& agreement) const;
  std::shared_ptr<const Snapshot> WithStanding(uint64_t revision, const std::string& subject_id,
                                               Standing standing) const;

  uint64_t revision() const { return revision_; }
  const std::string& host() const { return host_; }

  // Agreements that let records of `provider` cross to `recipient`, in any state; by reference and
  // version.
  const std::vector<AgreementPtr>& Between(std::string_view provider,
                                           std::string_view recipient) const;
  // By name; nullptr when unknown.
  AgreementPtr Find(std::string_view name) const;
  // All zero for a person of whom nothing was said.
  Standing StandingOf(std::string_view subject_id) const;
  // Agreements of which `organisation` is a party, by name.
  std::vector<AgreementPtr> Of(const std::string& organisation) const;

 private:
  static constexpr size_t kShards = 256;
  using AgreementsOf = StringTable<std::vector<AgreementPtr>>;  // provider/recipient
  using ByName = StringTable<AgreementPtr>;
  using StandingShard = StringTable<Standing>;
  template <class Shard>
  using Sharded = std::array<std::shared_ptr<const Shard>, kShards>;

  void Remove(const CompiledAgreement& agreement);
  void Add(const AgreementPtr& agreement);

  uint64_t revision_ = 0;
  std::string host_;
  Sharded<AgreementsOf> between_;
  Sharded<ByName> by_name_;
  Sharded<StandingShard> standings_;
};

}  // namespace waterline::accountability
