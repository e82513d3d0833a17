// What of a command's output was passed on and is not paid for yet. Several streams bring it, one
// credit pays for it in the order in which it came. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace banger::core {

class unpaid_output {
public:
  struct piece {
    std::uint64_t channel = 0; ///< the stream that brought it
    std::uint32_t bytes = 0;
    friend bool operator==(const piece&, const piece&) = default;
  };

  void add(piece x) { pieces_.push_back(x); }

  /// The oldest `bytes` of it are paid for; fewer where there are no more. @returns whose they are
  std::vector<piece> pay(std::uint32_t bytes);

  [[nodiscard]] std::uint64_t total() const; ///< bytes

  void clear() { pieces_.clear(); }

private:
  std::deque<piece> pieces_; ///< the oldest first
};

} // namespace banger::core
