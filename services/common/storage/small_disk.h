#pragma once

// For tests: a small disk of this process alone, a tmpfs in a mount namespace of its own. Call
// before the first thread starts. The disk goes away with the process.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace waterline::storage {

namespace internal {
inline void WriteFile(const char* path, const std::string& text) { std::ofstream(path) << text; }
}  // namespace internal

// False when this machine does not let us: neither root nor user namespaces.
inline bool MountSmallDisk(const std::string& folder, const std::string& size) {
  const uid_t user = getuid();
  const gid_t group = getgid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
    internal::WriteFile("/proc/self/setgroups", "deny");
    internal::WriteFile("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
    internal::WriteFile("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
  } else if (unshare(CLONE_NEWNS) != 0) {
    return false;
  }
  mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  return mount("none", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
}

// Takes all the space there is, and gives it back.
class Ballast {
 public:
  explicit Ballast(std::string path) : path_(std::move(path)) {}
  // Leaves about `left` bytes free.
  void Fill(size_t left) {
    const std::string reserve = path_ + ".reserve";
    if (left > 0) std::ofstream(reserve, std::ios::binary) << std::string(left, 'x');
    const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (size_t block = 1 << 20; block > 0; block /= 2) {
      const std::string bytes(block, 'x');
      while (write(file, bytes.data(), block) == static_cast<ssize_t>(block)) {
      }
    }
    close(file);
    unlink(reserve.c_str());
  }
  void Remove() { unlink(path_.c_str()); }

 private:
  const std::string path_;
};

}  // namespace waterline::storage
