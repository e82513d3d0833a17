#include "core/unpaid_output.hpp"

#include <algorithm>

namespace banger::core {

std::vector<unpaid_output::piece> unpaid_output::pay(std::uint32_t bytes) {
  std::vector<piece> paid;
  while (bytes > 0 && !pieces_.empty()) {
    auto& oldest = pieces_.front();
    const auto part = std::min(bytes, oldest.bytes);
    paid.push_back({oldest.channel, part});
    bytes -= part;
    oldest.bytes -= part;
    if (oldest.bytes == 0)
      pieces_.pop_front();
  }
  return paid;
}

std::uint64_t unpaid_output::total() const {
  std::uint64_t sum = 0;
  for (const auto& x : pieces_)
    sum += x.bytes;
  return sum;
}

} // namespace banger::core
