#include "core/known_hosts.hpp"
#include "core/known_hosts_index.hpp"
#include "core/lower_case.hpp"

#include <algorithm>
#include <array>

namespace banger::core::known_hosts {

namespace {

constexpr std::array<std::string_view, 6> usual_algorithms = {
    "ssh-ed25519",         "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521", "rsa-sha2-512",        "rsa-sha2-256"};

using entries = std::vector<const line*>;

listed_key listed(const line& from) {
  return {from.key.type, fingerprint_sha256(from.key.blob), from.number};
}

/// The verdict of the lines for exactly this name.
verdict verdict_of(const entries& found, std::string name, const host_key& offered) {
  verdict out;
  for (const auto* entry : found) {
    const bool is_same = entry->key.blob == offered.blob;
    if (entry->mark == marker::revoked && is_same)
      return {outcome::revoked, std::move(name), {listed(*entry)}};
    if (entry->mark != marker::none || out.status == outcome::trusted)
      continue;
    if (is_same) {
      out.status = outcome::trusted;
      out.keys = {listed(*entry)};
    } else {
      out.status = outcome::mismatch;
      out.keys.push_back(listed(*entry));
    }
  }
  out.name = std::move(name);
  return out;
}

bool pins_a_key(const entries& found) {
  return std::any_of(found.begin(), found.end(),
                     [](const line* entry) { return entry->mark == marker::none; });
}

/// @param find  gives the lines for exactly a name: matching_lines, or an index.
template <class Find>
verdict check_with(Find find, std::string_view host, std::uint16_t port, const host_key& offered) {
  const auto name = host_name_for(host, port);
  const auto bare_name = host_name_for(host, default_port);
  auto found = verdict_of(find(name), name, offered);
  if (found.status != outcome::unknown || name == bare_name)
    return found;
  auto fallback = verdict_of(find(bare_name), bare_name, offered);
  if (fallback.status == outcome::trusted || fallback.status == outcome::revoked)
    return fallback;
  return found;
}

verdict check_sole_pin(const entries& found, std::string name, const host_key& key) {
  auto out = verdict_of(found, std::move(name), key);
  if (out.status != outcome::trusted)
    return out;
  std::vector<listed_key> others;
  for (const auto* entry : found)
    if (entry->mark == marker::none && entry->key.blob != key.blob)
      others.push_back(listed(*entry));
  if (!others.empty()) {
    out.status = outcome::mismatch;
    out.keys = std::move(others);
  }
  return out;
}

/// The algorithms of the lines that pin a key, then the usual ones.
std::string algorithms_for(const entries& found) {
  std::vector<std::string> order;
  const auto add = [&order](std::string algorithm) {
    if (std::find(order.begin(), order.end(), algorithm) == order.end())
      order.push_back(std::move(algorithm));
  };
  for (const auto* entry : found)
    if (entry->mark == marker::none)
      for (auto& algorithm : signature_algorithms(entry->key.type))
        add(std::move(algorithm));
  for (auto algorithm : usual_algorithms)
    add(std::string(algorithm));
  std::string out;
  for (const auto& algorithm : order)
    out += (out.empty() ? "" : ",") + algorithm;
  return out;
}

template <class Find>
std::string algorithms_with(Find find, std::string_view host, std::uint16_t port) {
  auto found = find(host_name_for(host, port));
  if (!pins_a_key(found))
    found = find(host_name_for(host, default_port));
  return algorithms_for(found);
}

auto finder(const std::vector<line>& lines) {
  return [&lines](std::string_view name) { return matching_lines(lines, name); };
}

auto finder(line_index& lines) {
  return [&lines](std::string_view name) { return lines.find(name); };
}

} // namespace

verdict check(const std::vector<line>& lines, std::string_view host, std::uint16_t port,
              const host_key& offered) {
  return check_with(finder(lines), host, port, offered);
}

verdict check(line_index& lines, std::string_view host, std::uint16_t port,
              const host_key& offered) {
  return check_with(finder(lines), host, port, offered);
}

verdict check_sole_pin(const std::vector<line>& lines, std::string_view name, const host_key& key) {
  auto lower = lower_case(name);
  return check_sole_pin(matching_lines(lines, lower), lower, key);
}

verdict check_sole_pin(line_index& lines, std::string_view name, const host_key& key) {
  auto lower = lower_case(name);
  return check_sole_pin(lines.find(lower), lower, key);
}

std::string pinned_algorithms(const std::vector<line>& lines, std::string_view host,
                              std::uint16_t port) {
  return algorithms_with(finder(lines), host, port);
}

std::string pinned_algorithms(line_index& lines, std::string_view host, std::uint16_t port) {
  return algorithms_with(finder(lines), host, port);
}

std::string explain_refusal(const verdict& found, const host_key& offered) {
  const auto key_text = offered.type + " " + fingerprint_sha256(offered.blob);
  if (found.status == outcome::revoked)
    return found.name + " offered the key " + key_text + ", which is marked @revoked" +
           (found.keys.empty() ? "" : " (line " + std::to_string(found.keys[0].line_number) + ")");
  if (found.status != outcome::mismatch)
    return {};
  std::string expected;
  for (const auto& key : found.keys)
    expected += (expected.empty() ? "" : " or ") + key.type + " " + key.fingerprint + " (line " +
                std::to_string(key.line_number) + ")";
  return found.name + " offered the key " + key_text + ", expected was " + expected +
         "; somebody may be intercepting the connection";
}

} // namespace banger::core::known_hosts
