// The Binary Actor System Protocol of CAF 0.17.6 (version 3), as far as a client needs it: headers,
// handshakes, and messages with one typed value or an error. Pure: bytes in, values out.
// Source: caf/io/basp/header.hpp; the layout of handshakes and messages as that version writes
// them.
#pragma once

#include "core/wire_codec.hpp"
#include "protocol/errors.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core::basp {

inline constexpr std::size_t header_size = 32;
inline constexpr std::uint64_t version = 3;

enum class operation : std::uint8_t {
  server_handshake = 0,
  client_handshake = 1,
  direct_message = 2,
  routed_message = 3,
  monitor_message = 4,
  down_message = 5,
  heartbeat = 6,
};

/// Header flag of a message whose receiver is named by an atom instead of a number.
inline constexpr std::uint8_t named_receiver_flag = 0x01;

struct header {
  operation op = operation::heartbeat;
  std::uint8_t flags = 0;
  std::uint32_t payload_len = 0;
  std::uint64_t operation_data =
      0; ///< message id of a message; protocol version of a server's handshake
  std::uint64_t source_actor = 0;
  std::uint64_t dest_actor = 0;
};

/// Flag of a client's handshake that chooses among the ways to a node (caf/io/basp/header.hpp).
inline constexpr std::uint8_t select_connection_flag = 2;

/// A message id is a request number with flags in its top bits (caf/message_id.hpp).
inline constexpr std::uint64_t response_flag = 0x8000000000000000;
inline constexpr std::uint64_t request_mask = 0x0FFFFFFFFFFFFFFF;
inline constexpr std::uint64_t normal_priority = 0x1000000000000000;

[[nodiscard]] std::string encode(const header& x);

/// @pre bytes.size() >= header_size
[[nodiscard]] header decode_header(std::string_view bytes);

/// A node's name as CAF writes it: kept as bytes, for we only compare and repeat it.
using node_bytes = std::string;

/// Makes a node id from 24 random bytes: 20 of host id, 4 of process id.
[[nodiscard]] node_bytes make_node(std::string_view random24);

struct server_handshake {
  node_bytes node;
  std::vector<std::string> app_identifiers;
  std::uint64_t published_actor = 0; ///< 0: nobody is published
};

/// Errors: bad_request where the bytes are not a handshake.
[[nodiscard]] result<server_handshake> decode_server_handshake(std::string_view payload);

[[nodiscard]] std::string client_handshake_frame(const node_bytes& self);

/// Asks to be told (down_message) when `actor` of node `peer` ends.
[[nodiscard]] std::string monitor_frame(const node_bytes& self, const node_bytes& peer,
                                        std::uint64_t actor);

/// A message with the one value `x`. @param request  0: no reply is wanted
template <class T>
std::string message_frame(std::string_view type_name, const T& x, std::uint64_t request,
                          std::uint64_t from, std::uint64_t to) {
  std::string payload;
  wire_writer out{payload};
  out.put_length(0); // forwarding stack
  out.put(std::uint16_t{0});
  out.put("@<>+" + std::string{type_name});
  out.put(x);
  header head;
  head.op = operation::direct_message;
  head.payload_len = static_cast<std::uint32_t>(payload.size());
  head.operation_data = normal_priority | request;
  head.source_actor = from;
  head.dest_actor = to;
  return encode(head) + payload;
}

/// A received message: the type names of its values and their bytes.
struct message_view {
  std::string_view types; ///< "banger::vm_info", or "a+b" for two values; empty for none
  std::string_view content;
};

[[nodiscard]] result<message_view> decode_message(std::string_view payload);

/// Our own failure out of a caf::error's bytes. Errors of CAF itself become `failed`, with their
/// code.
[[nodiscard]] result<failure> decode_error(std::string_view content);

/// The number CAF gives an atom of up to ten characters (caf/detail/atom_val.hpp).
[[nodiscard]] std::uint64_t atom_value(std::string_view text);

} // namespace banger::core::basp
