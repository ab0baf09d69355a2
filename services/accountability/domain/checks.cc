#include "services/accountability/domain/checks.h"

#include "google/protobuf/descriptor.h"
#include "services/common/data/code_lists.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {

using google::protobuf::FieldDescriptor;

void Checks::Code(const std::string& field, const std::string& list, const std::string& code,
                  bool required) {
  If(code.empty() ? required : !data::IsKnownCode(list, code), field,
     "is not in the code list " + list + "; see `waterline codes " + list + "`");
}

void Checks::Organisation(const std::string& field, const std::string& name) {
  If(!text::MatchName(name, "organisations/*"), field, "is not a name organisations/{id}");
}

void Checks::Text(const std::string& field, const std::string& value, size_t min, size_t max) {
  const std::string problem = text::TextProblem(value, min, max);
  If(!problem.empty(), field, problem);
}

std::string At(const std::string& path, int index) {
  return path + "[" + std::to_string(index) + "]";
}

void ForEachText(const google::protobuf::Message& message, const std::string& path,
                 const std::function<void(const std::string& path, const std::string& field,
                                          const std::string& value)>& visit) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    const bool is_text = field->type() == FieldDescriptor::TYPE_STRING;
    if (!is_text && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string name = path + "." + field->name();
    const int size = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < size; ++i) {
      const std::string place = field->is_repeated() ? At(name, i) : name;
      if (!is_text) {
        ForEachText(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                         : reflection->GetMessage(message, field),
                    place, visit);
      } else {
        visit(place, field->name(),
              field->is_repeated() ? reflection->GetRepeatedString(message, field, i)
                                   : reflection->GetString(message, field));
      }
    }
  }
}

}  // namespace waterline::accountability
