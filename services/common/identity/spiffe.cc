#include "services/common/identity/spiffe.h"

#include "services/common/status/error.h"
#include "services/common/text/id.h"

namespace waterline::identity {
namespace {

constexpr std::string_view kScheme = "spiffe://";

absl::Status Refused(const char* sentence) { return Error(reason::kCertificateRefused, sentence); }

}  // namespace

std::string SpiffeId::ToString() const {
  return OrganisationUri(network, organisation) + "/svc/" + service;
}

std::string NetworkUri(std::string_view network) {
  return std::string(kScheme) + std::string(network);
}

std::string OrganisationUri(std::string_view network, std::string_view organisation) {
  return NetworkUri(network) + "/org/" + std::string(organisation);
}

bool IsDevelopmentName(std::string_view network) {
  return network.find("dev") != std::string_view::npos;
}

absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri, std::string_view network) {
  if (uri.size() > kSpiffeBytesMax || !uri.starts_with(kScheme))
    return Refused("the name in the certificate is not spiffe://NETWORK/org/ID/svc/NAME");
  const std::string_view rest = uri.substr(kScheme.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos || rest.substr(0, slash) != network)
    return Refused("the certificate is for another network");
  const auto ids = text::MatchName(rest.substr(slash + 1), "org/*/svc/*");
  if (!ids) return Refused("the name in the certificate is not spiffe://NETWORK/org/ID/svc/NAME");
  return SpiffeId{std::string(network), (*ids)[0], (*ids)[1]};
}

}  // namespace waterline::identity
