#include "services/common/rpc/tls.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <fstream>

#include "services/common/identity/identity.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::rpc {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

absl::Status CheckReadable(const TlsFiles& files) {
  for (const std::string* path : {&files.certificate, &files.key, &files.trust}) {
    if (std::ifstream(*path).peek() != std::ifstream::traits_type::eof()) continue;
    return Error(reason::kStateForbids,
                 "the TLS file " + *path + " is missing, empty or may not be read by this process",
                 {{"file", *path}});
  }
  return absl::OkStatus();
}

std::shared_ptr<FileWatcherCertificateProvider> Watch(const TlsFiles& files) {
  return std::make_shared<FileWatcherCertificateProvider>(
      files.key, files.certificate, files.trust,
      static_cast<unsigned>(kTlsFilesLookedAtEvery.count()));
}

class TokenPlugin : public grpc::MetadataCredentialsPlugin {
 public:
  explicit TokenPlugin(TokenSource tokens) : tokens_(std::move(tokens)) {}
  bool IsBlocking() const override { return false; }
  grpc::Status GetMetadata(grpc::string_ref, grpc::string_ref, const grpc::AuthContext&,
                           std::multimap<std::string, std::string>* metadata) override {
    const auto token = tokens_();
    if (!token.ok()) return ToGrpc(token.status());
    metadata->emplace(identity::kAuthorizationKey, std::string(identity::kBearer) + *token);
    return grpc::Status::OK;
  }

 private:
  const TokenSource tokens_;
};

// TLS has checked the chain; this checks whose certificate it is.
class UriVerifier : public grpc::experimental::ExternalCertificateVerifier {
 public:
  explicit UriVerifier(std::string uri) : uri_(std::move(uri)) {}
  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* status) override {
    const auto names = request->uri_names();
    if (names.size() == 1 && std::string_view(names[0].data(), names[0].size()) == uri_)
      return true;
    *status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "the server is not " + uri_);
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  const std::string uri_;
};

grpc::experimental::TlsChannelCredentialsOptions ChannelOptions(const TlsFiles& files) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Watch(files));
  options.watch_identity_key_cert_pairs();
  options.watch_root_certs();
  return options;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentialsOf(
    const TlsFiles& files) {
  WATERLINE_RETURN_IF_ERROR(CheckReadable(files));
  grpc::experimental::TlsServerCredentialsOptions options(Watch(files));
  options.watch_identity_key_cert_pairs();
  options.watch_root_certs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentialsOf(const TlsFiles& files,
                                                                              TokenSource tokens) {
  WATERLINE_RETURN_IF_ERROR(CheckReadable(files));
  auto channel = grpc::experimental::TlsCredentials(ChannelOptions(files));
  if (tokens == nullptr) return channel;
  return grpc::CompositeChannelCredentials(
      channel,
      grpc::MetadataCredentialsFromPlugin(std::make_unique<TokenPlugin>(std::move(tokens))));
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> LinkCredentialsOf(
    const TlsFiles& files, const std::string& server_uri) {
  WATERLINE_RETURN_IF_ERROR(CheckReadable(files));
  auto options = ChannelOptions(files);
  options.set_check_call_host(false);
  options.set_certificate_verifier(UriVerifier::Create<UriVerifier>(server_uri));
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace waterline::rpc
