// The text of a known_hosts file: what it says about a host, and how to change it without losing a
// byte that is not ours. Follows the ssh client of OpenSSH 9.2 to the letter (sshd(8),
// "SSH_KNOWN_HOSTS FILE FORMAT"). Pure functions; ssh/known_hosts_file.hpp has the file.
#pragma once

#include "core/host_key.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core::known_hosts {

constexpr std::uint16_t default_port = 22;

/// What a line says about its key. Only a line without a marker pins it.
enum class marker : std::uint8_t { none, revoked, cert_authority };

/// One line that is neither empty nor a comment.
struct line {
  std::size_t offset = 0; ///< of its first byte in the text
  std::size_t number = 0; ///< counts from 1, as ssh does
  marker mark = marker::none;
  std::string hosts;     ///< the name field as written
  host_key key;          ///< empty unless the line is valid
  std::string comment;   ///< what follows the key
  bool is_valid = false; ///< false: ssh does not understand the line, and skips it
};

enum class outcome : std::uint8_t {
  trusted,  ///< the key is pinned for the host
  unknown,  ///< no key is pinned for the host
  mismatch, ///< other keys are pinned for the host, of whatever type: refuse
  revoked,  ///< the key is marked @revoked for the host: refuse
};

/// A key that a line of the file names.
struct listed_key {
  std::string type;
  std::string fingerprint; ///< as fingerprint_sha256 makes it
  std::size_t line_number = 0;
  friend bool operator==(const listed_key&, const listed_key&) = default;
};

/// What the file says about an offered key.
struct verdict {
  outcome status = outcome::unknown;
  std::string name; ///< the name that decided: "box.vm", or "[box.vm]:2222"
  /// trusted: the line that trusts it. mismatch: every key it could have been. revoked: the line
  /// that revokes it.
  std::vector<listed_key> keys;
};

/// The lines of `text`, without empty lines and comments. Any bytes will do; a line ends at its
/// first NUL byte.
[[nodiscard]] std::vector<line> parse(std::string_view text);

/// The name a host is pinned under: in lower case, "[host]:port" unless the port is 22. Port 0
/// means 22.
[[nodiscard]] std::string host_name_for(std::string_view host, std::uint16_t port);

/// True if the name field matches `name`, which must be in lower case: a comma-separated list with
/// `*`, `?` and
/// `!`, or one hashed name.
[[nodiscard]] bool matches(std::string_view hosts, std::string_view name);

/// The valid lines for exactly this name, of any marker. The pointers are into `lines`.
[[nodiscard]] std::vector<const line*> matching_lines(const std::vector<line>& lines,
                                                      std::string_view name);

/// What the file says about the key that `host` offers on `port`.
/// A port other than 22 that has no line of its own falls back to the bare name, which can then
/// only trust or revoke, never mismatch.
[[nodiscard]] verdict check(const std::vector<line>& lines, std::string_view host,
                            std::uint16_t port, const host_key& offered);

/// Whether `key` is the one key that is pinned for exactly this name: as `check`, but trusted only
/// where no other key is pinned beside it, else mismatch with those others. Two writers that pin at
/// the same time end like that.
[[nodiscard]] verdict check_sole_pin(const std::vector<line>& lines, std::string_view name,
                                     const host_key& key);

/// Why a key is refused, for a person to read; empty unless the verdict is mismatch or revoked.
[[nodiscard]] std::string explain_refusal(const verdict& found, const host_key& offered);

/// The host key algorithms to offer, comma-separated, those of pinned keys first: a host with
/// several keys then shows the one we know. RSA only with SHA-2, never "ssh-rsa".
[[nodiscard]] std::string pinned_algorithms(const std::vector<line>& lines, std::string_view host,
                                            std::uint16_t port);

/// True if a pin can be written for `name` that matches this name and no other: no pattern, no
/// list, no space.
[[nodiscard]] bool is_plain_name(std::string_view name);

/// One whole line, with its line feed. `comment` may be empty.
[[nodiscard]] std::string render_line(const std::vector<std::string>& names, const host_key& key,
                                      std::string_view comment = {});

/// A line to take out: first append `replacement`, unless it is empty, then write '#' over the byte
/// at `offset`. One byte, so that no reader sees half of it and no other writer loses a line.
struct removal {
  std::size_t offset = 0;
  std::size_t line_number = 0;
  std::string replacement; ///< the line without the removed names, with its line feed
};

struct removal_plan {
  std::vector<removal> removals;
  /// Numbers of the lines that pin one of the names and stay, because they hold a pattern: somebody
  /// wrote them.
  std::vector<std::size_t> kept;
};

/// How to take out every pin of `names` ("box.vm", "[box.vm]:2222"), hashed ones too. Only whole
/// names on valid lines without a marker: @revoked, @cert-authority, and lines with `*`, `?` or `!`
/// stay as they are.
[[nodiscard]] removal_plan plan_removal(const std::vector<line>& lines,
                                        const std::vector<std::string>& names);

/// The line of `text` that starts at `offset`, without its line feed.
[[nodiscard]] std::string_view line_at(std::string_view text, std::size_t offset);

/// How many bytes of `text` are lines that a removal turned into comments.
/// Such a line has its '#' right before the rest of the name; a comment with a space after it is
/// somebody's.
[[nodiscard]] std::size_t removed_bytes(std::string_view text);

/// `text` without those lines. All else is byte for byte as it was.
[[nodiscard]] std::string without_removed_lines(std::string_view text);

/// How far at the least the program had read `replaced` that wrote `present` in its place, a copy
/// with some lines left out or added: to the end of the last line that both have in the same order.
[[nodiscard]] std::size_t end_of_copied(std::string_view replaced, std::string_view present);

/// The lines of `text` that `present` lacks, as they are: neither the same line is there nor, for a
/// plain name, another one that pins the same key. Without removed lines.
[[nodiscard]] std::string missing_lines(std::string_view text, std::string_view present);

} // namespace banger::core::known_hosts
