// Questions and answers of the domain name system, for a zone with one name a VM. Pure: bytes in,
// bytes out. Sources: RFC 1035 (the format), 2308 (negative answers), 6891 (EDNS), 8482 (ANY).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core::dns {

/// The zone that is answered for: "box.vm" is the VM "box".
inline constexpr std::string_view zone = "vm";

/// What a UDP answer may be at least, and what we send at most to who can take more: a size that no
/// network cuts (the DNS flag day of 2020).
inline constexpr std::size_t least_udp_size = 512, most_udp_size = 1232;

/// How an answer is prefixed over TCP with its own length, and what that can be.
inline constexpr std::size_t tcp_prefix_size = 2, most_tcp_size = 65'535;

enum class rcode : std::uint16_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  name_error = 3, ///< NXDOMAIN
  not_implemented = 4,
  refused = 5,
  bad_version = 16, ///< of EDNS; its upper bits are in the OPT record
};

enum class record_type : std::uint16_t { a = 1, ns = 2, soa = 6, aaaa = 28, opt = 41, any = 255 };

struct query {
  std::uint16_t id = 0;
  std::uint8_t opcode = 0; ///< 0: a standard query
  bool wants_recursion = false;
  bool is_unchecked = false;       ///< CD, only handed back
  std::string question;            ///< name, type and class, as they came
  std::vector<std::string> labels; ///< of the name, in lower case, without the root
  std::uint16_t type = 0;
  std::uint16_t net_class = 0;
  bool has_edns = false;
  std::uint16_t udp_size = 0;      ///< that the asker can take, by its EDNS
  rcode problem = rcode::no_error; ///< what to answer where it cannot be answered
};

/// @returns nothing where there must be no answer: what is no message, or itself an answer (two
/// servers would talk for ever). All else that is wrong is in `problem`.
[[nodiscard]] std::optional<query> parse_query(std::string_view bytes);

/// The VM that must be looked up before this can be answered; nothing: none.
[[nodiscard]] std::optional<std::string> wanted_vm(const query& x);

/// What a look for a VM came to.
struct lookup {
  bool has_failed = false; ///< nobody knows
  std::string address;     ///< "127.77.0.2"; empty: there is no such VM, or it does not run
};

/// The answer. One that is longer than `limit` is only its head, with the bit that says so.
/// @param found  meaningful where there is a wanted_vm()
[[nodiscard]] std::string answer(const query& x, const lookup& found, std::size_t limit);

/// How long an answer over UDP may be.
[[nodiscard]] std::size_t udp_limit(const query& x);

/// An answer as it goes over TCP.
[[nodiscard]] std::string with_tcp_prefix(const std::string& answer);

/// The four bytes of "127.77.0.2"; nothing where it is no IPv4 address.
[[nodiscard]] std::optional<std::string> ipv4_bytes(std::string_view text);

} // namespace banger::core::dns
