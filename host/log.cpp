#include "host/log.hpp"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>

namespace banger::host {

namespace {

constexpr std::size_t max_size = 4U << 20;
constexpr std::size_t old_files = 1;

void write(spdlog::level::level_enum level, std::string_view text) {
  if (auto logger = spdlog::get("banger"))
    logger->log(level, "{}", text);
}

} // namespace

result<void> open_log(const std::string& path, const std::string& level) {
  auto threshold = spdlog::level::from_str(level);
  if (threshold == spdlog::level::off && level != "off") // what spdlog makes of words it lacks
    return fail(ec::bad_request, "set the log level", "there is no level '" + level + "'",
                "take trace, debug, info, warn, error or off");
  try {
    auto logger = spdlog::rotating_logger_mt("banger", path, max_size, old_files);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    logger->set_level(threshold);
    logger->flush_on(spdlog::level::debug);
    return {};
  } catch (const spdlog::spdlog_ex& why) {
    return fail(ec::failed, "open the log " + path, why.what());
  }
}

void log_debug(std::string_view text) {
  write(spdlog::level::debug, text);
}
void log_info(std::string_view text) {
  write(spdlog::level::info, text);
}
void log_warning(std::string_view text) {
  write(spdlog::level::warn, text);
}
void log_error(std::string_view text) {
  write(spdlog::level::err, text);
}

} // namespace banger::host
