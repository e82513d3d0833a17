// SSH public keys as hosts offer them and as known_hosts lines hold them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

/// A public key: its type ("ssh-ed25519") and the raw bytes of its wire form, which name the type
/// again.
struct host_key {
  std::string type;
  std::string blob;
  friend bool operator==(const host_key&, const host_key&) = default;
};

/// True if `blob` is a whole key of that type and nothing else. Knows the plain types that
/// OpenSSH 9.2 knows; certificates are not among them, and RSA keys of less than 1024 bits are
/// refused, as OpenSSH does. Does not check that a curve point is on its curve: such a key then
/// counts as a different key, not as none. Source: RFC 4253 section 6.6, RFC 5656 section 3.1, RFC
/// 8709 section 4, PROTOCOL.u2f.
[[nodiscard]] bool is_well_formed(const host_key& key);

/// The key of "TYPE BASE64 [COMMENT]", as a .pub file holds it. Nothing where there are no two
/// words or the second one is not base64; whether it is a whole key is_well_formed says.
[[nodiscard]] std::optional<host_key> parse_public_key(std::string_view text);

/// The fingerprint as ssh prints it: "SHA256:" and base64 without padding.
[[nodiscard]] std::string fingerprint_sha256(std::string_view blob);

/// The signature algorithms by which a host can prove that it has a key of this type, best first.
/// An RSA key signs with SHA-2 only. Empty for a type that is not used any more (ssh-dss).
[[nodiscard]] std::vector<std::string> signature_algorithms(std::string_view key_type);

} // namespace banger::core
