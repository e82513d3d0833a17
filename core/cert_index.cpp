#include "core/cert_index.hpp"

#include "core/cert_names.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace banger::core {

namespace {

constexpr std::string_view header = "# certificates of a banger authority, version 1";
constexpr std::size_t columns = 7;
constexpr std::size_t longest_serial = 40; // RFC 5280 section 4.1.2.2: 20 bytes

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t x = 0;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, x);
  return parsed.ec == std::errc{} && parsed.ptr == end && x >= 0 ? std::optional{x} : std::nullopt;
}

std::optional<cert_kind> kind_of(std::string_view text) {
  for (auto kind : {cert_kind::client, cert_kind::host, cert_kind::both})
    if (text == to_string(kind))
      return kind;
  return std::nullopt;
}

bool is_serial(std::string_view text) {
  return !text.empty() && text.size() <= longest_serial &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<issued_cert> read_line(std::string_view line) {
  const auto fields = split(line, '\t');
  if (fields.size() != columns)
    return std::nullopt;
  const auto kind = kind_of(fields[2]);
  const auto issued = number(fields[3]), expires = number(fields[4]), revoked = number(fields[5]);
  if (!is_serial(fields[0]) || !check_cert_name(fields[1]) || !kind || !issued || !expires ||
      !revoked)
    return std::nullopt;
  issued_cert x{
      std::string{fields[0]}, std::string{fields[1]}, *kind, *issued, *expires, *revoked, {}};
  if (!fields[6].empty())
    for (const auto host : split(fields[6], ',')) {
      if (!check_cert_host(host))
        return std::nullopt;
      x.hosts.emplace_back(host);
    }
  return x.hosts.empty() == (x.kind == cert_kind::client) ? std::optional{x} : std::nullopt;
}

} // namespace

std::string to_string(cert_kind x) {
  switch (x) {
    case cert_kind::client: return "client";
    case cert_kind::host: return "host";
    case cert_kind::both: return "host+client";
  }
  return "client";
}

std::string to_string(cert_state x) {
  switch (x) {
    case cert_state::valid: return "valid";
    case cert_state::expired: return "expired";
    case cert_state::revoked: return "revoked";
  }
  return "revoked";
}

cert_state state_of(const issued_cert& x, std::int64_t now) {
  if (x.revoked_at != 0)
    return cert_state::revoked;
  return now > x.expires_at ? cert_state::expired : cert_state::valid;
}

result<std::vector<issued_cert>> parse_cert_index(std::string_view text) {
  std::vector<issued_cert> all;
  std::size_t at = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    ++at;
    if (at == 1 && line != header)
      return fail(ec::storage_failed, "read the list of certificates",
                  "its first line is not of this version");
    if (at > 1) {
      auto x = end == std::string_view::npos ? std::nullopt : read_line(line);
      if (!x)
        return fail(ec::storage_failed, "read the list of certificates",
                    "line " + std::to_string(at) + " is damaged");
      all.push_back(std::move(*x));
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return all;
}

std::string format_cert_index(const std::vector<issued_cert>& all) {
  std::string text{header};
  text += '\n';
  for (const auto& x : all) {
    text += x.serial + '\t' + x.name + '\t' + to_string(x.kind) + '\t' +
            std::to_string(x.issued_at) + '\t' + std::to_string(x.expires_at) + '\t' +
            std::to_string(x.revoked_at) + '\t';
    for (std::size_t i = 0; i < x.hosts.size(); ++i)
      text += (i == 0 ? "" : ",") + x.hosts[i];
    text += '\n';
  }
  return text;
}

const issued_cert* newest_of(const std::vector<issued_cert>& all, std::string_view name) {
  const auto found =
      std::find_if(all.rbegin(), all.rend(), [&](const auto& x) { return x.name == name; });
  return found == all.rend() ? nullptr : &*found;
}

} // namespace banger::core
