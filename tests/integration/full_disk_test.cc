// A whole waterlined on a disk that is really full: an import is refused in a sentence, the server
// stays up, and when space returns the same import ends in the state of an undisturbed one.

#include "services/common/storage/small_disk.h"
#include "tests/integration/importing.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

std::string small_disk;  // Empty: could not be mounted.

// Votes of 200 people on 20 comments.
Files ManyVotes() {
  std::string comments =
      "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body\n";
  for (int c = 0; c < 20; ++c) {
    comments +=
        "1658933760180,x," + std::to_string(c) + ",7,0,0,1,Comment " + std::to_string(c) + "\n";
  }
  std::string votes = "timestamp,datetime,comment-id,voter-id,vote\n";
  for (int v = 0; v < 4000; ++v) {
    votes += std::to_string(1658933760300 + v) + ",x," + std::to_string(v % 20) + "," +
             std::to_string(v / 20) + "," + std::to_string(v % 3 - 1) + "\n";
  }
  return {{"summary.csv", "topic,How shall the clinic open?\nviews,9\n"},
          {"comments.csv", comments},
          {"votes.csv", votes}};
}

bool IsUp(Network* network) {
  auto stub = network->Stub<registry::v1::RegistryService>();
  registry::v1::WhoAmIResponse response;
  return Call(stub.get(), &registry::v1::RegistryService::Stub::WhoAmI, {}, &response).ok();
}

std::string UndisturbedDigest() {
  Network network;
  const auto import = RunImport(network.channel(), ManyVotes());
  EXPECT_TRUE(import.ok()) << import.status();
  network.Stop();
  return *deployment::StateDigest(network.folder().string());
}

void ExpectFull(const absl::Status& status) {
  EXPECT_EQ(ReasonOf(status), reason::kStorageFull.name) << status;
  EXPECT_NE(status.message().find("free some space"), absl::string_view::npos) << status;
}

TEST(FullDisk, AnImportIsRefusedTheServerStaysUpAndTheImportCanBeRepeated) {
  if (small_disk.empty()) {
    printf("no small disk can be mounted here (needs root or user namespaces): not run\n");
    return;
  }
  const std::string expected = UndisturbedDigest();
  storage::Ballast ballast(small_disk + "/ballast");
  // Full before the import, and full somewhere inside it: the reserve is a twentieth of 64 MB.
  for (const size_t left : {0, 3'300'000, 3'400'000, 3'500'000}) {
    Network network;
    ballast.Fill(left);
    auto import = RunImport(network.channel(), ManyVotes());
    if (left == 0) ExpectFull(import.status());
    if (!import.ok()) ExpectFull(import.status());
    EXPECT_TRUE(IsUp(&network));
    ballast.Remove();
    import = RunImport(network.channel(), ManyVotes());
    EXPECT_TRUE(import.ok()) << import.status();
    network.Stop();
    EXPECT_EQ(*deployment::StateDigest(network.folder().string()), expected) << left;
    const auto verified = deployment::Verify(network.folder().string());
    EXPECT_TRUE(verified.ok()) << verified.status();
  }
}

}  // namespace

int Main(int argc, char** argv) {
  std::string folder = ::testing::TempDir() + "waterline-full-disk-XXXXXX";
  if (mkdtemp(folder.data()) != nullptr && storage::MountSmallDisk(folder, "64m")) {
    small_disk = folder;
    setenv("TEST_TMPDIR", folder.c_str(), 1);  // Where Network keeps its folder.
  }
  ::testing::InitGoogleTest(&argc, argv);
  const int result = RUN_ALL_TESTS();
  umount2(folder.c_str(), MNT_DETACH);
  rmdir(folder.c_str());
  return result;
}

}  // namespace waterline::testing

int main(int argc, char** argv) { return waterline::testing::Main(argc, argv); }
