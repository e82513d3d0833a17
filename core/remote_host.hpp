// A machine elsewhere that runs a daemon, and how it is reached. Pure.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banger::core {

enum class way_kind : std::uint8_t { ssh, tls };

struct remote_host {
  std::string name; ///< an RFC 1123 label; of one that is in no config its URL
  way_kind kind = way_kind::ssh;
  std::string user;              ///< ssh; empty: as ssh's configuration has it
  std::string address;           ///< a name or an address
  std::uint16_t port = 0;        ///< 0: as ssh's configuration has it
  std::string program{"banger"}; ///< ssh: what is run there
  std::string certs{};           ///< tls: a folder; empty: banger's own
  std::string server_name{};     ///< tls: whom the certificate has to name; empty: `address`
  friend bool operator==(const remote_host&, const remote_host&) = default;
};

/// Takes "ssh://[USER@]HOST[:PORT]" or "tls://HOST:PORT" apart; an IPv6 address is in brackets.
/// Errors: bad_request.
[[nodiscard]] result<remote_host> parse_host_url(std::string_view url);

/// True for what is meant as a URL rather than as a name.
[[nodiscard]] bool is_host_url(std::string_view text);

struct way_programs {
  std::string ssh; ///< absolute paths
  std::string tls;
};

/// The program that carries the daemon's socket over its standard input and output, with its
/// arguments. It asks no questions.
[[nodiscard]] std::vector<std::string> way_to(const remote_host& x, const way_programs& programs);

/// "HOST/REST" taken apart; the first is empty where there is no '/' in it.
[[nodiscard]] std::pair<std::string, std::string> split_host(std::string_view ref);

} // namespace banger::core
