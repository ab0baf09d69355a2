#include "services/common/privacy/projection.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <unordered_map>

#include "services/common/privacy/pseudonym.h"
#include "services/common/text/date.h"
#include "services/common/text/identifiers.h"

namespace waterline::privacy {
namespace {

using common::v1::Release;
using common::v1::ReleaseLevel;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool IsReceipt(const FieldDescriptor* field) {
  return field->message_type() != nullptr &&
         field->message_type()->full_name() == "waterline.accountability.v1.Receipt";
}

// A container's own fields decide; a leaf's option decides.
bool IsContainer(const FieldDescriptor* field) {
  return field->message_type() != nullptr &&
         field->message_type()->file()->package() != "google.protobuf" && !IsReceipt(field);
}

bool HasRelease(const FieldDescriptor* field) {
  return field->options().HasExtension(common::v1::release);
}

bool IsString(const FieldDescriptor* field) {
  return field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;  // Bytes too.
}

bool IsInstant(const FieldDescriptor* field) {
  return !field->is_repeated() && field->message_type() != nullptr &&
         field->message_type()->full_name() == "google.protobuf.Timestamp";
}

Leaves FormOf(const FieldDescriptor* field, common::v1::PseudonymisedForm form) {
  switch (form) {
    case common::v1::PSEUDONYMISED_FORM_UNSPECIFIED:
    case common::v1::PSEUDONYMISED_FORM_AS_IS:
      return Leaves::kAsIs;
    case common::v1::PSEUDONYMISED_FORM_PSEUDONYM:
      return IsString(field) ? Leaves::kPseudonym : Leaves::kWithheld;
    case common::v1::PSEUDONYMISED_FORM_MONTH:
      return IsString(field) || IsInstant(field) ? Leaves::kMonth : Leaves::kWithheld;
    case common::v1::PSEUDONYMISED_FORM_OUTWARD:
      return IsString(field) ? Leaves::kOutward : Leaves::kWithheld;
    case common::v1::PSEUDONYMISED_FORM_REVIEWED_TEXT:
      return IsString(field) ? Leaves::kReviewedText : Leaves::kWithheld;
    default:
      return Leaves::kWithheld;  // DROP, and forms this program does not know.
  }
}

void CollectUnannotated(const Descriptor* type, const std::string& prefix,
                        std::set<const Descriptor*>* open, std::vector<std::string>* out) {
  if (!open->insert(type).second) return;
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (IsContainer(field)) {
      CollectUnannotated(field->message_type(), prefix + field->name() + ".", open, out);
    } else if (!HasRelease(field) && !IsReceipt(field)) {
      out->push_back(prefix + field->name());
    }
  }
  open->erase(type);
}

// ---- Plans --------------------------------------------------------------------------------------

constexpr size_t kLevels = common::v1::ReleaseLevel_ARRAYSIZE;

struct TypePlan;

struct FieldPlan {
  std::array<Leaves, kLevels> leaves{};  // Of a scalar, by level.
  const TypePlan* inside = nullptr;      // Of a container.
};

struct TypePlan {
  std::vector<FieldPlan> fields;         // By index of the field in its type.
  std::array<bool, kLevels> releases{};  // Something of it may leave at this level.
  bool full = false;                     // Every field at any depth is annotated.
};

// Whether anything inside may leave; `seen` ends the walk through types that hold themselves.
bool AnyLeaves(const Descriptor* type, ReleaseLevel level, std::set<const Descriptor*>* seen) {
  if (!seen->insert(type).second) return false;
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (IsContainer(field) ? AnyLeaves(field->message_type(), level, seen)
                           : LeavesAs(field, level) != Leaves::kWithheld)
      return true;
  }
  return false;
}

class Plans {
 public:
  const TypePlan& Of(const Descriptor* type) {
    {
      std::shared_lock lock(mutex_);
      if (auto found = plans_.find(type); found != plans_.end()) return *found->second;
    }
    std::unique_lock lock(mutex_);
    return *Compile(type);
  }

 private:
  // A plan is put into the map before it is filled, so that a type may hold itself; nobody else
  // sees it before the lock is given back.
  const TypePlan* Compile(const Descriptor* type) {
    auto& slot = plans_[type];
    if (slot != nullptr) return slot.get();
    slot = std::make_unique<TypePlan>();
    TypePlan* plan = slot.get();
    plan->full = FieldsWithoutRelease(type).empty();
    for (size_t level = 0; level < kLevels; ++level) {
      std::set<const Descriptor*> seen;
      plan->releases[level] = AnyLeaves(type, static_cast<ReleaseLevel>(level), &seen);
    }
    for (int i = 0; i < type->field_count(); ++i) {
      FieldPlan field;
      for (size_t level = 0; level < kLevels; ++level)
        field.leaves[level] = LeavesAs(type->field(i), static_cast<ReleaseLevel>(level));
      if (IsContainer(type->field(i))) field.inside = Compile(type->field(i)->message_type());
      plan->fields.push_back(field);
    }
    return plan;
  }

  std::shared_mutex mutex_;  // Guards plans_. No other lock is taken under it.
  std::unordered_map<const Descriptor*, std::unique_ptr<TypePlan>> plans_;
};

const TypePlan& PlanOf(const Descriptor* type) {
  static Plans plans;
  return plans.Of(type);
}

// ---- Forms --------------------------------------------------------------------------------------

using Changed = std::optional<std::string>;  // Nothing: the value may not leave.

Changed MonthOf(const std::string& date) {
  if (!text::ParseDate(date)) return std::nullopt;
  return date.substr(0, 7);  // YYYY-MM
}

// BN1 of BN1 1AA and of BN1. The code of a lower layer super output area says less than that.
Changed OutwardOf(const std::string& value) {
  if (const auto whole = text::NormalisePostcode(value)) return whole->substr(0, whole->find(' '));
  if (auto outward = text::NormaliseOutwardPostcode(value)) return outward;
  auto area = text::NormaliseGss(value);
  const bool is_lsoa = area && (area->starts_with("E01") || area->starts_with("W01"));
  return is_lsoa ? area : std::nullopt;
}

void ToStartOfMonth(google::protobuf::Timestamp* instant) {
  using std::chrono::days;
  const std::chrono::sys_days day{days(text::DayOf(text::ToMs(*instant)))};
  const std::chrono::year_month_day date(day);
  const std::chrono::sys_days first = date.year() / date.month() / 1;
  *instant = text::ToTimestamp(first.time_since_epoch().count() * int64_t{86'400'000});
}

// ---- Messages -----------------------------------------------------------------------------------

// What one message or row may show.
struct View {
  ReleaseLevel level;
  bool text;
  const std::string& pseudonym_key;
};

// Changes every value of a string field; false when one may not leave.
bool ChangeStrings(Message* message, const FieldDescriptor* field,
                   const std::function<Changed(const std::string&)>& change) {
  const auto* reflection = message->GetReflection();
  if (!field->is_repeated()) {
    auto changed = change(reflection->GetString(*message, field));
    if (changed) reflection->SetString(message, field, *std::move(changed));
    return changed.has_value();
  }
  for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
    auto changed = change(reflection->GetRepeatedString(*message, field, i));
    if (!changed) return false;
    reflection->SetRepeatedString(message, field, i, *std::move(changed));
  }
  return true;
}

// Brings a scalar field into the form in which it leaves; false when it may not.
bool Shape(Message* message, const FieldDescriptor* field, Leaves leaves, const View& view) {
  switch (leaves) {
    case Leaves::kAsIs:
      return true;
    case Leaves::kReviewedText:
      return view.text;
    case Leaves::kPseudonym:
      if (view.pseudonym_key.size() != kPseudonymKeyBytes) return false;
      return ChangeStrings(message, field, [&](const std::string& value) -> Changed {
        return PseudonymOfName(view.pseudonym_key, value);
      });
    case Leaves::kMonth:
      if (IsString(field)) return ChangeStrings(message, field, MonthOf);
      ToStartOfMonth(static_cast<google::protobuf::Timestamp*>(
          message->GetReflection()->MutableMessage(message, field)));
      return true;
    case Leaves::kOutward:
      return ChangeStrings(message, field, OutwardOf);
    case Leaves::kWithheld:
      return false;
  }
  return false;
}

void ProjectMessage(Message* message, const TypePlan& plan, const View& view,
                    const std::string& prefix, const FieldDescriptor* done,
                    std::set<std::string>* withheld) {
  const auto* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> set_fields;
  reflection->ListFields(*message, &set_fields);
  for (const auto* field : set_fields) {
    if (field == done) continue;
    const FieldPlan unknown{};  // Of an extension: no plan, so it may not leave.
    const auto& of_field =
        field->is_extension() ? unknown : plan.fields[static_cast<size_t>(field->index())];
    const auto level = static_cast<size_t>(view.level);
    const bool leaves = of_field.inside != nullptr
                            ? of_field.inside->releases[level]
                            : Shape(message, field, of_field.leaves[level], view);
    if (leaves && of_field.inside == nullptr) continue;
    if (!leaves) {
      reflection->ClearField(message, field);
      withheld->insert(prefix + field->name());
      continue;
    }
    const std::string inside = prefix + field->name() + ".";
    if (!field->is_repeated()) {
      ProjectMessage(reflection->MutableMessage(message, field), *of_field.inside, view, inside,
                     nullptr, withheld);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      ProjectMessage(reflection->MutableRepeatedMessage(message, field, i), *of_field.inside, view,
                     inside, nullptr, withheld);
    }
  }
}

// The lower of two levels; a number that is no level (a newer peer's) is NOTHING.
ReleaseLevel Lower(ReleaseLevel a, ReleaseLevel b) {
  if (!common::v1::ReleaseLevel_IsValid(a) || !common::v1::ReleaseLevel_IsValid(b))
    return common::v1::RELEASE_LEVEL_NOTHING;
  return std::min(a, b);
}

// The rows that may be seen at all, each at its own level, in their order.
void ProjectRows(Message* message, const FieldDescriptor* field, const ReleasePlan& plan,
                 std::set<std::string>* withheld) {
  const auto* reflection = message->GetReflection();
  const TypePlan& of_row = PlanOf(field->message_type());
  const std::string inside = field->name() + ".";
  int kept = 0;
  for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
    const auto& row = plan.rows[static_cast<size_t>(i)];
    const View view{Lower(plan.level, row.level), row.text, plan.pseudonym_key};
    if (view.level <= common::v1::RELEASE_LEVEL_NOTHING) continue;
    if (!of_row.releases[static_cast<size_t>(view.level)]) {
      withheld->insert(field->name());
      continue;
    }
    ProjectMessage(reflection->MutableRepeatedMessage(message, field, i), of_row, view, inside,
                   nullptr, withheld);
    if (kept != i) reflection->SwapElements(message, field, kept, i);
    ++kept;
  }
  while (reflection->FieldSize(*message, field) > kept) reflection->RemoveLast(message, field);
}

// The field the rows stand in; nothing when the plan does not fit the message.
const FieldDescriptor* RowsFieldOf(const Message& message, const ReleasePlan& plan) {
  const auto* field = message.GetDescriptor()->FindFieldByName(plan.rows_field);
  if (field == nullptr || !field->is_repeated() || !IsContainer(field)) return nullptr;
  const auto size = static_cast<size_t>(message.GetReflection()->FieldSize(message, field));
  return size == plan.rows.size() ? field : nullptr;
}

bool AllIdentifiable(const ReleasePlan& plan) {
  return plan.level == common::v1::RELEASE_LEVEL_IDENTIFIABLE &&
         std::all_of(plan.rows.begin(), plan.rows.end(), [](const RowRelease& row) {
           return row.level == common::v1::RELEASE_LEVEL_IDENTIFIABLE && row.text;
         });
}

std::vector<std::string> Nothing(Message* message, std::vector<std::string> paths) {
  message->Clear();
  return paths;
}

}  // namespace

Leaves LeavesAs(const FieldDescriptor* field, ReleaseLevel level) {
  if (IsReceipt(field)) return Leaves::kAsIs;
  if (!HasRelease(field) || level <= common::v1::RELEASE_LEVEL_NOTHING) return Leaves::kWithheld;
  const Release& rule = field->options().GetExtension(common::v1::release);
  if (level == common::v1::RELEASE_LEVEL_IDENTIFIABLE) {
    const bool reviewed = rule.form() == common::v1::PSEUDONYMISED_FORM_REVIEWED_TEXT;
    return reviewed ? Leaves::kReviewedText : Leaves::kAsIs;
  }
  const bool low_enough =
      rule.lowest() != common::v1::RELEASE_LEVEL_UNSPECIFIED && rule.lowest() <= level;
  const Leaves form = low_enough ? FormOf(field, rule.form()) : Leaves::kWithheld;
  const bool of_one_record = form == Leaves::kPseudonym || form == Leaves::kReviewedText;
  if (level == common::v1::RELEASE_LEVEL_AGGREGATE && of_one_record) return Leaves::kWithheld;
  return form;
}

std::vector<std::string> Project(Message* message, const ReleasePlan& plan) {
  const TypePlan& of_type = PlanOf(message->GetDescriptor());
  const bool has_rows = !plan.rows_field.empty() && !plan.rows.empty();
  const auto* rows = has_rows ? RowsFieldOf(*message, plan) : nullptr;
  if (has_rows && rows == nullptr) return Nothing(message, {plan.rows_field});
  if (!has_rows && plan.rows.size() > 1) return Nothing(message, {"*"});
  if (of_type.full && AllIdentifiable(plan)) return {};
  // Without exceptions the highest level holds everything, text too.
  const bool all = plan.level == common::v1::RELEASE_LEVEL_IDENTIFIABLE;
  View view{Lower(plan.level, plan.level), all, plan.pseudonym_key};
  if (!has_rows && plan.rows.size() == 1) {
    view.level = Lower(plan.level, plan.rows[0].level);
    view.text = plan.rows[0].text;
  }
  if (view.level <= common::v1::RELEASE_LEVEL_NOTHING) return Nothing(message, {});
  message->DiscardUnknownFields();
  std::set<std::string> withheld;
  if (rows != nullptr) ProjectRows(message, rows, plan, &withheld);
  ProjectMessage(message, of_type, view, "", rows, &withheld);
  return {withheld.begin(), withheld.end()};
}

std::vector<std::string> FieldsWithoutRelease(const Descriptor* type) {
  std::set<const Descriptor*> open;
  std::vector<std::string> paths;
  CollectUnannotated(type, "", &open, &paths);
  return paths;
}

bool IsPersonal(const FieldDescriptor* field) {
  return HasRelease(field) && field->options().GetExtension(common::v1::release).personal();
}

}  // namespace waterline::privacy
