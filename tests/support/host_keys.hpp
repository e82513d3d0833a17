// Host keys for tests: well-formed, made up, nobody has the private half.
#pragma once

#include "core/host_key.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::test {

/// A length-prefixed string as in a key's wire form.
inline std::string wire_string(std::string_view text) {
  std::string out;
  for (unsigned shift = 32; shift != 0; shift -= 8)
    out += static_cast<char>(text.size() >> (shift - 8) & 0xff);
  return out.append(text);
}

/// An ed25519 key; another one for every `seed`.
inline core::host_key ed25519_key(char seed) {
  return {"ssh-ed25519", wire_string("ssh-ed25519") + wire_string(std::string(32, seed))};
}

/// An RSA key of 2048 bits; another one for every `seed`.
inline core::host_key rsa_key(char seed) {
  std::string modulus(257, seed);
  modulus[0] = '\0';
  modulus[1] = '\xc1';
  return {"ssh-rsa", wire_string("ssh-rsa") + wire_string(std::string_view("\x01\x00\x01", 3)) +
                         wire_string(modulus)};
}

/// A nistp256 key; another one for every `seed`.
inline core::host_key ecdsa_key(char seed) {
  return {"ecdsa-sha2-nistp256", wire_string("ecdsa-sha2-nistp256") + wire_string("nistp256") +
                                     wire_string('\x04' + std::string(64, seed))};
}

} // namespace banger::test
