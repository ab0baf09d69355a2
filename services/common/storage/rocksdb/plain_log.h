#pragma once

// RocksDB's messages for people, in <folder>/LOG (the one before: LOG.old). RocksDB's own logger
// ends the process when it writes again after a write that found no space; this one drops the line.
// Thread safety: all methods from any thread.

#include <rocksdb/env.h>

#include <cstdarg>
#include <cstdio>
#include <string>

namespace waterline::storage {

class PlainLog : public rocksdb::Logger {
 public:
  explicit PlainLog(const std::string& folder) {
    const std::string path = folder + "/LOG";
    std::rename(path.c_str(), (path + ".old").c_str());
    file_ = std::fopen(path.c_str(), "we");
  }
  ~PlainLog() override {
    if (file_ != nullptr) std::fclose(file_);
  }

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (file_ == nullptr) return;
    char line[1024];
    std::vsnprintf(line, sizeof line, format, arguments);
    std::fprintf(file_, "%s\n", line);
    std::fflush(file_);
    std::clearerr(file_);
  }

 private:
  std::FILE* file_ = nullptr;
};

}  // namespace waterline::storage
