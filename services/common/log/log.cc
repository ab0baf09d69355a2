#include "services/common/log/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace waterline::log {
namespace {

std::shared_ptr<spdlog::logger> MakeLogger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("waterline", std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "{\"ts\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v", spdlog::pattern_time_type::utc));
  logger->flush_on(spdlog::level::info);
  return logger;
}

std::shared_ptr<spdlog::logger>& Logger() {
  static auto logger = MakeLogger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  return logger;
}

void AppendString(std::string_view value, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') out->push_back('\\');
    if (static_cast<unsigned char>(c) < 0x20) {
      *out += "\\u00";
      out->push_back(kHex[(c >> 4) & 15]);
      out->push_back(kHex[c & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendValue(const Value& value, std::string* out) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    AppendString(*text, out);
  } else if (const auto* integer = std::get_if<int64_t>(&value)) {
    *out += std::to_string(*integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    *out += std::to_string(*number);
  } else {
    *out += std::get<bool>(value) ? "true" : "false";
  }
}

}  // namespace

bool OpenFile(const std::string& path) {
  try {
    Logger() = MakeLogger(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    return true;
  } catch (const spdlog::spdlog_ex&) {
    return false;
  }
}

std::string Format(Level level, std::string_view event, std::initializer_list<Field> fields) {
  static constexpr std::string_view kNames[] = {"info", "warning", "error"};
  std::string line = "\"level\":\"";
  line += kNames[static_cast<int>(level)];
  line += "\",\"event\":";
  AppendString(event, &line);
  for (const auto& [key, value] : fields) {
    line.push_back(',');
    AppendString(key, &line);
    line.push_back(':');
    AppendValue(value, &line);
  }
  line.push_back('}');
  return line;
}

void Write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::info, spdlog::level::warn,
                                                          spdlog::level::err};
  Logger()->log(kLevels[static_cast<int>(level)], "{}", Format(level, event, fields));
}

}  // namespace waterline::log
