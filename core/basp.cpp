#include "core/basp.hpp"

#include <algorithm>

namespace banger::core::basp {

namespace {

constexpr std::uint64_t atom_none = 0xFCF4CEA;         // atom("none"): a node without an id
constexpr std::uint64_t atom_default = 0x3E9AAB9BAC79; // atom("default"): 4 + 20 bytes follow
constexpr std::size_t default_node_size = 24;
constexpr std::string_view empty_tuple = "@<>"; // prefix of every message's type names

/// Reads a node id as bytes. Ids by URI do not occur between our nodes and count as malformed.
node_bytes read_node(wire_reader& in) {
  auto start = in.rest();
  std::uint64_t kind = 0;
  in.get(kind);
  if (kind == atom_none)
    return std::string{start.substr(0, 8)};
  if (kind != atom_default || in.take(default_node_size).size() != default_node_size) {
    (void)in.take(in.rest().size() + 1); // puts the reader into its failed state
    return {};
  }
  return std::string{start.substr(0, 8 + default_node_size)};
}

/// The type names and the contents of a message, which is the last thing in `in`.
result<message_view> read_message(wire_reader& in) {
  std::uint16_t type_number = 0;
  in.get(type_number);
  auto names = in.take(in.get_length());
  if (!in.ok() || type_number != 0 || !names.starts_with(empty_tuple))
    return fail(ec::bad_request, "malformed message");
  names.remove_prefix(empty_tuple.size());
  if (names.starts_with('+'))
    names.remove_prefix(1);
  return message_view{names, in.rest()};
}

/// Codes of CAF's own that we can say more about than their number (caf/sec.hpp).
failure framework_failure(std::uint8_t code) {
  constexpr std::uint8_t unexpected_message = 1, request_receiver_down = 3, request_timeout = 4;
  switch (code) {
    case unexpected_message:
      return {ec::version_mismatch, "the daemon does not know this request", {}, {}};
    case request_receiver_down:
      return {ec::unreachable, "the daemon is ending", "the part of it that was asked is gone",
              "try again"};
    case request_timeout:
      return {ec::timed_out, "the daemon gave up waiting for a part of itself", {}, {}};
    default:
      return {
          ec::failed, "internal error " + std::to_string(code) + " of the actor system", {}, {}};
  }
}

} // namespace

std::string encode(const header& x) {
  std::string out;
  out.reserve(header_size);
  wire_writer writer{out};
  writer(x.op, std::uint8_t{0}, std::uint8_t{0}, x.flags, x.payload_len, x.operation_data,
         x.source_actor, x.dest_actor);
  return out;
}

header decode_header(std::string_view bytes) {
  header x;
  std::uint8_t padding = 0;
  wire_reader in{bytes};
  in(x.op, padding, padding, x.flags, x.payload_len, x.operation_data, x.source_actor,
     x.dest_actor);
  return x;
}

node_bytes make_node(std::string_view random24) {
  node_bytes node;
  wire_writer{node}.put(atom_default);
  node.append(random24.substr(0, default_node_size));
  node.resize(8 + default_node_size, '\1');
  node[11] = static_cast<char>(node[11] | 1); // a process id of zero is no process
  return node;
}

result<server_handshake> decode_server_handshake(std::string_view payload) {
  server_handshake x;
  wire_reader in{payload};
  x.node = read_node(in);
  std::vector<std::string> interface_names;
  in(x.app_identifiers, x.published_actor, interface_names);
  if (!in.ok())
    return fail(ec::bad_request, "malformed server handshake");
  return x;
}

std::string client_handshake_frame(const node_bytes& self) {
  header head;
  head.op = operation::client_handshake;
  head.payload_len = static_cast<std::uint32_t>(self.size());
  return encode(head) + self;
}

std::string monitor_frame(const node_bytes& self, const node_bytes& peer, std::uint64_t actor) {
  header head;
  head.op = operation::monitor_message;
  head.payload_len = static_cast<std::uint32_t>(self.size() + peer.size());
  head.dest_actor = actor;
  return encode(head) + self + peer;
}

result<message_view> decode_message(std::string_view payload) {
  wire_reader in{payload};
  if (in.get_length() != 0 || !in.ok())
    return fail(ec::bad_request, "message with a forwarding stack");
  return read_message(in);
}

result<failure> decode_error(std::string_view content) {
  wire_reader in{content};
  std::uint8_t code = 0;
  std::uint64_t category = 0;
  in(code, category);
  auto context = read_message(in);
  if (!in.ok() || !context)
    return fail(ec::bad_request, "malformed error");
  if (category != atom_value("banger"))
    return framework_failure(code);
  failure why{static_cast<ec>(code), {}, {}, {}};
  if (context->types == "banger::failure") {
    wire_reader fields{context->content};
    fields.get(why);
    if (!fields.ok())
      return fail(ec::bad_request, "malformed error");
  }
  return why;
}

std::uint64_t atom_value(std::string_view text) {
  constexpr std::string_view alphabet =
      " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
  std::uint64_t value = 0xF;
  for (char c : text)
    value =
        value << 6 | static_cast<std::uint64_t>(std::max(std::size_t{0}, alphabet.find(c)) & 0x3F);
  return value;
}

} // namespace banger::core::basp
