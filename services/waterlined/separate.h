#pragma once

// One service in a process of its own, on a data folder of its own, linked to the others by their
// internal addresses. It starts alone, in any order: it listens, says in its log what it waits for,
// and is SERVING once all it depends on has answered. It is not while accountability does not
// answer; without registry or events it goes on with what needs neither. No restart is needed.
// Thread safety: one thread starts and stops.

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/waterlined/admission.h"
#include "services/waterlined/running.h"

namespace waterline::deployment {

struct SeparateOptions {
  std::string service;  // registry, events, inference or accountability.
  std::string data;     // Its own folder.
  std::vector<std::string> listen = {"127.0.0.1:0"};
  std::string internal_listen;               // For the other services; inference needs none.
  std::map<std::string, std::string> links;  // Service -> its internal address: see LinksOf.
  std::string metrics;
  TlsOptions tls;     // Its certificate names the service.
  std::string trust;  // Folder; empty: the one in `data`.
  std::chrono::milliseconds drain_grace{10'000};
  std::chrono::milliseconds projector_poll{1000};
};

// The services that `service` calls (architecture: arrows).
std::vector<std::string> LinksOf(const std::string& service);
// Whether others call it.
bool HasInternal(const std::string& service);

class Separate final : public Running {
 public:
  static absl::StatusOr<std::unique_ptr<Separate>> Start(SeparateOptions options);
  ~Separate() override;  // Drains.

  int port() const override;
  int metrics_port() const override;
  void Drain() override;

 private:
  struct Impl;
  explicit Separate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace waterline::deployment
