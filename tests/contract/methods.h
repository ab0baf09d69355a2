#pragma once

// Every method of the project, from the descriptors that are linked into the test: one that is
// added tomorrow is walked too. Run from the root of the project. Thread safety: pure functions.

#include <google/protobuf/descriptor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/common/privacy/vault.h"
#include "waterline/accountability/storage/v1/records.pb.h"
#include "waterline/common/v1/error_reason.pb.h"
#include "waterline/common/v1/options.pb.h"
#include "waterline/events/storage/v1/records.pb.h"
#include "waterline/inference/storage/v1/records.pb.h"
#include "waterline/inference/v1/inference_service.grpc.pb.h"
#include "waterline/registry/storage/v1/records.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {

// Keeps every package linked in, whether or not a server needs it.
inline std::vector<const google::protobuf::FileDescriptor*> Linked() {
  return {common::v1::ErrorReason_descriptor()->file(),
          common::storage::v1::Sealed::descriptor()->file(),
          registry::storage::v1::ParticipantRecord::descriptor()->file(),
          events::storage::v1::EventRecord::descriptor()->file(),
          inference::storage::v1::ScopeState::descriptor()->file(),
          accountability::storage::v1::EntryRecord::descriptor()->file()};
}

// Every proto file of the project, as the programs know it.
inline std::vector<const google::protobuf::FileDescriptor*> AllFiles() {
  Linked();
  std::vector<const google::protobuf::FileDescriptor*> files;
  const std::filesystem::path root = "proto";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "waterline")) {
    if (entry.path().extension() != ".proto") continue;
    const std::string name = std::filesystem::relative(entry.path(), root);
    const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name);
    EXPECT_NE(file, nullptr) << name << " is linked into nothing";
    if (file != nullptr) files.push_back(file);
  }
  return files;
}

inline std::vector<const google::protobuf::MethodDescriptor*> AllMethods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const auto* file : AllFiles()) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m)
        methods.push_back(file->service(s)->method(m));
    }
  }
  return methods;
}

inline common::v1::Exposure ExposureOf(const google::protobuf::MethodDescriptor* method) {
  return method->options().GetExtension(common::v1::exposure);
}

inline std::string PathOf(const google::protobuf::MethodDescriptor* method) {
  return "/" + method->service()->full_name() + "/" + method->name();
}

}  // namespace waterline::testing
