// Lines on standard error that others can cause: at most so many a second, and how many were left
// out.
#pragma once

#include "core/line_budget.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace banger::tls {

/// Milliseconds of a clock that does not go back.
[[nodiscard]] inline std::int64_t steady_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

class refusal_log {
public:
  void say(const std::string& line, std::int64_t now) {
    settle(now);
    if (budget_.take(now))
      write(line);
  }

  /// Tells what was left out, once its second is over.
  void settle(std::int64_t now) {
    if (const auto count = budget_.settle(now); count > 0)
      write(std::to_string(count) + " more lines were left out");
  }

  /// When to settle; -1: never.
  [[nodiscard]] std::int64_t due_ms() const { return budget_.due_ms(); }

private:
  static void write(const std::string& line) {
    std::fprintf(stderr, "banger-tls: %s\n", line.c_str());
  }

  static constexpr std::uint32_t most_a_second = 20;
  core::line_budget budget_{most_a_second};
};

} // namespace banger::tls
