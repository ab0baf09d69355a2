#include "clients/cli/settings.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "services/common/status/error.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"

namespace waterline::cli {
namespace {

bool IsSettingKey(std::string_view key) {
  return std::any_of(std::begin(kSettingKeys), std::end(kSettingKeys),
                     [key](const char* known) { return key == known; });
}

absl::Status LineProblem(int line, const std::string& what) {
  return absl::InvalidArgumentError("context file, line " + std::to_string(line) + ": " + what);
}

// `[context NAME]`, or nothing.
std::string SectionName(std::string_view line) {
  constexpr std::string_view kOpen = "[context ";
  if (!line.starts_with(kOpen) || !line.ends_with(']')) return "";
  return std::string(text::Trim(line.substr(kOpen.size(), line.size() - kOpen.size() - 1)));
}

}  // namespace

absl::StatusOr<Contexts> ParseContexts(std::string_view text) {
  Contexts out;
  Values* section = nullptr;
  std::istringstream lines{std::string(text)};
  std::string raw;
  for (int number = 1; std::getline(lines, raw); ++number) {
    const std::string_view line = text::Trim(raw);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      const std::string name = SectionName(line);
      if (!text::IsResourceId(name)) return LineProblem(number, "is not [context NAME]");
      section = &out.contexts[name];
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return LineProblem(number, "is not `key = value`");
    const std::string key(text::Trim(line.substr(0, equals)));
    const std::string value(text::Trim(line.substr(equals + 1)));
    if (section == nullptr && key == "use") {
      out.in_use = value;
    } else if (section != nullptr && IsSettingKey(key)) {
      (*section)[key] = value;
    } else {
      return LineProblem(number, "has an unknown key");
    }
  }
  return out;
}

std::string FormatContexts(const Contexts& contexts) {
  std::string out = "use = " + contexts.in_use + "\n";
  for (const auto& [name, values] : contexts.contexts) {
    out += "\n[context " + name + "]\n";
    for (const char* key : kSettingKeys) {
      const auto found = values.find(key);
      if (found != values.end() && !found->second.empty()) {
        out += std::string(key) + " = " + found->second + "\n";
      }
    }
  }
  return out;
}

std::string ContextPath() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config != '\0') return std::string(config) + "/waterline/context";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return "";
  return std::string(home) + "/.config/waterline/context";
}

absl::StatusOr<Contexts> LoadContexts(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (path.empty() || !file) return Contexts();
  std::ostringstream content;
  content << file.rdbuf();
  return ParseContexts(content.str());
}

absl::Status SaveContexts(const std::string& path, const Contexts& contexts) {
  if (path.empty()) return absl::FailedPreconditionError("neither HOME nor XDG_CONFIG_HOME is set");
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const std::string temporary = path + ".new";
  const std::string content = FormatContexts(contexts);
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const bool written = file >= 0 && write(file, content.data(), content.size()) ==
                                        static_cast<ssize_t>(content.size());
  if (file >= 0) close(file);
  if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError("cannot write " + path);
  }
  return absl::OkStatus();
}

absl::StatusOr<Values> Settle(const Values& given, const Contexts& contexts,
                              const std::string& name) {
  Values out;
  const std::string wanted = name.empty() ? contexts.in_use : name;
  if (!wanted.empty()) {
    const auto found = contexts.contexts.find(wanted);
    if (found == contexts.contexts.end()) {
      std::vector<std::string> names;
      for (const auto& [known, values] : contexts.contexts) names.push_back(known);
      const std::string near = text::Suggestion(wanted, names);
      return Error(reason::kNotFound, "there is no context " + wanted +
                                          (near.empty() ? "" : "; did you mean " + near + "?"));
    }
    out = found->second;
  }
  for (const auto& [key, value] : given) {
    if (!value.empty()) out[key] = value;
  }
  if (out["server"].empty()) out["server"] = kDefaultServer;
  return out;
}

std::string AddressOf(const std::string& server, std::string_view path) {
  constexpr std::string_view kServices[] = {"registry", "events", "inference", "accountability"};
  std::string address;
  std::istringstream items(server);
  for (std::string item; std::getline(items, item, ',');) {
    const std::string_view trimmed = text::Trim(item);
    const std::string_view name = trimmed.substr(0, trimmed.find('='));
    const bool is_named = name.size() < trimmed.size() &&
                          std::count(std::begin(kServices), std::end(kServices), name) > 0;
    if (!is_named && address.empty()) address = std::string(trimmed);
    if (is_named && path.starts_with("/waterline." + std::string(name) + "."))
      return std::string(trimmed.substr(name.size() + 1));
  }
  return address;
}

}  // namespace waterline::cli
