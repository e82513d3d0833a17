// Cuts what a client writes into lines, of which none may be too long. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace banger::cli::rpc {

inline constexpr std::size_t longest_line = 8U << 20;

struct line {
  std::string text; ///< without its end
  bool is_too_long = false;
};

/// Unlike core::line_buffer it says which lines are too long: somebody waits for an answer.
class line_reader {
public:
  explicit line_reader(std::size_t longest = longest_line) : longest_(longest) {}

  void feed(std::string_view bytes);
  /// No more comes: what there is without an end is a line too.
  void finish();
  /// The next line that is whole, but for empty ones; nothing where there is none.
  [[nodiscard]] std::optional<line> next();

private:
  std::size_t longest_;
  std::string bytes_;
  std::size_t start_ = 0;  ///< of the line that is to come
  std::size_t looked_ = 0; ///< no end of a line before it
  bool is_dropping_ = false;
};

} // namespace banger::cli::rpc
