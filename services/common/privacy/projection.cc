#include "services/common/privacy/projection.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <unordered_map>

namespace waterline::privacy {
namespace {

using common::v1::Release;
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

// Forms that need keys or review (PSEUDONYM, REVIEWED_TEXT, MONTH, OUTWARD) are withheld below the
// top level until the decision carries what they need.
bool MayLeave(const FieldDescriptor* field, common::v1::ReleaseLevel level) {
  if (IsReceipt(field)) return true;
  if (!HasRelease(field)) return false;
  const Release& rule = field->options().GetExtension(common::v1::release);
  if (level == common::v1::RELEASE_LEVEL_IDENTIFIABLE) return true;
  const bool as_is = rule.form() == common::v1::PSEUDONYMISED_FORM_UNSPECIFIED ||
                     rule.form() == common::v1::PSEUDONYMISED_FORM_AS_IS;
  return rule.lowest() <= level && as_is;
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

bool FullyAnnotated(const Descriptor* type) {
  static std::shared_mutex mutex;
  static std::unordered_map<const Descriptor*, bool> known;
  {
    std::shared_lock lock(mutex);
    if (auto found = known.find(type); found != known.end()) return found->second;
  }
  const bool full = FieldsWithoutRelease(type).empty();
  std::unique_lock lock(mutex);
  return known[type] = full;
}

void ProjectMessage(Message* message, common::v1::ReleaseLevel level, const std::string& prefix,
                    std::set<std::string>* withheld) {
  const auto* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> set_fields;
  reflection->ListFields(*message, &set_fields);
  for (const auto* field : set_fields) {
    const std::string path = prefix + field->name();
    if (!IsContainer(field)) {
      if (MayLeave(field, level)) continue;
      reflection->ClearField(message, field);
      withheld->insert(path);
    } else if (field->is_repeated()) {
      for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
        ProjectMessage(reflection->MutableRepeatedMessage(message, field, i), level, path + ".",
                       withheld);
      }
    } else {
      ProjectMessage(reflection->MutableMessage(message, field), level, path + ".", withheld);
    }
  }
}

}  // namespace

std::vector<std::string> Project(Message* message, common::v1::ReleaseLevel level) {
  if (level == common::v1::RELEASE_LEVEL_IDENTIFIABLE && FullyAnnotated(message->GetDescriptor())) {
    return {};
  }
  message->DiscardUnknownFields();
  std::set<std::string> withheld;
  ProjectMessage(message, level, "", &withheld);
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
