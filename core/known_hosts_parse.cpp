#include "core/known_hosts.hpp"

#include "core/base64.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace banger::core::known_hosts {

namespace {

constexpr std::size_t shortest_line = 80; // of those with a key: the key of an ed25519 line has 68

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// How many bytes of `text` come before its first blank.
std::size_t word_size(std::string_view text) {
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_blank) - text.begin());
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
}

/// Cuts the leading word off `text`, and the blanks around it.
std::string_view take_word(std::string_view& text) {
  skip_blanks(text);
  const auto word = text.substr(0, word_size(text));
  text.remove_prefix(word.size());
  skip_blanks(text);
  return word;
}

/// Cuts the marker off `text`; nothing where ssh gives the line up: an unknown marker, or two of
/// them. ssh looks for the first space to end a marker, and only where there is none for a tab. A
/// marker that a tab ends in a line with a space is therefore an unknown one.
std::optional<marker> take_marker(std::string_view& text) {
  auto found = marker::none;
  while (text.starts_with('@')) {
    auto end = text.find(' ');
    if (end == std::string_view::npos)
      end = text.find('\t');
    if (end == std::string_view::npos || found != marker::none)
      return std::nullopt;
    const auto word = text.substr(0, end);
    if (word == "@revoked")
      found = marker::revoked;
    else if (word == "@cert-authority")
      found = marker::cert_authority;
    else
      return std::nullopt;
    text.remove_prefix(end);
    skip_blanks(text);
  }
  return found;
}

/// The key type that a line's type field stands for: ssh also takes the names of the signature
/// algorithms.
std::string_view key_type_of(std::string_view field) {
  if (field == "rsa-sha2-256" || field == "rsa-sha2-512")
    return "ssh-rsa";
  if (field == "webauthn-sk-ecdsa-sha2-nistp256@openssh.com")
    return "sk-ecdsa-sha2-nistp256@openssh.com";
  return field;
}

/// Reads the part of a line after its marker into `out`.
void read_fields(std::string_view text, line& out) {
  out.hosts = take_word(text);
  if (text.starts_with('#'))
    return;
  host_key key;
  key.type = key_type_of(take_word(text));
  auto blob = base64_decode(take_word(text));
  if (!blob)
    return;
  key.blob = std::move(*blob);
  if (!is_well_formed(key))
    return;
  out.key = std::move(key);
  out.comment = text;
  out.is_valid = true;
}

/// The line in `text`, which holds no line feed; nothing for an empty line or a comment.
std::optional<line> parse_line(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  skip_blanks(text);
  if (text.empty() || text.front() == '#')
    return std::nullopt;
  line out;
  const auto mark = take_marker(text);
  if (!mark)
    return out;
  out.mark = *mark;
  read_fields(text, out);
  return out;
}

} // namespace

std::vector<line> parse(std::string_view text) {
  std::vector<line> out;
  out.reserve(text.size() / shortest_line);
  std::size_t number = 0;
  for (std::size_t offset = 0; offset < text.size();) {
    const auto end = std::min(text.find('\n', offset), text.size());
    ++number;
    if (auto parsed = parse_line(text.substr(offset, end - offset))) {
      parsed->offset = offset;
      parsed->number = number;
      out.push_back(std::move(*parsed));
    }
    offset = end + 1;
  }
  return out;
}

} // namespace banger::core::known_hosts
