#include "core/known_hosts.hpp"

#include "core/base64.hpp"
#include "core/lower_case.hpp"
#include "core/sha1.hpp"

#include <algorithm>
#include <array>

namespace banger::core::known_hosts {

namespace {

constexpr std::size_t longest_element =
    1022;                             // ssh gives up on a longer one: match_pattern_list, sub[1024]
constexpr std::size_t salt_size = 20; // of a hashed name: one SHA-1 digest

constexpr std::array<std::string_view, 6> usual_algorithms = {
    "ssh-ed25519",         "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521", "rsa-sha2-512",        "rsa-sha2-256"};

/// True if `pattern`, in which `*` stands for any text and `?` for any byte, matches the whole of
/// `name`. Goes back to the last `*` only, so it is never worse than one size times the other.
bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  auto star = std::string_view::npos; // the last `*` seen
  std::size_t star_end = 0;           // the end of what it stands for
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

/// True if `field`, "|1|salt|hash", is `name` hashed with its salt. Compares the text, as ssh does:
/// another spelling of the same base64 is no match.
bool hashed_name_matches(std::string_view field, std::string_view name) {
  constexpr std::string_view magic = "|1|";
  if (!field.starts_with(magic))
    return false;
  const auto end = field.find('|', magic.size());
  if (end == std::string_view::npos)
    return false;
  const auto salt = base64_decode(field.substr(magic.size(), end - magic.size()));
  if (!salt || salt->size() != salt_size)
    return false;
  return field.substr(magic.size()) ==
         base64_encode(*salt) + "|" + base64_encode(hmac_sha1(*salt, name));
}

bool list_matches(std::string_view list, std::string_view name) {
  bool is_match = false;
  while (!list.empty()) {
    const bool is_negated = list.front() == '!';
    if (is_negated)
      list.remove_prefix(1);
    const auto element = list.substr(0, list.find(','));
    if (element.size() > longest_element)
      return false;
    list.remove_prefix(std::min(element.size() + 1, list.size()));
    if (!glob_matches(lower_case(element), name))
      continue;
    if (is_negated)
      return false;
    is_match = true;
  }
  return is_match;
}

listed_key listed(const line& from) {
  return {from.key.type, fingerprint_sha256(from.key.blob), from.number};
}

/// The verdict of the lines for exactly this name.
verdict check_name(const std::vector<line>& lines, std::string name, const host_key& offered) {
  verdict out;
  for (const auto* entry : matching_lines(lines, name)) {
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

bool pins_a_key(const std::vector<const line*>& entries) {
  return std::any_of(entries.begin(), entries.end(),
                     [](const line* entry) { return entry->mark == marker::none; });
}

} // namespace

std::string host_name_for(std::string_view host, std::uint16_t port) {
  auto name = lower_case(host);
  if (port == 0 || port == default_port)
    return name;
  return "[" + name + "]:" + std::to_string(port);
}

bool matches(std::string_view hosts, std::string_view name) {
  return hosts.starts_with('|') ? hashed_name_matches(hosts, name) : list_matches(hosts, name);
}

std::vector<const line*> matching_lines(const std::vector<line>& lines, std::string_view name) {
  std::vector<const line*> out;
  for (const auto& entry : lines)
    if (entry.is_valid && matches(entry.hosts, name))
      out.push_back(&entry);
  return out;
}

verdict check(const std::vector<line>& lines, std::string_view host, std::uint16_t port,
              const host_key& offered) {
  const auto name = host_name_for(host, port);
  const auto bare_name = host_name_for(host, default_port);
  auto found = check_name(lines, name, offered);
  if (found.status != outcome::unknown || name == bare_name)
    return found;
  auto fallback = check_name(lines, bare_name, offered);
  if (fallback.status == outcome::trusted || fallback.status == outcome::revoked)
    return fallback;
  return found;
}

verdict check_sole_pin(const std::vector<line>& lines, std::string_view name, const host_key& key) {
  auto out = check_name(lines, lower_case(name), key);
  if (out.status != outcome::trusted)
    return out;
  std::vector<listed_key> others;
  for (const auto* entry : matching_lines(lines, out.name))
    if (entry->mark == marker::none && entry->key.blob != key.blob)
      others.push_back(listed(*entry));
  if (!others.empty()) {
    out.status = outcome::mismatch;
    out.keys = std::move(others);
  }
  return out;
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

std::string pinned_algorithms(const std::vector<line>& lines, std::string_view host,
                              std::uint16_t port) {
  auto entries = matching_lines(lines, host_name_for(host, port));
  if (!pins_a_key(entries))
    entries = matching_lines(lines, host_name_for(host, default_port));
  std::vector<std::string> order;
  const auto add = [&order](std::string algorithm) {
    if (std::find(order.begin(), order.end(), algorithm) == order.end())
      order.push_back(std::move(algorithm));
  };
  for (const auto* entry : entries)
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

} // namespace banger::core::known_hosts
