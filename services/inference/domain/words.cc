#include "services/inference/domain/words.h"

#include "services/common/data/code_lists.h"
#include "services/common/data/conceptual_map.h"
#include "services/common/text/date.h"

namespace waterline::inference {
namespace {

using Status = v1::Estimate::Status;

constexpr uint64_t kRoundedTo = 5;

struct Sentence {
  Status status;
  const char* words;  // After the name of the node and whose view it is.
};

constexpr Sentence kSentences[] = {
    {v1::Estimate::STATUS_NOT_ENOUGH_EVIDENCE,
     "there is not enough evidence yet to say how it stands."},
    {v1::Estimate::STATUS_ESTABLISHED,
     "it is established: most of those asked would say that it works."},
    {v1::Estimate::STATUS_EMERGING,
     "it is emerging: more would say that it works than that it does not."},
    {v1::Estimate::STATUS_UNCLEAR, "it is unclear: there is evidence, but it points both ways."},
    {v1::Estimate::STATUS_FRAGILE,
     "it is fragile: fewer would say that it works than that it does not."},
    {v1::Estimate::STATUS_AT_RISK, "it is at risk: few of those asked would say that it works."},
    {v1::Estimate::STATUS_SUPPRESSED, "it is not shown, to protect the few people who answered."},
    {v1::Estimate::STATUS_NO_EVIDENCE, "nobody has been asked about it yet."},
};

// "As clinicians see it", by perspective.
constexpr const char* kViews[] = {
    "as people who use services and the public see it",
    "as clinicians see it",
    "as commissioners and managers see it",
    "as community organisations see it",
};

constexpr const char* kGroups[] = {"service users, carers and the public", "clinicians",
                                   "commissioners and managers", "community organisations"};

std::string TitleOf(const ValueId& id) {
  const auto* node = data::CurrentMap().Find(NodeOf(id));
  return node == nullptr ? NodeOf(id) : node->title;
}

std::string WhoToAsk(const ValueId& id) {
  if (id.perspective == kAllPerspectives) return "more people";
  return std::string("more ") + kGroups[id.perspective];
}

std::string LabelOf(const std::string& scheme, const std::string& code) {
  const auto* found = data::FindCode("participation_level_" + scheme, code);
  return found == nullptr ? code : found->label;
}

// `rows` are sorted by days.
double MedianOf(const google::protobuf::RepeatedPtrField<storage::v1::DayTally>& rows) {
  uint64_t total = 0;
  for (const auto& row : rows) total += row.events();
  const auto at = [&](uint64_t rank) {  // 0-based
    for (const auto& row : rows) {
      if (rank < row.events()) return static_cast<double>(row.days());
      rank -= row.events();
    }
    return 0.0;
  };
  return (at((total - 1) / 2) + at(total / 2)) / 2;
}

}  // namespace

std::string PeopleInWords(uint64_t count) {
  if (count == 0) return "none";
  if (count < kSuppressedBelow) return "under 8";
  return "about " + std::to_string((count + kRoundedTo / 2) / kRoundedTo * kRoundedTo);
}

std::string EventsInWords(uint64_t count) {
  if (count == 0) return "none";
  return std::to_string(count) + (count == 1 ? " event" : " events");
}

std::string WordsOf(Status status, const ValueId& id) {
  std::string words = TitleOf(id);
  if (id.perspective != kAllPerspectives) words += std::string(", ") + kViews[id.perspective];
  for (const auto& sentence : kSentences) {
    if (sentence.status == status) return words + ": " + sentence.words;
  }
  return words;
}

std::string WhyOf(Status status, Shown shown, const ValueId& id) {
  if (shown == Shown::kTooFew) {
    return "Fewer than 8 people stand behind this. It is shown once 8 have answered; asking " +
           WhoToAsk(id) + " helps.";
  }
  if (shown == Shown::kProtecting) {
    return "Enough people stand behind this, but from it and its neighbours one could work out "
           "what fewer than 8 "
           "people said. It is shown once 8 have answered for each; asking the smallest groups "
           "helps.";
  }
  if (shown == Shown::kNoEvidence)
    return "No answers touch this yet; asking " + WhoToAsk(id) + " about it helps.";
  if (status == v1::Estimate::STATUS_NOT_ENOUGH_EVIDENCE) {
    return "What is known is thin or old; asking again at another event helps more than asking "
           "more people at one.";
  }
  return "";
}

v1::Surface SurfaceOf(const storage::v1::EvidenceTally& tally) {
  v1::Surface surface;
  surface.set_events(EventsInWords(tally.events()));
  surface.set_reach(PeopleInWords(tally.reach()));
  surface.set_contributions(PeopleInWords(tally.contributions()));
  surface.set_reactions(PeopleInWords(tally.reactions()));
  if (!tally.notice_days().empty()) surface.set_notice_days_median(MedianOf(tally.notice_days()));
  for (const auto& level : tally.levels()) {
    auto* row = surface.add_levels();
    row->set_scheme(level.scheme());
    row->set_promised(LabelOf(level.scheme(), level.promised()));
    row->set_delivered(LabelOf(level.scheme(), level.delivered()));
    row->set_events(EventsInWords(level.events()));
  }
  if (tally.days().empty()) return surface;
  surface.set_first_day(text::FormatDate(tally.days(0).days()));
  surface.set_last_day(text::FormatDate(tally.days(tally.days_size() - 1).days()));
  return surface;
}

}  // namespace waterline::inference
