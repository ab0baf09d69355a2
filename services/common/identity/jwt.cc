#include "services/common/identity/jwt.h"

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/data/code_lists.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"

namespace waterline::identity {
namespace {

constexpr int64_t kMs = 1000;
constexpr int64_t kSecondsMax = int64_t{1} << 40;  // Far beyond any date, far below overflow.
constexpr int64_t kLeewayMs = kTokenLeeway.count() * kMs;

absl::Status Refused(std::string_view sentence) {
  return Error(reason::kTokenInvalid, "the access token is refused: " + std::string(sentence));
}

absl::StatusOr<std::string> TextOf(const Json& claims, const char* name) {
  const auto text = claims.StringOf(name);
  if (!text || text->empty()) return Refused("`" + std::string(name) + "` is no text");
  return *text;
}

absl::StatusOr<std::string> VisibleOf(const Json& claims, const char* name) {
  WATERLINE_ASSIGN_OR_RETURN(const auto value, TextOf(claims, name));
  if (!text::IsVisibleAscii(value, kTokenTextMax))
    return Refused("`" + std::string(name) + "` is not 1 to 128 visible ASCII characters");
  return value;
}

absl::StatusOr<int64_t> SecondsOf(const Json& claims, const char* name) {
  const Json* found = claims.Find(name);
  const auto seconds = found == nullptr ? std::nullopt : found->Integer();
  if (!seconds || *seconds < 0 || *seconds > kSecondsMax)
    return Refused("`" + std::string(name) + "` is no whole number of seconds since 1970");
  return *seconds;
}

absl::Status CheckAudience(const Json& claims, std::string_view network) {
  const std::string wanted = NetworkUri(network);
  const Json* audience = claims.Find("aud");
  if (audience != nullptr && audience->String() == wanted) return absl::OkStatus();
  if (audience != nullptr && audience->IsArray()) {
    for (const Json& item : audience->items()) {
      if (item.String() == wanted) return absl::OkStatus();
    }
  }
  return Refused("it is for somebody else: `aud` does not hold spiffe:// and this network");
}

absl::Status ReadTimes(const Json& claims, AccessToken* token) {
  WATERLINE_ASSIGN_OR_RETURN(token->issued_at, SecondsOf(claims, "iat"));
  WATERLINE_ASSIGN_OR_RETURN(token->expires_at, SecondsOf(claims, "exp"));
  const int64_t life = token->expires_at - token->issued_at;
  if (life <= 0 || life > kTokenLifeMax.count())
    return Refused("`exp` is not after `iat` by at most 5 minutes");
  if (claims.Find("nbf") == nullptr) return absl::OkStatus();
  // Whoever says when it begins says when it was issued; two beginnings are one too many.
  WATERLINE_ASSIGN_OR_RETURN(const auto begins, SecondsOf(claims, "nbf"));
  if (begins > token->issued_at) return Refused("`nbf` is after `iat`");
  return absl::OkStatus();
}

absl::Status ReadWho(const Json& claims, AccessToken* token) {
  WATERLINE_ASSIGN_OR_RETURN(token->issuer, TextOf(claims, "iss"));
  WATERLINE_ASSIGN_OR_RETURN(token->subject, VisibleOf(claims, "sub"));
  WATERLINE_ASSIGN_OR_RETURN(token->id, VisibleOf(claims, "jti"));
  WATERLINE_ASSIGN_OR_RETURN(token->organisation, TextOf(claims, "org"));
  if (!text::IsResourceId(token->organisation))
    return Refused("`org` is no organisation id such as ods-qnx");
  WATERLINE_ASSIGN_OR_RETURN(token->role, TextOf(claims, "role"));
  if (!data::IsKnownCode("actor_role", token->role))
    return Refused("`role` is not in the code list actor_role; see `waterline codes actor_role`");
  if (claims.Find("purpose") == nullptr) return absl::OkStatus();
  WATERLINE_ASSIGN_OR_RETURN(token->purpose, TextOf(claims, "purpose"));
  if (!data::IsKnownCode("purpose", token->purpose))
    return Refused("`purpose` is not in the code list purpose; see `waterline codes purpose`");
  return absl::OkStatus();
}

absl::Status ReadActing(const Json& claims, std::string_view network, AccessToken* token) {
  const Json* act = claims.Find("act");
  if (act == nullptr) return absl::OkStatus();
  if (act->Find("act") != nullptr) return Refused("`act` goes over more than one organisation");
  const std::string said = act->StringOf("sub").value_or("");
  const std::string stem = OrganisationUri(network, "");
  if (!said.starts_with(stem) || !text::IsResourceId(said.substr(stem.size())))
    return Refused("`sub` in `act` is not spiffe://NETWORK/org/ID of this network");
  token->acting = said.substr(stem.size());
  return absl::OkStatus();
}

absl::Status ReadBinding(const Json& claims, AccessToken* token) {
  const Json* confirmation = claims.Find("cnf");
  const auto text = confirmation == nullptr ? std::nullopt : confirmation->StringOf("x5t#S256");
  if (!text) return Refused("it is bound to no certificate: `cnf` has no `x5t#S256`");
  auto digest = crypto::Base64UrlDecode(*text);
  if (!digest.ok() || digest->size() != crypto::kSha256Bytes)
    return Refused("`x5t#S256` in `cnf` is no SHA-256 in base64url without padding");
  token->certificate = *std::move(digest);
  return absl::OkStatus();
}

absl::Status CheckType(const Json& header) {
  const auto type = header.StringOf("typ");
  if (type == kTokenType || type == "application/" + std::string(kTokenType))
    return absl::OkStatus();
  return Refused("its `typ` is not at+jwt, so it was made for something else");
}

absl::StatusOr<Json> ClaimsOf(const Jws& jws) {
  auto claims = Json::ParseObject(jws.payload);
  if (!claims.ok()) return Refused("its claims are no JSON object with each member once");
  return claims;
}

}  // namespace

int64_t AccessToken::EndMs() const { return expires_at * kMs + kLeewayMs; }

absl::StatusOr<AccessToken> ReadAccessToken(std::string_view token, const JwkSet& keys,
                                            std::string_view network) {
  const auto jws = VerifyJws(token, keys);
  if (!jws.ok()) return Refused(std::string(jws.status().message()));
  WATERLINE_RETURN_IF_ERROR(CheckType(jws->header));
  WATERLINE_ASSIGN_OR_RETURN(const auto claims, ClaimsOf(*jws));
  AccessToken out;
  WATERLINE_RETURN_IF_ERROR(ReadWho(claims, &out));
  WATERLINE_RETURN_IF_ERROR(CheckAudience(claims, network));
  WATERLINE_RETURN_IF_ERROR(ReadTimes(claims, &out));
  WATERLINE_RETURN_IF_ERROR(ReadBinding(claims, &out));
  WATERLINE_RETURN_IF_ERROR(ReadActing(claims, network, &out));
  return out;
}

absl::Status CheckTime(const AccessToken& token, int64_t now_ms) {
  if (now_ms >= token.EndMs())
    return Error(reason::kTokenExpired, "the access token has ended: get a new one");
  if (token.issued_at * kMs > now_ms + kLeewayMs)
    return Refused("it was issued in the future; compare the clocks of issuer and server");
  return absl::OkStatus();
}

absl::StatusOr<std::string> IssuerSaid(std::string_view token) {
  const auto jws = ReadUnverified(token);
  if (!jws.ok()) return Refused(std::string(jws.status().message()));
  WATERLINE_ASSIGN_OR_RETURN(const auto claims, ClaimsOf(*jws));
  return TextOf(claims, "iss");
}

std::string SignAccessToken(const AccessToken& token, std::string_view network,
                            const Signer& signer) {
  std::string claims = R"({"iss":)" + JsonQuote(token.issuer) + R"(,"sub":)" +
                       JsonQuote(token.subject) + R"(,"aud":)" + JsonQuote(NetworkUri(network)) +
                       R"(,"exp":)" + std::to_string(token.expires_at) + R"(,"iat":)" +
                       std::to_string(token.issued_at) + R"(,"jti":)" + JsonQuote(token.id) +
                       R"(,"org":)" + JsonQuote(token.organisation) + R"(,"role":)" +
                       JsonQuote(token.role) + R"(,"cnf":{"x5t#S256":")" +
                       crypto::Base64UrlEncode(token.certificate) + R"("})";
  if (!token.purpose.empty()) claims += R"(,"purpose":)" + JsonQuote(token.purpose);
  if (!token.acting.empty())
    claims += R"(,"act":{"sub":)" + JsonQuote(OrganisationUri(network, token.acting)) + "}";
  return signer.Sign(claims + "}", kTokenType);
}

void ReplayGuard::Used::Forget(int64_t now_ms) {
  while (!by_end.empty() && by_end.begin()->first <= now_ms) {
    end_of.erase(by_end.begin()->second);
    by_end.erase(by_end.begin());
  }
}

absl::Status ReplayGuard::Use(const AccessToken& token, int64_t now_ms) {
  // A token from the future would, after a restart, look as if it had been issued since.
  if (token.issued_at > now_ms / kMs)
    return Refused(
        "it was issued in the future, and serves no write before then; compare the clocks of "
        "issuer and server");
  if (token.issued_at < started_ms_ / kMs)
    return Error(reason::kTokenReplayed,
                 "the server has started since this token was issued and cannot know whether it "
                 "was used: repeat the write with a new token and the same request_id");
  const std::string digest = crypto::Sha256(token.id);
  std::lock_guard lock(mutex_);
  Used& used = issuers_[token.issuer];
  used.Forget(now_ms);
  if (used.end_of.contains(digest))
    return Error(reason::kTokenReplayed,
                 "this token was used for a write before: repeat the write with a new token and "
                 "the same request_id");
  if (used.end_of.size() >= tokens_max_) {
    return WithRetryAfter(
        Error(reason::kBusy, "more writes of one issuer than its tokens can be remembered for"),
        used.by_end.begin()->first - now_ms);
  }
  used.end_of.emplace(digest, token.EndMs());
  used.by_end.emplace(token.EndMs(), digest);
  return absl::OkStatus();
}

}  // namespace waterline::identity
