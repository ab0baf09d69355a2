// The evidence of one event, page by page, as inference in another process reads it.

#include "services/common/status/error.h"
#include "services/events/api/evidence_api.h"
#include "tests/integration/sharing_rig.h"

namespace waterline::testing {
namespace {

using events::EventsApi;

constexpr size_t kPageBytes = 1024;

class EvidencePages : public SharingRig {
 protected:
  void Respond(const std::string& event, int count) {
    events::v1::RecordResponsesRequest record;
    record.set_parent(event);
    record.set_request_id(NewRequest());
    for (int i = 0; i < count; ++i) {
      auto* one = record.add_responses();
      one->set_source_id(NewRequest());
      one->set_indicator("trust.skills.listening");
      one->set_respondent_group("SU");
      one->set_value(static_cast<uint32_t>(1 + i % 4));
      one->set_informant(NewRequest());
    }
    const auto recorded = Ask(&EventsApi::RecordResponses, record, lead_);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
  }
  absl::StatusOr<events::v1::GetEventEvidenceResponse> Page(const std::string& event,
                                                            const std::string& token) {
    events::v1::GetEventEvidenceRequest request;
    request.set_event(event);
    request.set_page_token(token);
    return coro::SyncWait(evidence_.GetEventEvidence(lead_, request));
  }

  events::EvidenceApi evidence_{&store_, &pool_, kPageBytes};
};

TEST_F(EvidencePages, TheyMakeUpTheWholeAndEachIsSmall) {
  const std::string event = OpenEvent({});
  Respond(event, 200);
  const auto whole = coro::SyncWait(events::EvidenceReader(&store_).Read(event));
  ASSERT_TRUE(whole.ok()) << whole.status();
  ASSERT_GE(whole->items_size(), 200);
  size_t item_max = 0;
  for (const auto& item : whole->items()) item_max = std::max(item_max, item.ByteSizeLong());
  events::v1::EventEvidence read;
  std::string token;
  int pages = 0;
  do {
    const auto page = Page(event, token);
    ASSERT_TRUE(page.ok()) << page.status();
    size_t bytes = 0;
    for (const auto& item : page->evidence().items()) bytes += item.ByteSizeLong();
    EXPECT_LT(bytes, kPageBytes + item_max);
    EXPECT_GT(bytes, 0u);
    read.MergeFrom(page->evidence());
    token = page->next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_GT(pages, 3);
  EXPECT_EQ(read.SerializeAsString(), whole->SerializeAsString());
}

TEST_F(EvidencePages, AnEventWithoutEvidenceIsOnePage) {
  const auto page = Page(OpenEvent({}), "");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_TRUE(page->evidence().present());
  EXPECT_TRUE(page->evidence().items().empty());
  EXPECT_TRUE(page->next_page_token().empty());
}

TEST_F(EvidencePages, PagesOfTwoStatesAreNeverMixed) {
  const std::string event = OpenEvent({});
  Respond(event, 100);
  const auto first = Page(event, "");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_FALSE(first->next_page_token().empty());
  Respond(event, 1);
  EXPECT_EQ(ReasonOf(Page(event, first->next_page_token()).status()), "CONFLICT");
  for (const char* token : {"x", "-1/00", "3", "/"})
    EXPECT_EQ(ReasonOf(Page(event, token).status()), "INVALID_FIELDS") << token;
}

TEST_F(EvidencePages, WhatNamesNoEventIsABadRequest) {
  for (const char* event : {"", "organisations/a", "organisations/a/events/"})
    EXPECT_EQ(ReasonOf(Page(event, "").status()), "INVALID_FIELDS") << event;
}

}  // namespace
}  // namespace waterline::testing
