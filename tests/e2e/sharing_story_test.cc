// One story from first words to a restart, over mutual TLS against the four services in processes
// of their own: a charity, a board and a council, each with an authority and keys of its own.

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "services/waterlined/deployment.h"
#include "tests/integration/sharing.h"

namespace waterline::testing {
namespace {

using accountability::v1::LedgerEntry;
using accountability::v1::Receipt;
using events::v1::CountContributionsResponse;
using registry::v1::Permission;
using MaybeReceipt = std::optional<Receipt>;

const Who kAnalyst = {kHost, "bea", "analyst", "service_planning"};
const Who kOfficer = {kCouncil, "cyn", "analyst", "service_planning"};
const Who kRights = {kCharity, "dee", "engagement_lead", "rights_request"};
constexpr int kReaders = 64;
constexpr std::chrono::seconds kPatience{120};

std::string NameOf(const char* organisation) {
  return std::string("organisations/") + organisation;
}

// Calls as long as they are answered, from many threads, and what came back.
struct Answers {
  std::mutex mutex;
  std::condition_variable more;
  std::vector<Receipt> receipts;  // Of permitted calls.

  void Add(const Receipt& receipt) {
    std::lock_guard lock(mutex);
    receipts.push_back(receipt);
    more.notify_all();
  }
  void WaitFor(size_t count) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(more.wait_for(lock, kPatience, [&] { return receipts.size() >= count; }))
        << "only " << receipts.size() << " answers of " << count;
  }
  uint64_t Highest() {
    std::lock_guard lock(mutex);
    uint64_t highest = 0;
    for (const auto& receipt : receipts) highest = std::max(highest, receipt.position().index());
    return highest;
  }
};

class Story : public Sharing {
 protected:
  void TheCharityRecords() {
    workshop_ = OpenEvent();
    maud_ = Register();
    SetSharing(maud_, Permission::DECISION_GIVEN);
    said_.insert(Say(workshop_, "I could not get in with my wheelchair.", maud_));
    for (int i = 0; i < 11; ++i)
      said_.insert(Say(workshop_, "The clinic is too far from the bus."));
    auto later = Workshop();
    later.add_places(place_);
    *later.mutable_starts_at() = text::ToTimestamp(*text::ParseInstant("2026-04-02T10:00:00Z"));
    *later.mutable_ends_at() = text::ToTimestamp(*text::ParseInstant("2026-04-02T12:00:00Z"));
    const std::string small = testing::OpenEvent(network_.Stub<EventsService>(kCharity).get(),
                                                 later, network_.WithProof(As(kCharity)));
    for (int i = 0; i < 3; ++i) Say(small, "One page would do.");
  }

  // Both sides have a certificate and a token, and the ledger says so.
  void TheBoardReadsUnderPseudonyms() {
    agreement_ = PutInForce(TermsFor(kHost, "ISA-0042"));
    MaybeReceipt receipt;
    const auto read = Read(workshop_, kAnalyst, &receipt);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->contributions_size(), 12);
    for (const auto& one : read->contributions()) {
      EXPECT_TRUE(one.has_text());
      EXPECT_FALSE(one.has_source_id());
      EXPECT_FALSE(said_.contains(one.name())) << "a pseudonym tells no name";
      EXPECT_TRUE(one.participant().empty() || one.participant().find(maud_) == std::string::npos);
    }
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->given(), common::v1::RELEASE_LEVEL_PSEUDONYMISED);
    EXPECT_EQ(receipt->authentication(), accountability::v1::AUTHENTICATION_MTLS_JWT);
    seen_maud_.insert(receipt->position().index());
  }

  absl::StatusOr<CountContributionsResponse> Count(const Who& who,
                                                   MaybeReceipt* receipt = nullptr) {
    events::v1::CountContributionsRequest request;
    request.set_parent(NameOf(kCharity));
    request.set_place(place_);
    request.add_group_by(events::v1::COUNT_DIMENSION_PLACE);
    request.add_group_by(events::v1::COUNT_DIMENSION_MONTH);
    CountContributionsResponse response;
    const auto status = Call<EventsService>(&EventsService::Stub::CountContributions, request,
                                            &response, who, receipt);
    if (!status.ok()) return status;
    return response;
  }
  // The council is told what would help; the charity, whose data it is, which agreement came
  // nearest.
  void TheCouncilIsRefusedAndAsks() {
    MaybeReceipt refusal;
    const auto refused = Count(kOfficer, &refusal);
    EXPECT_EQ(ReasonOf(refused.status()), "NOT_CONTROLLER") << refused.status();
    ASSERT_TRUE(refusal);
    EXPECT_FALSE(Explain(*refusal, kOfficer)->what_would_help().empty());
    const auto explained = Explain(*refusal, As(kCharity));
    ASSERT_TRUE(explained.ok()) << explained.status();
    const auto& told = *explained;
    ASSERT_FALSE(told.candidates().empty());
    EXPECT_EQ(told.candidates(0).agreement(), agreement_.name());
    EXPECT_EQ(told.candidates(0).reference(), "ISA-0042");
    EXPECT_EQ(told.candidates(0).conditions(0).condition(), "parties");
    EXPECT_FALSE(told.candidates(0).conditions(0).held());
    accountability::v1::DraftFromRefusalRequest request;
    *request.mutable_position() = refusal->position();
    accountability::v1::DraftFromRefusalResponse draft;
    Ok(Call<AccountabilityService>(&AccountabilityService::Stub::DraftFromRefusal, request, &draft,
                                   kOfficer));
    PutInForce(FilledIn(draft.terms()));
  }

  // The draft says what was asked; what only people can say is filled in.
  AgreementTerms FilledIn(const AgreementTerms& draft) {
    AgreementTerms terms = TermsFor(kCouncil, "ISA-0050");
    terms.set_title(draft.title());
    *terms.mutable_categories() = draft.categories();
    *terms.mutable_operations() = draft.operations();
    *terms.mutable_scopes() = draft.scopes();
    EXPECT_EQ(draft.lead(), NameOf(kCouncil));
    EXPECT_EQ(draft.purposes(0).purpose(), "service_planning");
    EXPECT_EQ(draft.operations_size(), 1);
    EXPECT_EQ(draft.operations(0), accountability::v1::OPERATION_COUNT);
    EXPECT_EQ(draft.scopes_size(), 1);
    EXPECT_EQ(draft.scopes(0), place_);
    for (const auto& category : draft.categories())
      EXPECT_EQ(category.highest(), common::v1::RELEASE_LEVEL_AGGREGATE);
    return terms;
  }

  void TheCouncilReadsAnAggregateWithoutSmallNumbers() {
    MaybeReceipt receipt;
    const auto counted = Count(kOfficer, &receipt);
    ASSERT_TRUE(counted.ok()) << counted.status();
    ASSERT_EQ(counted->rows_size(), 2);
    for (const auto& row : counted->rows()) {
      const bool small = row.period() == "2026-04";
      EXPECT_EQ(row.suppressed(), small) << row.period();
      EXPECT_EQ(row.has_count(), !small) << row.period();
      EXPECT_EQ(row.count() % 5, 0u) << row.period();
    }
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->given(), common::v1::RELEASE_LEVEL_AGGREGATE);
    EXPECT_FALSE(Read(workshop_, kOfficer).ok()) << "counting is not reading";
  }

  // Each reads until `is_over` of its answer.
  std::vector<std::thread> StartReaders(
      Answers* answers,
      std::function<bool(const absl::StatusOr<events::v1::ListContributionsResponse>&,
                         const MaybeReceipt&)>
          is_over) {
    std::vector<std::thread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([=, this] {
        while (true) {
          MaybeReceipt receipt;
          const auto read = Read(workshop_, kAnalyst, &receipt);
          if (is_over(read, receipt)) return;
          ASSERT_TRUE(read.ok()) << read.status();
          ASSERT_TRUE(receipt) << "an answer without a receipt";
          answers->Add(*receipt);
        }
      });
    }
    return readers;
  }

  void TheCharitySuspendsWhileManyRead() {
    Answers answers;
    auto readers = StartReaders(&answers, [](const auto& read, const auto&) {
      return ReasonOf(read.status()) == "AGREEMENT_NOT_ACTIVE";
    });
    answers.WaitFor(200);
    accountability::v1::SuspendAgreementRequest request;
    request.set_name(agreement_.name());
    request.set_reason("The charity asks its members.");
    request.set_request_id(NewId());
    accountability::v1::SuspendAgreementResponse suspended;
    Ok(Call<AgreementService>(&AgreementService::Stub::SuspendAgreement, request, &suspended,
                              As(kCharity)));
    for (auto& reader : readers) reader.join();
    EXPECT_GT(suspended.agreement().position().index(), answers.Highest());
    for (const auto& receipt : answers.receipts) seen_maud_.insert(receipt.position().index());
  }

  void TheCharityResumes() {
    accountability::v1::ResumeAgreementRequest request;
    request.set_name(agreement_.name());
    request.set_reason("Its members agree.");
    request.set_request_id(NewId());
    accountability::v1::ResumeAgreementResponse resumed;
    Ok(Call<AgreementService>(&AgreementService::Stub::ResumeAgreement, request, &resumed,
                              As(kCharity)));
    EXPECT_EQ(resumed.agreement().state(), accountability::v1::AGREEMENT_STATE_ACTIVE);
  }

  static bool HasMaud(const events::v1::ListContributionsResponse& read) {
    return std::any_of(
        read.contributions().begin(), read.contributions().end(),
        [](const auto& one) { return one.text().find("wheelchair") != std::string::npos; });
  }

  void MaudWithdrawsWhileManyRead() {
    Answers answers;  // That show her words.
    auto readers = StartReaders(
        &answers, [](const auto& read, const auto&) { return read.ok() && !HasMaud(*read); });
    answers.WaitFor(200);
    SetSharing(maud_, Permission::DECISION_WITHDRAWN);
    for (auto& reader : readers) reader.join();
    const uint64_t withdrawn = LastStandingChange();
    EXPECT_GT(withdrawn, answers.Highest());
    for (const auto& receipt : answers.receipts) seen_maud_.insert(receipt.position().index());
    withdrawn_ = withdrawn;
  }

  uint64_t LastStandingChange() {
    uint64_t last = 0;
    accountability::v1::ListEntriesRequest request;
    request.set_page_size(1000);
    accountability::v1::ListEntriesResponse page;
    do {
      Ok(Call<AccountabilityService>(&AccountabilityService::Stub::ListEntries, request, &page,
                                     As(kCharity, "engagement_lead", "assurance_and_scrutiny")));
      for (const LedgerEntry& entry : page.entries()) {
        if (entry.entry().has_standing_change()) last = std::max(last, entry.position().index());
      }
      request.set_page_token(page.next_page_token());
    } while (!page.next_page_token().empty());
    return last;
  }

  // Every answer that showed her words to the board and every refusal; nothing above the
  // withdrawal.
  void MaudAsksWhoHasSeenHerWords() {
    registry::v1::ListAccessHistoryRequest request;
    request.set_participant(maud_);
    request.set_page_size(1000);
    registry::v1::ListAccessHistoryResponse page;
    std::set<uint64_t> by_the_board;
    int refusals = 0;
    do {
      Ok(Call<RegistryService>(&RegistryService::Stub::ListAccessHistory, request, &page, kRights));
      for (const auto& access : page.accesses()) {
        if (access.organisation() != NameOf(kHost)) continue;
        EXPECT_EQ(access.role(), "analyst");
        EXPECT_EQ(access.purpose(), "service_planning");
        EXPECT_LT(access.position().index(), withdrawn_);
        if (access.result() == accountability::v1::RESULT_DENY) {
          EXPECT_EQ(access.given(), common::v1::RELEASE_LEVEL_NOTHING);
          refusals += 1;
          continue;
        }
        EXPECT_EQ(access.agreement(), agreement_.name());
        EXPECT_EQ(access.given(), common::v1::RELEASE_LEVEL_PSEUDONYMISED);
        by_the_board.insert(access.position().index());
      }
      request.set_page_token(page.next_page_token());
    } while (!page.next_page_token().empty());
    EXPECT_TRUE(page.complete());
    EXPECT_EQ(refusals, kReaders) << "one for each reader, while the agreement was suspended";
    // An entry may tell of an answer that never arrived, but no answer is without its entry.
    for (uint64_t index : seen_maud_) EXPECT_TRUE(by_the_board.contains(index)) << index;
  }

  void AccountabilityIsKilledUnderLoadAndComesBack() {
    Answers answers;
    std::atomic<bool> is_over{false};
    std::vector<std::thread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([&] {
        while (!is_over) {
          MaybeReceipt receipt;
          const auto read = Read(workshop_, kAnalyst, &receipt);
          if (!read.ok()) {
            EXPECT_TRUE(absl::IsUnavailable(read.status()) ||
                        absl::IsResourceExhausted(read.status()) ||
                        absl::IsDeadlineExceeded(read.status()))
                << read.status();
            continue;
          }
          ASSERT_TRUE(receipt) << "an answer without a receipt";
          answers.Add(*receipt);
        }
      });
    }
    answers.WaitFor(200);
    EXPECT_EQ(network_.services().Kill("accountability"), -SIGKILL);
    network_.services().Start("accountability");
    size_t before = 0;
    {
      std::lock_guard lock(answers.mutex);
      before = answers.receipts.size();
    }
    answers.WaitFor(before + kReaders);  // Nobody was restarted but the one that was killed.
    is_over = true;
    for (auto& reader : readers) reader.join();
    for (const auto& receipt : answers.receipts) ExpectEntry(receipt);
  }

  void ExpectEntry(const Receipt& receipt) {
    accountability::v1::GetInclusionProofRequest request;
    *request.mutable_position() = receipt.position();
    accountability::v1::GetInclusionProofResponse proof;
    const auto status = Call<AccountabilityService>(&AccountabilityService::Stub::GetInclusionProof,
                                                    request, &proof, kAnalyst);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(proof.leaf_hash(), receipt.leaf_hash()) << receipt.position().index();
  }

  std::string workshop_;
  std::set<std::string> said_;  // Names of the contributions there.
  std::string maud_;
  Agreement agreement_;           // Of the board.
  std::set<uint64_t> seen_maud_;  // Entries of answers that showed her words to the board.
  uint64_t withdrawn_ = 0;        // The entry of her withdrawal.
};

TEST_F(Story, SharingWithClearAccountability) {
  ASSERT_TRUE(IsSeparate() && IsMtls()) << "ctest says which deployment this is for";
  TheCharityRecords();
  TheBoardReadsUnderPseudonyms();
  TheCouncilIsRefusedAndAsks();
  TheCouncilReadsAnAggregateWithoutSmallNumbers();
  TheCharitySuspendsWhileManyRead();
  TheCharityResumes();
  MaudWithdrawsWhileManyRead();
  MaudAsksWhoHasSeenHerWords();
  AccountabilityIsKilledUnderLoadAndComesBack();
  const auto folder = network_.folder();
  network_.Stop();
  const auto verified = deployment::Verify(folder.string());
  EXPECT_TRUE(verified.ok()) << verified.status();
}

}  // namespace
}  // namespace waterline::testing
