#include "core/guest_ports.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace banger::core {

namespace {

using nlohmann::json;

std::int64_t number_of(const json& record, const char* name) {
  auto found = record.find(name);
  return found != record.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string text_of(const json& record, const char* name) {
  auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<guest_port> parse_line(std::string_view line) {
  auto record = json::parse(line, nullptr, false);
  if (!record.is_object())
    return std::nullopt;
  auto port = number_of(record, "port");
  auto pid = number_of(record, "pid");
  guest_port found{text_of(record, "protocol"), text_of(record, "address"), 0, 0,
                   text_of(record, "process")};
  if ((found.protocol != "tcp" && found.protocol != "udp") || found.address.empty() || port < 1 ||
      port > UINT16_MAX || pid < 0 || pid > INT32_MAX)
    return std::nullopt;
  found.port = static_cast<std::uint16_t>(port);
  found.pid = static_cast<std::int32_t>(pid);
  return found;
}

} // namespace

std::optional<std::vector<guest_port>> parse_guest_ports(std::string_view text) {
  std::vector<guest_port> all;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto found = parse_line(text.substr(0, end));
    if (!found)
      return std::nullopt;
    all.push_back(std::move(*found));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

bool is_system_port(std::uint16_t port) {
  constexpr std::uint16_t of_the_system[] = {22, 53, 111, 5355}; // ssh, DNS, rpcbind, LLMNR
  return std::find(std::begin(of_the_system), std::end(of_the_system), port) !=
         std::end(of_the_system);
}

} // namespace banger::core
