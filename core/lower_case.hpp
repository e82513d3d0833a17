// Lower case for the names of hosts.
#pragma once

#include <string>
#include <string_view>

namespace banger::core {

/// `text` with ASCII letters in lower case, whatever the locale; all other bytes as they are.
[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

} // namespace banger::core
