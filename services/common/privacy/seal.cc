// Sealing of personal fields. The layout of Sealed is in waterline/common/storage/v1/sealed.proto.

#include <memory>

#include "services/common/crypto/aead.h"
#include "services/common/crypto/random.h"
#include "services/common/privacy/projection.h"
#include "services/common/privacy/vault.h"
#include "services/common/status/error.h"

namespace waterline::privacy {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kNonceBytes = 12;

std::string Aad(const Message& message, std::string_view resource_name, const std::string& key_id) {
  std::string aad = message.GetDescriptor()->full_name();
  aad.push_back('\0');
  aad.append(resource_name);
  aad.push_back('\0');
  aad.append(key_id);
  aad.push_back('\0');
  return aad;
}

bool IsContainer(const FieldDescriptor* field) {
  return field->message_type() != nullptr &&
         field->message_type()->file()->package() != "google.protobuf";
}

// Clears the fields of `message` whose personal-ness is `personal`; true when any message or field
// is left. Containers are kept while they hold something, so that repeated messages stay aligned.
bool KeepOnly(Message* message, bool personal) {
  bool any = false;
  const auto* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> set_fields;
  reflection->ListFields(*message, &set_fields);
  for (const auto* field : set_fields) {
    if (!IsContainer(field)) {
      if (IsPersonal(field) == personal) {
        any = true;
      } else {
        reflection->ClearField(message, field);
      }
    } else if (field->is_repeated()) {
      for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
        any |= KeepOnly(reflection->MutableRepeatedMessage(message, field, i), personal);
      }
    } else {
      any |= KeepOnly(reflection->MutableMessage(message, field), personal);
    }
  }
  return any;
}

// Merges `from` into `to`; repeated messages are matched by position.
void MergeAligned(const Message& from, Message* to) {
  const auto* reflection = from.GetReflection();
  std::vector<const FieldDescriptor*> set_fields;
  reflection->ListFields(from, &set_fields);
  std::unique_ptr<Message> leaves(from.New());
  leaves->CopyFrom(from);
  for (const auto* field : set_fields) {
    if (IsContainer(field)) reflection->ClearField(leaves.get(), field);
  }
  to->MergeFrom(*leaves);
  for (const auto* field : set_fields) {
    if (!IsContainer(field)) continue;
    if (!field->is_repeated()) {
      MergeAligned(reflection->GetMessage(from, field), reflection->MutableMessage(to, field));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(from, field); ++i) {
      Message* target = i < reflection->FieldSize(*to, field)
                            ? reflection->MutableRepeatedMessage(to, field, i)
                            : reflection->AddMessage(to, field);
      MergeAligned(reflection->GetRepeatedMessage(from, field, i), target);
    }
  }
}

}  // namespace

std::optional<common::storage::v1::Sealed> SealPersonal(Message* message,
                                                        std::string_view resource_name,
                                                        const SubjectKey& key) {
  std::unique_ptr<Message> personal(message->New());
  personal->CopyFrom(*message);
  if (!KeepOnly(personal.get(), true)) return std::nullopt;
  KeepOnly(message, false);
  common::storage::v1::Sealed sealed;
  sealed.set_key_id(key.id);
  sealed.set_nonce(crypto::RandomBytes(kNonceBytes));
  sealed.set_ciphertext(crypto::AesGcmSeal(key.secret, sealed.nonce(),
                                           Aad(*message, resource_name, key.id),
                                           personal->SerializeAsString()));
  return sealed;
}

absl::Status OpenPersonal(const common::storage::v1::Sealed& sealed, std::string_view resource_name,
                          const SubjectKey& key, Message* message) {
  auto plain = crypto::AesGcmOpen(key.secret, sealed.nonce(), Aad(*message, resource_name, key.id),
                                  sealed.ciphertext());
  std::unique_ptr<Message> personal(message->New());
  if (!plain.ok() || !personal->ParseFromString(*plain)) {
    return Error(reason::kDataDamaged,
                 "sealed fields of a stored record do not open; restore the store from its backup");
  }
  MergeAligned(*personal, message);
  return absl::OkStatus();
}

}  // namespace waterline::privacy
