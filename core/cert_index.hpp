// The list of the certificates that an authority of ours has issued: text in, values out, and back.
// Pure.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

/// What a certificate is for. `both` is a host that may also connect to others.
enum class cert_kind : std::uint8_t { client, host, both };

enum class cert_state : std::uint8_t { valid, expired, revoked };

struct issued_cert {
  std::string serial; ///< hex, lower case
  std::string name;
  cert_kind kind = cert_kind::client;
  std::int64_t issued_at = 0; ///< Unix seconds, as all here
  std::int64_t expires_at = 0;
  std::int64_t revoked_at = 0;    ///< 0: it is not
  std::vector<std::string> hosts; ///< names and addresses of a host
  friend bool operator==(const issued_cert&, const issued_cert&) = default;
};

[[nodiscard]] std::string to_string(cert_kind x);
[[nodiscard]] std::string to_string(cert_state x);

[[nodiscard]] cert_state state_of(const issued_cert& x, std::int64_t now);

/// Errors: storage_failed, with the line that is damaged. An empty text has no certificates.
[[nodiscard]] result<std::vector<issued_cert>> parse_cert_index(std::string_view text);

[[nodiscard]] std::string format_cert_index(const std::vector<issued_cert>& all);

/// The newest one of that name; nullptr where there is none.
[[nodiscard]] const issued_cert* newest_of(const std::vector<issued_cert>& all,
                                           std::string_view name);

} // namespace banger::core
