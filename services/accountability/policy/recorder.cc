#include "services/accountability/policy/recorder.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "fmt/format.h"
#include "google/protobuf/util/time_util.h"
#include "services/accountability/policy/facts.h"
#include "services/accountability/policy/steps.h"
#include "services/common/crypto/aead.h"
#include "services/common/crypto/hash.h"
#include "services/common/crypto/random.h"
#include "services/common/privacy/pseudonym.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"

namespace waterline::accountability {
namespace {

using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr char kKeyIndex[] =
    "key_index";  // subject/<16 bytes>, month/<yyyy-mm>, org/<id> -> key id
constexpr int kSubjectsMax = 1000;
constexpr int kRecordsMax = 1000;
constexpr auto kNothing = common::v1::RELEASE_LEVEL_NOTHING;

constexpr size_t kKeyIdBytes = 16;
constexpr char kKeyIdLabel[] = "payload-key-id/v1";

// Beside an entry about one person stands whose key opens its payload, sealed under the month's, or
// two entries would show that they are about one person:
//     id of the month's key, 16 bytes | nonce, 12 bytes | AES-256-GCM of the person's key id,
//     key HKDF(month's key, kKeyIdLabel), AAD = entry id
std::string SealKeyId(const privacy::SubjectKey& month, const std::string& entry_id,
                      const std::string& key_id) {
  const std::string key = crypto::HkdfSha256(month.secret, "", kKeyIdLabel, crypto::kAesKeyBytes);
  const std::string nonce = crypto::RandomBytes(crypto::kGcmNonceBytes);
  return month.id + nonce + crypto::AesGcmSeal(key, nonce, entry_id, key_id);
}

absl::StatusOr<std::string> OpenKeyId(const privacy::SubjectKey& month, const std::string& entry_id,
                                      const std::string& sealed) {
  const std::string key = crypto::HkdfSha256(month.secret, "", kKeyIdLabel, crypto::kAesKeyBytes);
  if (sealed.size() < kKeyIdBytes + crypto::kGcmNonceBytes)
    return Error(reason::kDataDamaged, "the key id beside an entry is cut off");
  return crypto::AesGcmOpen(key, sealed.substr(kKeyIdBytes, crypto::kGcmNonceBytes), entry_id,
                            sealed.substr(kKeyIdBytes + crypto::kGcmNonceBytes));
}

std::string MonthOf(int64_t now_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> now{std::chrono::milliseconds(now_ms)};
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(now)};
  return fmt::format("{:04}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()));
}

// Whose log shows the entry: who asked, and whose the records are.
std::vector<std::string> OrganisationsOf(const v1::Question& question) {
  std::vector<std::string> organisations = {question.caller().organisation()};
  if (question.controller() != question.caller().organisation())
    organisations.push_back(question.controller());
  return organisations;
}

std::string SubjectsRoot(const std::vector<std::string>& sorted_tokens) {
  if (sorted_tokens.empty()) return "";
  Frontier tree;
  for (const auto& token : sorted_tokens)
    tree.Append(LeafHash(token), [](const NodeId&, const std::string&) {});
  return tree.Root();
}

// The key of what lies beside an entry about one person: it dies with theirs.
std::string OneSubjectSecret(const privacy::SubjectKey& key) {
  return crypto::HkdfSha256(key.secret, "", "payload/v1", crypto::kAesKeyBytes);
}

void Seal(const std::string& secret, const std::string& entry_id, const v1::EntryPayload& payload,
          storage::v1::Beside* beside) {
  beside->set_payload_nonce(crypto::RandomBytes(crypto::kGcmNonceBytes));
  beside->set_payload(
      crypto::AesGcmSeal(secret, beside->payload_nonce(), entry_id, payload.SerializeAsString()));
}

// The name up to the collection of people's records in it, when there is one: what is kept when
// several people are concerned.
std::string WithoutPerson(const std::string& name) {
  for (const std::string_view collection : {"/participants/", "/contributions/"}) {
    const size_t place = name.find(collection);
    if (place != std::string::npos) return name.substr(0, place + collection.size() - 1);
  }
  return name;
}

// What was asked, by whom and why: all of the entry that no rule decides.
v1::Access MakeAccess(const v1::Question& question) {
  v1::Access access;
  access.set_organisation("organisations/" + question.caller().organisation());
  access.set_role(question.caller().role());
  if (!question.caller().on_behalf_of().empty())
    access.set_on_behalf_of(question.caller().on_behalf_of());
  access.set_authentication(question.caller().authentication());
  access.set_purpose(question.purpose());
  access.set_operation(question.operation());
  access.set_controller(ControllerName(question.controller()));
  access.set_collection(question.collection());
  access.mutable_categories()->CopyFrom(question.categories());
  access.set_asked(question.asked());
  access.set_method(question.method());
  return access;
}

// What the rules say. Called again when they changed before the entry was sequenced.
void SetVerdict(const v1::Question& question, const Verdict& verdict, v1::Access* access) {
  access->set_basis(verdict.basis);
  access->set_given(verdict.level);
  access->set_result(verdict.result);
  access->clear_reasons();
  if (!verdict.reason.empty()) access->add_reasons(verdict.reason);
  access->set_policy_revision(verdict.revision);
  access->clear_agreement();
  access->clear_agreement_version();
  if (!verdict.agreement.empty()) {
    access->set_agreement(verdict.agreement);
    access->set_agreement_version(verdict.agreement_version);
  } else if (verdict.result == v1::RESULT_DENY && !question.agreement().empty()) {
    access->set_agreement(question.agreement());
  }
}

// Whom the entry is about: of a refusal everybody it was asked about, of a permit those of whom a
// record leaves. Nothing is said of a person whose records were left out. `tokens` by place in the
// question's subject_ids.
std::vector<std::string> ConcernedTokens(const v1::Question& question, const Verdict& verdict,
                                         const std::vector<std::string>& tokens) {
  if (verdict.result == v1::RESULT_DENY || verdict.records.empty()) return tokens;
  std::set<uint32_t> places;
  for (int i = 0; i < question.records_size(); ++i) {
    if (verdict.records[static_cast<size_t>(i)].level > kNothing)
      places.insert(question.records(i).subject());
  }
  std::vector<std::string> concerned;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (places.contains(static_cast<uint32_t>(i + 1))) concerned.push_back(tokens[i]);
  }
  return concerned;
}

// Contributors and respondents without registration: of another's records only as many as rows
// leave that are nobody's, because who asked sees the entry.
uint32_t InformantsOf(const v1::Question& question, const Verdict& verdict) {
  if (IsOwn(question) || verdict.records.empty()) return question.informants();
  uint32_t rows = 0;
  for (int i = 0; i < question.records_size(); ++i) {
    const bool leaves = verdict.records[static_cast<size_t>(i)].level > kNothing;
    rows += leaves && question.records(i).subject() == 0 ? 1 : 0;
  }
  return std::min(question.informants(), rows);
}

// A refusal of another's records counts nobody: who was refused sees the entry and could read from
// it whether there is anything. Its tokens lie beside it all the same, for the person's history.
void SetConcerned(const v1::Question& question, const Verdict& verdict,
                  std::vector<std::string> tokens, v1::Access* access,
                  storage::v1::Beside* beside) {
  std::sort(tokens.begin(), tokens.end());
  const bool refused = verdict.result == v1::RESULT_DENY && !IsOwn(question);
  access->set_informants(refused ? 0 : InformantsOf(question, verdict));
  access->set_subjects(refused ? 0 : static_cast<uint32_t>(tokens.size()));
  access->set_subjects_root(refused ? "" : SubjectsRoot(tokens));
  beside->clear_subject_tokens();
  beside->clear_refused_tokens();
  auto* kept = refused ? beside->mutable_refused_tokens() : beside->mutable_subject_tokens();
  for (auto& token : tokens) kept->Add(std::move(token));
}

// Opens something for a person's safety, of which the controller is told.
bool IsOpening(const v1::Question& question, const Verdict& verdict) {
  return question.purpose() == "safeguarding" && verdict.result != v1::RESULT_DENY;
}

bool Holds(const google::protobuf::RepeatedPtrField<std::string>& sorted,
           const std::string& token) {
  return std::binary_search(sorted.begin(), sorted.end(), token);
}

bool IsPseudonymised(const v1::Decision& decision) {
  if (decision.level() == common::v1::RELEASE_LEVEL_PSEUDONYMISED) return true;
  return std::any_of(decision.records().begin(), decision.records().end(), [](const auto& record) {
    return record.level() == common::v1::RELEASE_LEVEL_PSEUDONYMISED;
  });
}

}  // namespace

std::string EntryId(const v1::Question& question) {
  const auto& caller = question.caller();
  std::string input;
  for (const std::string* part : {&caller.organisation(), &caller.issuer(), &caller.actor(),
                                  &question.method(), &question.request_id()}) {
    input += *part;
    input.push_back('\0');
  }
  return crypto::HmacSha256(question.attempt(), input);
}

// A cap is taken once per agreement that an answer rests on, also when another one takes over.
void Recorder::Judge(const Snapshot& rules, int64_t now_ms, Asking* asking) {
  const std::string taken_of = asking->verdict.agreement;
  asking->verdict = Evaluate(rules, asking->question, now_ms);
  auto& verdict = asking->verdict;
  if (verdict.decisions_per_minute == 0 || verdict.agreement == taken_of) return;
  const auto wait = rate_caps_.Take(verdict.agreement, asking->question.caller().organisation(),
                                    verdict.decisions_per_minute, now_ms);
  if (!wait) return;
  asking->retry_after_ms = *wait;
  verdict = RateLimited(verdict);
}

void Recorder::SealFacts(const Snapshot& rules, int64_t now_ms, Asking* asking, v1::Access* access,
                         storage::v1::Beside* beside) {
  const auto facts = KeptFacts(asking->question, asking->verdict, rules, now_ms);
  asking->payload.set_facts(facts.SerializeAsString());
  // Only what may be read by whom it is for: a refusal shows it to nobody.
  asking->payload.set_justification(
      IsOpening(asking->question, asking->verdict) ? asking->question.justification() : "");
  Seal(asking->secret, asking->entry_id, asking->payload, beside);
  access->set_payload_hash(crypto::Sha256(beside->payload_nonce() + beside->payload()));
}

// On the sequencer: the rules may have changed since the question was judged, or what the verdict
// rests on may have ended by itself.
void Recorder::Finish(Asking* asking, v1::Entry* entry, storage::v1::Beside* beside) {
  const auto rules = rulebook_->current();
  const int64_t now_ms = text::ToMs(entry->recorded_at());
  auto* access = entry->mutable_access();
  const bool is_limited = asking->verdict.reason == reason::kRateLimited.name;
  const bool is_stale =
      rules->revision() != asking->verdict.revision || now_ms >= asking->verdict.holds_until_ms;
  if (is_stale && !is_limited) {
    Judge(*rules, now_ms, asking);
    SealFacts(*rules, now_ms, asking, access, beside);
  }
  SetVerdict(asking->question, asking->verdict, access);
  SetConcerned(asking->question, asking->verdict,
               ConcernedTokens(asking->question, asking->verdict, asking->subjects.tokens), access,
               beside);
}

v1::Decision Recorder::ToDecision(const Asking& asking, const Appended& appended,
                                  bool demonstration) {
  const auto& verdict = asking.verdict;
  v1::Decision decision;
  decision.set_result(verdict.result);
  decision.set_level(verdict.level);
  if (!verdict.reason.empty()) decision.add_reasons(verdict.reason);
  decision.set_agreement_reference(verdict.agreement_reference);
  decision.set_small_numbers(verdict.small_numbers);
  for (const auto& release : verdict.records) {
    auto* record = decision.add_records();
    record->set_level(release.level);
    record->set_text(release.text);
    record->set_reason(std::string(release.reason));
  }
  if (asking.retry_after_ms > 0) {
    *decision.mutable_retry_after() =
        google::protobuf::util::TimeUtil::MillisecondsToDuration(asking.retry_after_ms);
  }
  auto* receipt = decision.mutable_receipt();
  receipt->set_entry_id(asking.entry_id);
  *receipt->mutable_position() = appended.position;
  receipt->set_leaf_hash(appended.leaf_hash);
  receipt->set_checkpoint(*appended.checkpoint);
  for (const auto& hash : appended.inclusion_proof) receipt->add_inclusion_proof(hash);
  receipt->set_authentication(asking.question.caller().authentication());
  receipt->set_result(verdict.result);
  receipt->set_given(verdict.level);
  receipt->set_demonstration(demonstration);
  return decision;
}

coro::Task<absl::StatusOr<v1::Decision>> Recorder::Decide(
    v1::Question question, std::chrono::steady_clock::time_point /*deadline*/) {
  if (question.subject_ids_size() > kSubjectsMax || question.records_size() > kRecordsMax) {
    co_return Error(reason::kTooLarge, "one decision covers at most 1,000 people; ask for fewer",
                    {{"limit", "1000"}});
  }
  const auto rules = rulebook_->current();
  const int64_t now_ms = clock_->NowMs();
  const auto& caller = question.caller();
  Asking asking(question, EntryId(question));
  Judge(*rules, now_ms, &asking);
  AppendRequest request;
  request.entry.set_entry_id(asking.entry_id);
  auto* access = request.entry.mutable_access();
  *access = MakeAccess(question);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      *access->mutable_actor_handle(),
      co_await ActorHandle(caller.organisation(), caller.issuer(), caller.actor()));
  WATERLINE_CO_RETURN_IF_ERROR(co_await LoadKeys(&asking, &request.beside));
  SealFacts(*rules, now_ms, &asking, access, &request.beside);
  request.organisations = OrganisationsOf(question);
  // The sequencer is done with `asking` before Append answers, which this coroutine awaits.
  request.finish = [this, &asking](v1::Entry* entry, storage::v1::Beside* beside) {
    Finish(&asking, entry, beside);
  };
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto appended, co_await ledger_->Append(std::move(request)));
  auto decision = ToDecision(asking, appended, facts_.demonstration);
  WATERLINE_CO_RETURN_IF_ERROR(co_await AddPseudonymKey(question, &decision));
  co_return decision;
}

// Derived for this recipient and agreement reference, so that two recipients, or two agreements of
// one, cannot join what they hold.
coro::Task<absl::Status> Recorder::AddPseudonymKey(const v1::Question& question,
                                                   v1::Decision* decision) {
  if (!IsPseudonymised(*decision)) co_return absl::OkStatus();
  auto root = co_await KeyFor("pseudonyms/" + question.controller());
  if (!root.ok()) co_return root.status();
  privacy::PseudonymScope scope;
  scope.recipient = question.caller().organisation();
  scope.agreement_reference = decision->agreement_reference();
  decision->set_pseudonym_key(privacy::PseudonymKey(root->secret, scope));
  co_return absl::OkStatus();
}

coro::Task<absl::StatusOr<privacy::SubjectKey>> Recorder::KeyFor(std::string index_id) {
  const bool is_subject = index_id.starts_with("subject/");
  if (!is_subject) {
    std::lock_guard lock(mutex_);
    if (auto found = known_keys_.find(index_id); found != known_keys_.end())
      co_return found->second;
  }
  const Partition partition(kLedgerPartition);
  const std::vector<Key> index_keys = {Key(kKeyIndex, index_id)};
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await store_->Get(partition, index_keys));
  if (!stored[0]) {
    // Made at once under a precondition, so that a subject has one key for ever.
    Batch batch;
    const privacy::SubjectKey made = vault_->NewKey(&batch);
    batch.RequireAbsent(index_keys[0]).Put(index_keys[0], made.id);
    auto committed = co_await store_->Commit(partition, std::move(batch));
    if (!committed.ok() && ReasonOf(committed.status()) != reason::kConflict.name)
      co_return committed.status();
    WATERLINE_CO_ASSIGN_OR_RETURN(stored, co_await store_->Get(partition, index_keys));
    if (!stored[0]) co_return Error(reason::kUnexpected, "a ledger key vanished");
  }
  const std::vector<std::string> ids = {stored[0]->value};
  WATERLINE_CO_ASSIGN_OR_RETURN(auto keys, co_await vault_->Load(partition, ids));
  if (!keys[0])
    co_return Error(reason::kUnavailable,
                    "a ledger key was destroyed; the person it stood for was erased");
  if (!is_subject) {
    std::lock_guard lock(mutex_);
    known_keys_[index_id] = *keys[0];
  }
  co_return *keys[0];
}

coro::Task<absl::StatusOr<storage::v1::Beside>> Recorder::BesideOf(std::string subject_id,
                                                                   std::string entry_id,
                                                                   v1::EntryPayload payload) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto key, co_await KeyFor("subject/" + subject_id));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto month,
                                co_await KeyFor("month/" + MonthOf(clock_->NowMs())));
  storage::v1::Beside beside;
  beside.add_subject_tokens(crypto::HmacSha256(key.secret, entry_id));
  beside.set_payload_key_id(SealKeyId(month, entry_id, key.id));
  Seal(OneSubjectSecret(key), entry_id, payload, &beside);
  co_return beside;
}

coro::Task<absl::StatusOr<std::vector<bool>>> Recorder::Concerns(
    std::string subject_id, const std::vector<Ledger::Stored>& entries) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto key, co_await KeyFor("subject/" + subject_id));
  std::vector<bool> concerned;
  for (const auto& stored : entries) {
    const auto& beside = stored.record.beside();
    v1::Entry entry;
    entry.ParseFromString(stored.record.leaf());
    const std::string token = crypto::HmacSha256(key.secret, entry.entry_id());
    concerned.push_back(Holds(beside.subject_tokens(), token) ||
                        Holds(beside.refused_tokens(), token));
  }
  co_return concerned;
}

coro::Task<absl::StatusOr<std::string>> Recorder::ActorHandle(std::string organisation,
                                                              std::string issuer,
                                                              std::string actor) {
  auto key = co_await KeyFor("org/" + organisation);
  if (!key.ok()) co_return key.status();
  co_return crypto::HmacSha256(key->secret, issuer + "|" + actor);
}

// The tokens of the subjects, and what its payload is sealed with. Of one subject: a key derived
// from K_s, so that it dies with the person's key. Otherwise the month's log key.
coro::Task<absl::Status> Recorder::LoadKeys(Asking* asking, storage::v1::Beside* beside) {
  const auto& question = asking->question;
  auto& subjects = asking->subjects;
  for (const auto& id : question.subject_ids()) {
    auto key = co_await KeyFor("subject/" + id);
    if (!key.ok()) co_return key.status();
    subjects.tokens.push_back(crypto::HmacSha256(key->secret, asking->entry_id));
    subjects.keys.push_back(*std::move(key));
  }
  auto month = co_await KeyFor("month/" + MonthOf(clock_->NowMs()));
  if (!month.ok()) co_return month.status();
  const bool one_subject = subjects.keys.size() == 1;
  asking->secret = one_subject ? OneSubjectSecret(subjects.keys[0]) : month->secret;
  beside->set_payload_key_id(one_subject ? SealKeyId(*month, asking->entry_id, subjects.keys[0].id)
                                         : month->id);
  auto& payload = asking->payload;
  payload.set_actor(question.caller().issuer() + "|" + question.caller().actor());
  payload.set_request_id(question.request_id());
  payload.set_filter(question.filter());
  payload.set_resource_name(subjects.keys.size() > 1 ? WithoutPerson(question.resource_name())
                                                     : question.resource_name());
  co_return absl::OkStatus();
}

coro::Task<absl::StatusOr<std::optional<v1::EntryPayload>>> Recorder::OpenPayload(
    const Ledger::Stored& stored) {
  const auto& beside = stored.record.beside();
  v1::Entry entry;
  entry.ParseFromString(stored.record.leaf());
  const Partition partition(kLedgerPartition);
  std::vector<std::string> ids = {beside.payload_key_id().substr(0, kKeyIdBytes)};
  WATERLINE_CO_ASSIGN_OR_RETURN(auto keys, co_await vault_->Load(partition, ids));
  if (keys[0] && beside.payload_key_id().size() > kKeyIdBytes) {
    WATERLINE_CO_ASSIGN_OR_RETURN(ids[0],
                                  OpenKeyId(*keys[0], entry.entry_id(), beside.payload_key_id()));
    WATERLINE_CO_ASSIGN_OR_RETURN(keys, co_await vault_->Load(partition, ids));
  }
  if (!keys[0]) co_return std::optional<v1::EntryPayload>();
  const bool one_subject = beside.payload_key_id().size() > kKeyIdBytes;
  const std::string secret = one_subject ? OneSubjectSecret(*keys[0]) : keys[0]->secret;
  auto plain =
      crypto::AesGcmOpen(secret, beside.payload_nonce(), entry.entry_id(), beside.payload());
  v1::EntryPayload payload;
  if (!plain.ok() || !payload.ParseFromString(*plain))
    co_return Error(reason::kDataDamaged, "the payload beside an entry does not open");
  co_return std::optional<v1::EntryPayload>(std::move(payload));
}

}  // namespace waterline::accountability
