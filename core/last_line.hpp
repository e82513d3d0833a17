// What a tool said last.
#pragma once

#include <string>
#include <string_view>

namespace banger::core {

/// The last line that says something: tools say what they did first. Without what ends it.
[[nodiscard]] inline std::string last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \r\n");
  text = text.substr(0, end + 1);
  return std::string{text.substr(text.rfind('\n') + 1)};
}

} // namespace banger::core
