#include "core/bridge_network.hpp"

#include "core/guest_address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstdio>

namespace banger::core {

namespace {

constexpr std::string_view loopback_net = "127", bridged_net = "10";
constexpr std::string_view tap_prefix = "bgr-t";
constexpr std::string_view tap_mark = "banger uid=", nat_mark = " nat";
constexpr std::string_view bridge_mark = "banger bridge", forwarding_mark = " forwarding-was-off";

} // namespace

std::string bridged_address(std::uint32_t index) {
  return std::string{bridged_net} + guest_address(index).substr(loopback_net.size());
}

std::optional<std::uint32_t> bridged_address_index(std::string_view address) {
  if (!address.starts_with(bridged_net))
    return std::nullopt;
  return guest_address_index(std::string{loopback_net} +
                             std::string{address.substr(bridged_net.size())});
}

std::string tap_name(std::uint32_t index) {
  char text[16];
  std::snprintf(text, sizeof text, "bgr-t%04x", static_cast<unsigned>(index));
  return text;
}

std::optional<std::uint32_t> tap_index(std::string_view name) {
  if (!name.starts_with(tap_prefix))
    return std::nullopt;
  auto digits = name.substr(tap_prefix.size());
  std::uint32_t index = 0;
  auto read = std::from_chars(digits.data(), digits.data() + digits.size(), index, 16);
  if (read.ec != std::errc{} || index >= guest_address_count || tap_name(index) != name)
    return std::nullopt;
  return index;
}

std::string to_alias(const tap_note& note) {
  return std::string{tap_mark} + std::to_string(note.owner) +
         std::string{note.has_nat ? nat_mark : ""};
}

std::optional<tap_note> tap_note_from(std::string_view alias) {
  if (!alias.starts_with(tap_mark))
    return std::nullopt;
  auto rest = alias.substr(tap_mark.size());
  tap_note note;
  auto read = std::from_chars(rest.data(), rest.data() + rest.size(), note.owner);
  if (read.ec != std::errc{})
    return std::nullopt;
  note.has_nat = alias.ends_with(nat_mark);
  if (to_alias(note) != alias)
    return std::nullopt;
  return note;
}

std::string bridge_alias(bool was_off) {
  return std::string{bridge_mark} + std::string{was_off ? forwarding_mark : ""};
}

bool was_forwarding_off(std::string_view alias) {
  return alias == bridge_alias(true);
}

std::string firewall_removal() {
  return "add table inet banger\ndelete table inet banger\n"; // deleting what is not there fails
}

std::string firewall_commands(const std::vector<std::uint32_t>& nat_indexes) {
  const std::string bridge = "\"" + std::string{bridge_name} + "\"";
  std::string elements;
  for (auto index : nat_indexes)
    elements += (elements.empty() ? "" : ", ") + bridged_address(index);
  std::string text = firewall_removal() + "table inet banger {\n set nat { type ipv4_addr;";
  if (!elements.empty())
    text += " elements = { " + elements + " };";
  text += " }\n";
  // Guests reach each other; those with NAT, and only over IPv4, also what the host reaches. From
  // outside of the host comes nothing but answers: forwarding may be on because of us.
  text += " chain forward { type filter hook forward priority filter; policy accept;\n"
          "  iifname " +
          bridge + " oifname " + bridge +
          " accept\n"
          "  iifname " +
          bridge +
          " ip saddr @nat accept\n"
          "  iifname " +
          bridge +
          " drop\n"
          "  oifname " +
          bridge +
          " ct state established,related accept\n"
          "  oifname " +
          bridge + " drop\n }\n";
  text += " chain postrouting { type nat hook postrouting priority srcnat; policy accept;\n"
          "  ip saddr @nat oifname != " +
          bridge + " masquerade\n }\n}\n";
  return text;
}

std::string reachable_name_server(std::string_view text) {
  constexpr std::string_view key = "nameserver";
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(key))
      continue;
    line.remove_prefix(key.size());
    auto first = line.find_first_not_of(" \t");
    if (first == 0 || first == line.npos)
      continue;
    std::string address{line.substr(first, line.find_first_of(" \t\r", first) - first)};
    in_addr parsed{};
    if (::inet_pton(AF_INET, address.c_str(), &parsed) == 1 && !address.starts_with("127.") &&
        parsed.s_addr != 0)
      return address;
  }
  return {};
}

} // namespace banger::core
