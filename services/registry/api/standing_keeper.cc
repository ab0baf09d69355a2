#include "services/registry/api/standing_keeper.h"

#include <algorithm>
#include <iterator>

namespace waterline::registry {
namespace {

using accountability::v1::StandingEdit;
using accountability::v1::StandingItem;
using accountability::v1::StandingValue;

// What decisions go by, by its code.
StandingItem ItemOf(const std::string& code) {
  struct Row {
    const char* code;
    StandingItem item;
  };
  static constexpr Row kRows[] = {
      {"share_with_named_partners", accountability::v1::STANDING_ITEM_SHARE_WITH_NAMED_PARTNERS},
      {"share_with_any_ics_partner", accountability::v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER},
      {"quote_anonymously", accountability::v1::STANDING_ITEM_QUOTE_ANONYMOUSLY},
      {"quote_with_name", accountability::v1::STANDING_ITEM_QUOTE_WITH_NAME},
      {"reuse_for_research_contact", accountability::v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT},
      {"objection", accountability::v1::STANDING_ITEM_OBJECTION},
      {"restriction", accountability::v1::STANDING_ITEM_RESTRICTION},
      {"hold", accountability::v1::STANDING_ITEM_HOLD},
  };
  const auto* found = std::find_if(std::begin(kRows), std::end(kRows),
                                   [&](const Row& row) { return code == row.code; });
  return found == std::end(kRows) ? accountability::v1::STANDING_ITEM_UNSPECIFIED : found->item;
}

StandingValue ValueOf(StandingChange::To to) {
  switch (to) {
    case StandingChange::To::kGiven:
      return accountability::v1::STANDING_VALUE_GIVEN;
    case StandingChange::To::kRefused:
      return accountability::v1::STANDING_VALUE_REFUSED;
    case StandingChange::To::kWithdrawn:
      return accountability::v1::STANDING_VALUE_WITHDRAWN;
    case StandingChange::To::kSet:
      return accountability::v1::STANDING_VALUE_SET;
    case StandingChange::To::kLifted:
      return accountability::v1::STANDING_VALUE_LIFTED;
  }
  return accountability::v1::STANDING_VALUE_UNSPECIFIED;
}

}  // namespace

coro::Task<absl::Status> AccountabilityStanding::SetStanding(std::string controller,
                                                             std::string subject_id,
                                                             std::vector<StandingChange> changes,
                                                             const rpc::Call& call,
                                                             gate::Decision) {
  accountability::v1::SetStandingRequest request;
  *request.mutable_caller() = call.caller;
  request.set_controller(std::move(controller));
  request.set_subject_id(std::move(subject_id));
  for (const auto& change : changes) {
    const auto item = ItemOf(change.what);
    if (item == accountability::v1::STANDING_ITEM_UNSPECIFIED) continue;
    StandingEdit* edit = request.add_edits();
    edit->set_item(item);
    edit->set_value(ValueOf(change.to));
    edit->set_expires_ms(change.expires_ms);
  }
  if (request.edits().empty()) co_return absl::OkStatus();
  auto set = co_await accountability_->SetStanding(std::move(request));
  co_return set.status();
}

}  // namespace waterline::registry
