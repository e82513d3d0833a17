#include "core/basp_guard.hpp"

#include "core/basp.hpp"

#include <utility>

namespace banger::core {

using basp::operation;

bool basp_guard::accept(std::string_view chunk) {
  if (is_refused_)
    return false;
  auto is_ok = expected_ < 0 ? accept_header(chunk) : accept_payload(chunk);
  is_refused_ = !is_ok;
  return is_ok;
}

bool basp_guard::accept_header(std::string_view chunk) {
  if (chunk.size() != basp::header_size)
    return false;
  auto head = basp::decode_header(chunk);
  auto most = limits_.control_bytes;
  switch (head.op) {
    case operation::server_handshake:
      if (has_shaken_hands_)
        return false;
      break;
    case operation::client_handshake: // CAF's own client says the same again, to settle on this way
      if (has_shaken_hands_ && (head.flags != basp::select_connection_flag ||
                                head.payload_len != first_handshake_.size()))
        return false;
      break;
    case operation::monitor_message:
    case operation::down_message:
      if (!has_shaken_hands_)
        return false;
      break;
    case operation::direct_message:
      if (!has_shaken_hands_)
        return false;
      most = limits_.message_bytes;
      break;
    case operation::heartbeat: return head.payload_len == 0;
    case operation::routed_message: // we never forward for others
    default: return false;
  }
  if (head.payload_len == 0 || head.payload_len > most) // no payload: a null dereference in CAF
    return false;
  expected_ = static_cast<int>(head.op);
  expected_size_ = head.payload_len;
  return true;
}

bool basp_guard::accept_payload(std::string_view chunk) {
  auto op = static_cast<operation>(expected_);
  expected_ = -1;
  if (chunk.size() != expected_size_)
    return false;
  if (op == operation::server_handshake || op == operation::client_handshake) {
    if (std::exchange(has_shaken_hands_, true))
      return chunk == std::exchange(first_handshake_, {});
    if (op == operation::client_handshake)
      first_handshake_ = chunk;
    return true;
  }
  return op != operation::direct_message || accept_message(chunk);
}

bool basp_guard::accept_message(std::string_view payload) const {
  auto message = basp::decode_message(payload);
  if (!message)
    return false;
  for (auto names = message->types; !names.empty();) {
    auto end = names.find('+');
    auto name = names.substr(0, end);
    if (!limits_.types.contains(name))
      return false;
    if (name == "@error" && payload.size() > limits_.control_bytes)
      return false;
    names = end == std::string_view::npos ? std::string_view{} : names.substr(end + 1);
  }
  return true;
}

} // namespace banger::core
