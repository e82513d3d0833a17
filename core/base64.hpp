// Base64 (RFC 4648, section 4), as strict and as lax as OpenSSH is when it reads a key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace banger::core {

/// The base64 text of `bytes`, padded, without line breaks.
[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// The bytes that `text` stands for; nothing where it is not base64.
/// ASCII white space is skipped wherever it is, so a carriage return at the end of a key does no
/// harm. Padding must be there, nothing but white space may follow it, and the bits it cuts off
/// must be zero. Source: b64_pton(3), which OpenSSH decodes keys with.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

} // namespace banger::core
