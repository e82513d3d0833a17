#include "core/net_counters.hpp"

#include <cstring>

namespace banger::core {

std::string net_counters_path(const std::string& vm_directory) {
  return vm_directory + "/net.counters";
}

std::optional<net_counters> parse_net_counters(std::string_view bytes) {
  net_counters x;
  if (bytes.size() != sizeof x)
    return std::nullopt;
  std::memcpy(&x, bytes.data(), sizeof x);
  if (x.magic != net_counters_magic)
    return std::nullopt;
  return x;
}

} // namespace banger::core
