#include "services/common/identity/trust_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "services/common/clock/clock.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/throwaway.h"
#include "services/common/status/error.h"

namespace waterline::identity {
namespace {

namespace fs = std::filesystem;

const ThrowawayAuthority& Authority(int which) {
  static const ThrowawayAuthority authorities[] = {ThrowawayAuthority("a"),
                                                   ThrowawayAuthority("b")};
  return authorities[which];
}

class TrustFolder : public ::testing::Test {
 protected:
  TrustFolder() {
    Put("ods-qnx", "issuer.pem", Authority(0).certificate_pem());
    Put("ods-qnx", "jwks.json", board_.jwks());
    Put("ods-abc", "issuer.pem", Authority(1).certificate_pem());
    Put("ods-abc", "jwks.json", charity_.jwks());
  }
  ~TrustFolder() override { fs::remove_all(folder_); }

  void Put(const std::string& organisation, const std::string& file, const std::string& text) {
    fs::create_directories(folder_ / organisation);
    std::ofstream(folder_ / organisation / file) << text;
  }
  std::unique_ptr<TrustStore> Open() {
    auto store = TrustStore::Open(folder_.string(), "sussex");
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  bool LetsIn(const TrustStore& store, const std::string& organisation, int authority) {
    const auto trust = store.Now();
    const auto* found = trust->Find(organisation);
    const auto leaf = Authority(authority).Issue({{"spiffe://sussex/org/x/svc/cli"}});
    return found != nullptr &&
           found->authorities
               .Verify(*Certificate::Parse(leaf.certificate_pem), SystemClock().NowMs())
               .ok();
  }

  const fs::path folder_ = fs::temp_directory_path() / crypto::RandomId('t');
  const ThrowawayTokens board_{"sussex", "ods-qnx"};
  const ThrowawayTokens charity_{"sussex", "ods-abc"};
};

TEST_F(TrustFolder, EachOrganisationHasItsOwnIssuersAndKeys) {
  const auto store = Open();
  EXPECT_TRUE(LetsIn(*store, "ods-qnx", 0));
  EXPECT_FALSE(LetsIn(*store, "ods-qnx", 1));
  EXPECT_TRUE(LetsIn(*store, "ods-abc", 1));
  EXPECT_FALSE(LetsIn(*store, "ods-abc", 0));
  const auto trust = store->Now();
  EXPECT_EQ(trust->Find("ods-qnx")->keys.ToJson(), board_.jwks());
  EXPECT_EQ(trust->FindIssuer("spiffe://sussex/org/ods-abc")->id, "ods-abc");
  EXPECT_EQ(trust->Find("ods-zzz"), nullptr);
  EXPECT_EQ(trust->FindIssuer("https://elsewhere"), nullptr);
}

TEST_F(TrustFolder, TheKeySetMayNameTheTokenIssuer) {
  Put("ods-qnx", "jwks.json",
      JwkSet::Of({board_.signer().jwk()}, "https://login.example")->ToJson());
  const auto store = Open();
  EXPECT_EQ(store->Now()->FindIssuer("https://login.example")->id, "ods-qnx");
  EXPECT_EQ(store->Now()->FindIssuer("spiffe://sussex/org/ods-qnx"), nullptr);
}

TEST_F(TrustFolder, NothingChangesWithoutAChange) {
  const auto store = Open();
  const auto before = store->Now();
  const auto reload = store->ReloadIfChanged();
  EXPECT_FALSE(reload.changed);
  EXPECT_TRUE(reload.faults.empty());
  EXPECT_EQ(store->Now(), before);
}

TEST_F(TrustFolder, AChangeCountsWithoutRestartAndRunningCallsKeepTheirTrust) {
  const auto store = Open();
  const auto before = store->Now();
  const ThrowawayTokens rotated("sussex", "ods-abc");
  Put("ods-abc", "issuer.pem", Authority(0).certificate_pem());
  Put("ods-abc", "jwks.json", rotated.jwks());
  EXPECT_TRUE(store->ReloadIfChanged().changed);
  EXPECT_GT(store->Now()->generation(), before->generation());
  EXPECT_TRUE(LetsIn(*store, "ods-abc", 0));
  EXPECT_FALSE(LetsIn(*store, "ods-abc", 1));
  EXPECT_EQ(store->Now()->Find("ods-abc")->keys.ToJson(), rotated.jwks());
  EXPECT_EQ(before->Find("ods-abc")->keys.ToJson(), charity_.jwks());
}

TEST_F(TrustFolder, AnOrganisationComesAndGoesWithItsFolder) {
  const auto store = Open();
  fs::remove_all(folder_ / "ods-abc");
  Put("ods-new", "issuer.pem", Authority(1).certificate_pem());
  Put("ods-new", "jwks.json", ThrowawayTokens("sussex", "ods-new").jwks());
  EXPECT_TRUE(store->ReloadIfChanged().changed);
  EXPECT_EQ(store->Now()->Find("ods-abc"), nullptr);
  EXPECT_EQ(store->Now()->FindIssuer("spiffe://sussex/org/ods-abc"), nullptr);
  EXPECT_NE(store->Now()->Find("ods-new"), nullptr);
}

TEST_F(TrustFolder, ABrokenFileKeepsWhatItsOrganisationHadAndIsReportedOnce) {
  const auto store = Open();
  const std::pair<const char*, std::string> breaks[] = {
      {"issuer.pem", Authority(0).certificate_pem().substr(0, 100)},
      {"issuer.pem", ""},
      {"jwks.json", R"({"keys":[]})"},
      {"jwks.json", JwkSet::Of({board_.signer().jwk()}, "spiffe://sussex/org/ods-x")->ToJson()},
      {"crl.pem", Authority(1).Revoke({})}};
  for (const auto& [file, text] : breaks) {
    Put("ods-qnx", file, text);
    const ThrowawayTokens rotated("sussex", "ods-abc");
    Put("ods-abc", "jwks.json", rotated.jwks());
    const auto reload = store->ReloadIfChanged();
    EXPECT_TRUE(reload.changed);
    ASSERT_EQ(reload.faults.size(), 1u) << file;
    EXPECT_NE(reload.faults[0].find(file), std::string::npos) << reload.faults[0];
    EXPECT_TRUE(LetsIn(*store, "ods-qnx", 0)) << file;
    EXPECT_EQ(store->Now()->Find("ods-qnx")->keys.ToJson(), board_.jwks());
    EXPECT_EQ(store->Now()->Find("ods-abc")->keys.ToJson(), rotated.jwks()) << "the others count";
    EXPECT_FALSE(store->ReloadIfChanged().changed) << "said already";
    Put("ods-qnx", "issuer.pem", Authority(0).certificate_pem());
    Put("ods-qnx", "jwks.json", board_.jwks());
    fs::remove(folder_ / "ods-qnx" / "crl.pem");
    const auto healed = store->ReloadIfChanged();
    EXPECT_TRUE(healed.changed) << "that it is well again is news too";
    EXPECT_TRUE(healed.faults.empty());
  }
}

TEST_F(TrustFolder, ARevocationListMustNotVanish) {
  Put("ods-qnx", "crl.pem", Authority(0).Revoke({}));
  const auto store = Open();
  fs::remove(folder_ / "ods-qnx" / "crl.pem");
  EXPECT_EQ(store->ReloadIfChanged().faults.size(), 1u);
  EXPECT_TRUE(store->Now()->Find("ods-qnx")->authorities.has_revocation_lists());
}

TEST_F(TrustFolder, TwoOrganisationsCannotHaveOneTokenIssuer) {
  const auto store = Open();
  const auto before = store->Now();
  for (const auto& [organisation, tokens] :
       {std::pair{"ods-qnx", &board_}, std::pair{"ods-abc", &charity_}})
    Put(organisation, "jwks.json",
        JwkSet::Of({tokens->signer().jwk()}, "https://login.example")->ToJson());
  const auto reload = store->ReloadIfChanged();
  EXPECT_EQ(reload.faults.size(), 1u);
  EXPECT_EQ(store->Now(), before);
}

// Threat: one partner repeats another's issuer, so that what is revoked meanwhile stays good.
TEST_F(TrustFolder, WhoRepeatsAnothersTokenIssuerHoldsUpNobodyElse) {
  Put("ods-qnx", "jwks.json",
      JwkSet::Of({board_.signer().jwk()}, "https://login.example")->ToJson());
  const auto store = Open();
  Put("ods-abc", "jwks.json",
      JwkSet::Of({charity_.signer().jwk()}, "https://login.example")->ToJson());
  Put("ods-new", "issuer.pem", Authority(1).certificate_pem());
  Put("ods-new", "jwks.json",
      JwkSet::Of({charity_.signer().jwk()}, "https://login.example")->ToJson());
  Put("ods-qnx", "crl.pem", Authority(0).Revoke({}));
  const auto reload = store->ReloadIfChanged();
  EXPECT_TRUE(reload.changed);
  ASSERT_EQ(reload.faults.size(), 2u);
  EXPECT_NE(reload.faults[0].find("ods-abc/jwks.json"), std::string::npos) << reload.faults[0];
  EXPECT_NE(reload.faults[1].find("ods-new/jwks.json"), std::string::npos) << reload.faults[1];
  const auto trust = store->Now();
  EXPECT_TRUE(trust->Find("ods-qnx")->authorities.has_revocation_lists()) << "it counts meanwhile";
  EXPECT_EQ(trust->FindIssuer("https://login.example")->id, "ods-qnx");
  EXPECT_EQ(trust->FindIssuer("spiffe://sussex/org/ods-abc")->id, "ods-abc");
  EXPECT_EQ(trust->Find("ods-abc")->keys.ToJson(), charity_.jwks()) << "what it held";
  EXPECT_EQ(trust->Find("ods-new"), nullptr) << "it held nothing";
  EXPECT_FALSE(store->ReloadIfChanged().changed) << "said already";
}

TEST_F(TrustFolder, WhoTakesTheIssuerOfOneThatGoesBackToItGivesWay) {
  const auto names = [](const ThrowawayTokens& tokens, const std::string& issuer) {
    return JwkSet::Of({tokens.signer().jwk()}, issuer)->ToJson();
  };
  Put("ods-abc", "jwks.json", names(charity_, "https://a.example"));
  Put("ods-qnx", "jwks.json", names(board_, "https://q.example"));
  const auto store = Open();
  const auto before = store->Now();
  Put("ods-abc", "jwks.json", names(charity_, "https://q.example"));
  Put("ods-new", "issuer.pem", Authority(1).certificate_pem());
  Put("ods-new", "jwks.json", names(ThrowawayTokens("sussex", "ods-new"), "https://a.example"));
  EXPECT_EQ(store->ReloadIfChanged().faults.size(), 2u);
  EXPECT_EQ(store->Now(), before);
  Put("ods-qnx", "jwks.json", names(board_, "https://a.example"));
  fs::remove_all(folder_ / "ods-new");
  EXPECT_TRUE(store->ReloadIfChanged().faults.empty()) << "two that swap are two";
  EXPECT_EQ(store->Now()->FindIssuer("https://a.example")->id, "ods-qnx");
  EXPECT_EQ(store->Now()->FindIssuer("https://q.example")->id, "ods-abc");
}

TEST_F(TrustFolder, AFolderThatCannotBeReadChangesNothing) {
  const auto store = Open();
  const auto before = store->Now();
  fs::rename(folder_, folder_.string() + "-away");
  EXPECT_EQ(store->ReloadIfChanged().faults.size(), 1u);
  EXPECT_EQ(store->Now(), before);
  fs::rename(folder_.string() + "-away", folder_);
}

TEST_F(TrustFolder, AFaultAtTheStartIsSaidAtTheStart) {
  Put("ods-abc", "jwks.json", "");
  const auto store = TrustStore::Open(folder_.string(), "sussex");
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(store.status().message().find("ods-abc/jwks.json"), std::string::npos);
  Put("ods-abc", "jwks.json", charity_.jwks());
  fs::create_directories(folder_ / "QNX");
  EXPECT_FALSE(TrustStore::Open(folder_.string(), "sussex").ok());
  fs::remove(folder_ / "QNX");
  fs::create_directories(folder_ / ".git");
  EXPECT_TRUE(TrustStore::Open(folder_.string(), "sussex").ok());
}

TEST_F(TrustFolder, TheWatchKeepsTheBundleAndSaysWhatChanged) {
  const auto store = Open();
  const std::string path = (folder_ / "bundle.pem").string();
  ASSERT_TRUE(store->WriteBundle(path).ok());
  EXPECT_EQ(store->WriteBundle("/nowhere/bundle.pem").code(), absl::StatusCode::kUnavailable);
  std::promise<TrustStore::Reload> changed;
  TrustWatch watch(
      store.get(), path, [&](const TrustStore::Reload& reload) { changed.set_value(reload); },
      std::chrono::milliseconds(1));
  Put("ods-abc", "issuer.pem.new", Authority(0).certificate_pem());
  fs::rename(folder_ / "ods-abc" / "issuer.pem.new", folder_ / "ods-abc" / "issuer.pem");
  EXPECT_TRUE(changed.get_future().get().faults.empty());
  std::ifstream file(path);
  const std::string held(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(held, Authority(0).certificate_pem() + Authority(0).certificate_pem());
}

TEST_F(TrustFolder, AThrowAwayAuthorityIsForDevelopmentNetworksOnly) {
  AuthorityOptions options;
  options.mark = std::string(kThrowawayMark);
  const ThrowawayAuthority marked("ods-abc", options);
  const auto store = Open();
  Put("ods-abc", "issuer.pem", Authority(1).certificate_pem() + marked.certificate_pem());
  const auto reload = store->ReloadIfChanged();
  ASSERT_EQ(reload.faults.size(), 1u);
  EXPECT_NE(reload.faults[0].find("ods-abc/issuer.pem"), std::string::npos) << reload.faults[0];
  EXPECT_TRUE(LetsIn(*store, "ods-abc", 1)) << "what was held stays";
  EXPECT_FALSE(TrustStore::Open(folder_.string(), "sussex").ok());
  EXPECT_TRUE(TrustStore::Open(folder_.string(), "dev-sussex").ok());
}

}  // namespace
}  // namespace waterline::identity
