#include "services/waterlined/readiness.h"

#include "services/common/log/log.h"

namespace waterline::deployment {

Readiness::Readiness(const std::vector<std::string>& waits_for, std::string indispensable,
                     std::function<void(bool)> on_change)
    : indispensable_(std::move(indispensable)),
      on_change_(std::move(on_change)),
      never_answered_(waits_for.begin(), waits_for.end()) {
  for (const auto& service : waits_for)
    states_[service] = absl::UnavailableError("has not been asked yet");
}

bool Readiness::IsReady() const {
  if (!never_answered_.empty()) return false;
  const auto found = states_.find(indispensable_);
  return found == states_.end() || found->second.ok();
}

void Readiness::Begin() {
  std::lock_guard lock(mutex_);
  has_begun_ = true;
  for (const auto& service : never_answered_)
    log::Info("waiting", {{"for", service}, {"message", "not serving: waits for " + service}});
  Tell();
}

void Readiness::Set(const std::string& service, const absl::Status& state) {
  std::lock_guard lock(mutex_);
  auto& known = states_.at(service);
  if (is_stopped_ || known == state) return;
  const bool answered = known.ok();
  known = state;
  if (state.ok()) {
    never_answered_.erase(service);
    log::Info("answers", {{"service", service}, {"message", service + " answers"}});
  } else if (answered || state.code() != absl::StatusCode::kUnavailable) {
    log::Warning("waiting", {{"for", service},
                             {"message", "waits for " + service + ", which does not answer: " +
                                             std::string(state.message())}});
  }
  Tell();
}

void Readiness::Tell() {
  const bool is_ready = IsReady();
  if (!has_begun_ || is_stopped_ || is_ready == is_ready_) return;
  is_ready_ = is_ready;
  on_change_(is_ready);
  log::Info(is_ready ? "ready" : "not_ready");
}

void Readiness::Stop() {
  std::lock_guard lock(mutex_);
  is_stopped_ = true;
}

}  // namespace waterline::deployment
