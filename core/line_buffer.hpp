// Cuts a byte stream into lines, with a limit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

class line_buffer {
public:
  explicit line_buffer(std::size_t max_line = 1U << 20) : max_line_(max_line) {}

  /// Adds bytes; returns the lines that are complete now, without their line feeds and carriage
  /// returns. A line longer than the limit is dropped whole.
  [[nodiscard]] std::vector<std::string> feed(std::string_view bytes);

private:
  std::size_t max_line_;
  std::string buffer_;
  bool is_dropping_ = false;
};

} // namespace banger::core
