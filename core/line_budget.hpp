// How many lines a second somebody may have written who can make us write lines. Pure.
#pragma once

#include <cstdint>

namespace banger::core {

class line_budget {
public:
  explicit line_budget(std::uint32_t most_a_second) : most_(most_a_second) {}

  /// Whether a line may be written now; one that may not is counted. @param now_ms  of a clock that
  /// does not go back
  [[nodiscard]] bool take(std::int64_t now_ms) {
    if (now_ms - since_ms_ >= second_ms) {
      since_ms_ = now_ms;
      taken_ = 0;
    }
    if (taken_ < most_) {
      ++taken_;
      return true;
    }
    ++left_out_;
    return false;
  }

  /// How many were left out since this was last asked; 0 while there may be more in this second, so
  /// that who asks writes one line about them.
  [[nodiscard]] std::uint64_t settle(std::int64_t now_ms) {
    if (now_ms - since_ms_ < second_ms)
      return 0;
    const auto count = left_out_;
    left_out_ = 0;
    return count;
  }

  /// When to ask next; -1: there is nothing to tell.
  [[nodiscard]] std::int64_t due_ms() const { return left_out_ == 0 ? -1 : since_ms_ + second_ms; }

private:
  static constexpr std::int64_t second_ms = 1'000;
  std::uint32_t most_;
  std::uint32_t taken_ = 0;
  std::int64_t since_ms_ = -second_ms;
  std::uint64_t left_out_ = 0;
};

} // namespace banger::core
