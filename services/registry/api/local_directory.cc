#include "services/registry/api/local_directory.h"

#include "services/common/records/records.h"
#include "services/common/text/id.h"
#include "services/registry/store/keys.h"
#include "waterline/registry/storage/v1/records.pb.h"

namespace waterline::registry {

using waterline::storage::Key;
using waterline::storage::Partition;

coro::Task<absl::StatusOr<std::optional<std::string>>> LocalDirectory::LookOne(std::string name) {
  std::optional<std::string> subject;
  if (const auto ids = text::MatchName(name, "organisations/*/participants/*")) {
    auto stored = co_await records::Load<registry::storage::v1::ParticipantRecord>(
        store_, Partition((*ids)[0]), Key(kParticipants, (*ids)[1]));
    if (!stored.ok()) co_return stored.status();
    if (*stored) subject = (*stored)->record.subject_id();
    co_return subject;
  }
  std::vector<Key> keys;
  if (const auto ids = text::MatchName(name, "organisations/*"))
    keys.emplace_back(kOrganisations, (*ids)[0]);
  if (const auto ids = text::MatchName(name, "places/*")) keys.emplace_back(kPlaces, (*ids)[0]);
  if (keys.empty()) co_return subject;
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto values, co_await store_->Get(NetworkPartition(), keys));
  if (values[0]) subject = "";
  co_return subject;
}

coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> LocalDirectory::Look(
    std::vector<std::string> names) {
  std::vector<std::optional<std::string>> answers;
  for (const auto& name : names) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto answer, co_await LookOne(name));
    answers.push_back(std::move(answer));
  }
  co_return answers;
}

coro::Task<absl::StatusOr<bool>> LocalDirectory::IsTest(std::string organisation) {
  auto stored = co_await records::Load<registry::storage::v1::OrganisationRecord>(
      store_, NetworkPartition(), Key(kOrganisations, organisation));
  if (!stored.ok()) co_return stored.status();
  co_return stored->has_value() && (*stored)->record.public_().test();
}

}  // namespace waterline::registry
