#include "services/common/identity/joining.h"

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/jws.h"
#include "services/common/identity/spiffe.h"
#include "services/common/status/macros.h"

namespace waterline::identity {
namespace {

constexpr int64_t kMs = 1000;
constexpr char kKeyName[] = "certificate";  // `kid`, for a key that has no name.

using Violations = std::vector<FieldViolation>;

// The lines that the fingerprint is of.
std::string WhatIsConfirmed(const JoinPapers& papers) {
  return "waterline join 1\n" + papers.network + "\n" + papers.organisation + "\n" +
         crypto::HexEncode(crypto::Sha256(papers.issuer_pem)) + "\n" +
         crypto::HexEncode(crypto::Sha256(papers.jwks)) + "\n";
}

bool HasSize(const std::string& text, const char* field, Violations* out) {
  if (!text.empty() && text.size() <= kJoinFileBytesMax) return true;
  out->push_back({field, text.empty() ? "is missing" : "has more than 32 KiB"});
  return false;
}

crypto::SignatureAlgorithm AlgorithmFor(crypto::KeyKind kind) {
  if (kind == crypto::KeyKind::kEd25519) return crypto::SignatureAlgorithm::kEd25519;
  return kind == crypto::KeyKind::kP256 ? crypto::SignatureAlgorithm::kEcdsaP256Sha256
                                        : crypto::SignatureAlgorithm::kRsaSha256;
}

void CheckTime(const JoinPapers& papers, int64_t now_ms, Violations* out) {
  const int64_t now = now_ms / kMs;
  const int64_t most = std::chrono::seconds(kJoinClocksDiffer).count();
  if (papers.signed_at < now - most || papers.signed_at > now + most)
    out->push_back({"signed_at", "is more than 5 minutes from the server's time; set the clocks"});
}

void CheckKeys(const JoinPapers& papers, const JoinProofs& proofs, Violations* out) {
  if (!HasSize(papers.jwks, "jwks", out)) return;
  const auto keys = JwkSet::Parse(papers.jwks);
  if (!keys.ok()) {
    out->push_back({"jwks", std::string(keys.status().message())});
    return;
  }
  const std::string own = OrganisationUri(papers.network, papers.organisation);
  if (keys->issuer() && keys->issuer()->starts_with("spiffe://") && *keys->issuer() != own)
    out->push_back({"jwks", "`issuer` in it is the name of another organisation"});
  if (proofs.key_proofs.size() != keys->keys().size()) {
    out->push_back({"key_proofs", "are not one of each key of the set"});
    return;
  }
  const std::string statement = JoinStatement(papers);
  for (size_t i = 0; i < proofs.key_proofs.size(); ++i) {
    const auto proved = VerifyDetached(proofs.key_proofs[i], statement, keys->keys()[i]);
    if (!proved.ok())
      out->push_back({"key_proofs[" + std::to_string(i) + "]",
                      "does not verify: " + std::string(proved.status().message())});
  }
}

// That the certificate is one of the organisation's clients, by one of the authorities.
absl::Status CheckLeaf(const JoinPapers& papers, const Certificate& certificate,
                       const PinnedIssuers& issuers, int64_t now_ms) {
  WATERLINE_RETURN_IF_ERROR(issuers.Verify(certificate, now_ms).status());
  WATERLINE_ASSIGN_OR_RETURN(const auto uri, certificate.Uri());
  WATERLINE_ASSIGN_OR_RETURN(const auto name, ParseSpiffeId(uri, papers.network));
  if (name.organisation != papers.organisation)
    return absl::InvalidArgumentError("it names another organisation");
  if (name.service == kJoinService)
    return absl::InvalidArgumentError("its service is `join`, which only invitations have");
  return absl::OkStatus();
}

void CheckMarks(const JoinPapers& papers, Violations* out) {
  for (const auto& authority : Certificate::ParseAll(papers.issuer_pem)) {
    if (authority.HasMark(kInvitationMark))
      out->push_back({"issuer_pem", "holds the authority of an invitation"});
    if (authority.HasMark(kThrowawayMark) && !IsDevelopmentName(papers.network))
      out->push_back({"issuer_pem", "holds a throw-away authority of `waterline identity`"});
  }
}

void CheckCertificate(const JoinPapers& papers, const JoinProofs& proofs, int64_t now_ms,
                      Violations* out) {
  const bool sized = HasSize(papers.issuer_pem, "issuer_pem", out);
  if (!HasSize(proofs.certificate_pem, "certificate_pem", out) || !sized) return;
  CheckMarks(papers, out);
  const auto issuers = PinnedIssuers::Of(papers.issuer_pem, "");
  if (!issuers.ok()) out->push_back({"issuer_pem", std::string(issuers.status().message())});
  const auto certificate = Certificate::Parse(proofs.certificate_pem);
  if (!certificate.ok()) {
    out->push_back({"certificate_pem", std::string(certificate.status().message())});
    return;
  }
  const auto leaf =
      issuers.ok() ? CheckLeaf(papers, *certificate, *issuers, now_ms) : absl::OkStatus();
  if (!leaf.ok()) out->push_back({"certificate_pem", std::string(leaf.message())});
  auto key = certificate->Key();
  if (!key.ok()) {
    out->push_back({"certificate_pem", std::string(key.status().message())});
    return;
  }
  const auto algorithm = AlgorithmFor(key->kind());
  const auto proved = VerifyDetached(proofs.certificate_proof, JoinStatement(papers),
                                     Jwk(kKeyName, algorithm, *std::move(key)));
  if (!proved.ok()) out->push_back({"certificate_proof", std::string(proved.status().message())});
}

}  // namespace

std::string JoinStatement(const JoinPapers& papers) {
  return WhatIsConfirmed(papers) + papers.invitation + "\n" + std::to_string(papers.signed_at) +
         "\n";
}

std::string JoinFingerprint(const JoinPapers& papers) {
  return crypto::Sha256(WhatIsConfirmed(papers));
}

std::vector<FieldViolation> CheckJoin(const JoinPapers& papers, const JoinProofs& proofs,
                                      int64_t now_ms) {
  Violations out;
  CheckTime(papers, now_ms, &out);
  CheckKeys(papers, proofs, &out);
  CheckCertificate(papers, proofs, now_ms, &out);
  return out;
}

absl::StatusOr<JoinProofs> ProveJoin(const JoinPapers& papers,
                                     const std::vector<crypto::PrivateKey>& token_keys,
                                     const std::string& certificate_pem,
                                     const crypto::PrivateKey& certificate_key) {
  WATERLINE_ASSIGN_OR_RETURN(const auto keys, JwkSet::Parse(papers.jwks));
  const std::string statement = JoinStatement(papers);
  JoinProofs out;
  for (const auto& jwk : keys.keys()) {
    for (const auto& key : token_keys) {
      if (Signer::Of(key).jwk().Thumbprint() != jwk.Thumbprint()) continue;
      out.key_proofs.push_back(Signer(jwk.kid(), jwk.algorithm(), key).SignDetached(statement));
      break;
    }
  }
  if (out.key_proofs.size() != keys.keys().size())
    return BadFields({{"--token-key", "is not given for every key of the key set"}});
  out.certificate_pem = certificate_pem;
  const auto algorithm = AlgorithmFor(certificate_key.public_key().kind());
  out.certificate_proof = Signer(kKeyName, algorithm, certificate_key).SignDetached(statement);
  return out;
}

}  // namespace waterline::identity
