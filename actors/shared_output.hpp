// A piece of a session's output as the message that carries it: made once, sent to any number of
// clients. Through typed handles each send would make a message, and a copy of the bytes, anew.
#pragma once

#include "protocol/actors.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/message.hpp>
#include <caf/message_id.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

namespace banger::actors {

/// What core::session_output hands around.
struct output_piece {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool is_gap = false;
  caf::message message; ///< attach_output or attach_gap
};

[[nodiscard]] output_piece make_output(std::uint64_t attach, std::uint64_t offset, bool is_stderr,
                                       std::string_view bytes);
[[nodiscard]] output_piece make_gap(std::uint64_t attach, std::uint64_t from, std::uint64_t to);

/// The message for the part of a piece that is within `from` and `to`.
[[nodiscard]] caf::message message_of(const output_piece& piece, std::uint64_t from,
                                      std::uint64_t to);

/// Sends a message without a copy of it. @pre `whom` takes its type
template <class Self>
void send_shared(Self self, const attach_client_actor& whom, caf::message x) {
  auto to = caf::actor_cast<caf::strong_actor_ptr>(whom);
  to->get()->enqueue(self->ctrl(), caf::make_message_id(), std::move(x), self->context());
}

} // namespace banger::actors
