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
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "services/accountability/policy/standing.h"
#include "services/accountability/policy/standing_table.h"
#include "services/accountability/policy/words.h"
#include "waterline/accountability/v1/agreement.pb.h"

namespace waterline::accountability {

// Finds std::string keys by string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class Value>
using StringTable = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

// Two organisations by id: who provides, who receives.
using PairView = std::pair<std::string_view, std::string_view>;
struct PairHash {
  using is_transparent = void;
  size_t operator()(const PairView& pair) const { return absl::Hash<PairView>()(pair); }
};
struct PairEqual {
  using is_transparent = void;
  bool operator()(const PairView& a, const PairView& b) const { return a == b; }
};

// Purposes as bits, by their places in the code list.
using PurposeSet = uint64_t;
inline constexpr PurposeSet kEveryPurpose = ~PurposeSet{0};
// One bit; none for what is in no code list.
PurposeSet PurposeOf(std::string_view code);

// What one party may do as a recipient.
struct CompiledRecipient {
  bool anonymous_only = false;
  WordSet roles;                     // None at all: every role.
  std::vector<PurposeSet> purposes;  // That each role may ask for, by its place in `roles`.
  std::string safeguarding_role;
};

// An agreement as the evaluator reads it. What every candidate is held against comes first: it is
// read from memory that is in no cache.
struct CompiledAgreement {
  explicit CompiledAgreement(const v1::Agreement& agreement);

  v1::AgreementState state = v1::AGREEMENT_STATE_UNSPECIFIED;  // Stored, not computed.
  bool complete = false;  // Signed by all, assessment approved.
  int64_t start_ms = 0;
  int64_t review_due_ms = 0;
  int64_t end_ms = 0;
  PurposeSet purposes = 0;
  PurposeSet consent_independent = 0;  // Those of them for which two functions approved that.
  uint32_t operations = 0;             // Bit per v1::Operation.
  v1::OnwardSharing onward = v1::ONWARD_SHARING_UNSPECIFIED;
  std::array<uint8_t, 32> highest{};  // v1::ReleaseLevel by category; 0: not covered.
  WordSet scopes;
  std::string research_approval;
  int categories = 0;
  std::vector<std::string> purpose_codes;  // In order.
  std::string name;
  std::string reference;
  uint32_t version = 0;
  v1::SmallNumberPolicy small_numbers = v1::SMALL_NUMBER_POLICY_UNSPECIFIED;
  uint32_t decisions_per_minute = 0;
  std::vector<std::string> providers;  // Organisation ids.
  StringTable<CompiledRecipient> recipients;
  std::vector<std::string> parties;  // Organisation ids.
};

// An agreement as it lies between one provider and one recipient.
struct Passage {
  // Starts to load what a candidate is held against. Not inline: see StandingTable::Prefetch.
  void Prefetch() const;

  std::shared_ptr<const CompiledAgreement> agreement;
  const CompiledRecipient* recipient = nullptr;  // Of the agreement.
  bool reaches_all = false;                      // It is over all of the provider's records.
};

class Snapshot {
 public:
  using AgreementPtr = std::shared_ptr<const CompiledAgreement>;
  // By subject id, which is 16 bytes: whoever sets a standing has made sure of that.
  using Standings = std::vector<std::pair<std::string, Standing>>;

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

  // Agreements that let records of `provider` cross to `recipient`, in any state but draft and in
  // review; by reference and version.
  const std::vector<Passage>& Between(std::string_view provider, std::string_view recipient) const;
  // By name; nullptr when unknown.
  AgreementPtr Find(std::string_view name) const;
  // All zero for a person of whom nothing was said, and for what is no subject id.
  Standing StandingOf(std::string_view subject_id) const;
  // Starts to load what StandingOf will read, so that many are loaded at once.
  void PrefetchStanding(std::string_view subject_id) const;
  // Agreements of which `organisation` is a party, by name.
  std::vector<AgreementPtr> Of(const std::string& organisation) const;
  // Those of them under which it provides, in any state but draft and in review.
  std::vector<AgreementPtr> ProvidedBy(const std::string& organisation) const;
  // Agreed or suspended ones whose end has come, by name: no entry says yet that they expired.
  std::vector<AgreementPtr> EndedBy(int64_t now_ms) const;

 private:
  static constexpr size_t kShards = 256;
  using Passages = absl::flat_hash_map<std::pair<std::string, std::string>, std::vector<Passage>,
                                       PairHash, PairEqual>;
  using ByName = StringTable<AgreementPtr>;
  template <class Shard>
  using Sharded = std::array<std::shared_ptr<const Shard>, kShards>;

  void Remove(const CompiledAgreement& agreement);
  void Add(const AgreementPtr& agreement);
  static size_t ShardOf(std::string_view name);
  static size_t ShardOf(const PairView& pair);
  static size_t ShardOf(uint64_t subject_hash) { return subject_hash % kShards; }

  uint64_t revision_ = 0;
  std::string host_;
  Sharded<Passages> between_;
  Sharded<ByName> by_name_;
  Sharded<StandingTable> standings_;
};

}  // namespace waterline::accountability
