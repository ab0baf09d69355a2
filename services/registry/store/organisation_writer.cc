#include "services/registry/store/organisation_writer.h"

#include <set>

#include "services/common/text/id.h"
#include "services/registry/store/keys.h"

namespace waterline::registry {
namespace {

using text::IdOf;
using waterline::storage::Key;

// Index key -> value.
std::set<std::pair<Key, std::string>> IndexOf(const v1::Organisation& organisation) {
  const std::string id = IdOf(organisation.name());
  std::set<std::pair<Key, std::string>> keys;
  for (const auto& identifier : organisation.identifiers()) {
    keys.emplace(Key(kIdentifiers, identifier.scheme() + "/" + identifier.value()), id);
  }
  keys.emplace(Key(kOrganisationTypes, organisation.type() + "/" + id), "");
  for (const auto& relation : organisation.relations()) {
    if (relation.kind() == v1::Relation::KIND_PART_OF)
      keys.emplace(Key(kOrganisationParts, IdOf(relation.organisation()) + "/" + id), "");
  }
  return keys;
}

}  // namespace

void PutOrganisation(const storage::v1::OrganisationRecord& record,
                     const storage::v1::OrganisationRecord* before,
                     waterline::storage::Batch* batch) {
  const auto now = IndexOf(record.public_());
  if (before != nullptr) {
    for (const auto& [key, value] : IndexOf(before->public_())) {
      if (!now.contains({key, value})) batch->Delete(key);
    }
  }
  for (const auto& [key, value] : now) batch->Put(key, value);
  batch->Put(Key(kOrganisations, IdOf(record.public_().name())), record.SerializeAsString());
}

}  // namespace waterline::registry
