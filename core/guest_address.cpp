#include "core/guest_address.hpp"

#include <charconv>

namespace banger::core {

namespace {

constexpr std::string_view prefix = "127.77.";
constexpr std::uint32_t hosts_per_block =
    253; // .2 to .254: .0, .1 and .255 look like something else
constexpr std::uint32_t first_host = 2;

} // namespace

std::string guest_address(std::uint32_t index) {
  return std::string{prefix} + std::to_string(index / hosts_per_block) + "." +
         std::to_string(index % hosts_per_block + first_host);
}

std::optional<std::uint32_t> guest_address_index(std::string_view address) {
  if (!address.starts_with(prefix))
    return std::nullopt;
  auto rest = address.substr(prefix.size());
  std::uint32_t block = 0, host = 0;
  const auto* end = rest.data() + rest.size();
  auto first = std::from_chars(rest.data(), end, block);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.')
    return std::nullopt;
  auto second = std::from_chars(first.ptr + 1, end, host);
  if (second.ec != std::errc{} || second.ptr != end || block > 255 || host < first_host ||
      host >= first_host + hosts_per_block)
    return std::nullopt;
  auto index = block * hosts_per_block + host - first_host;
  if (guest_address(index) != address)
    return std::nullopt; // another spelling, "127.77.0.02": one address must have one text
  return index;
}

} // namespace banger::core
