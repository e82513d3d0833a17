#include "actors/guest_port.hpp"

#include "actors/account.hpp"
#include "actors/ssh_sink.hpp"
#include "host/log.hpp"
#include "host/unix_socket.hpp"
#include "protocol/caf_error.hpp"

#include <utility>

namespace banger::actors {

namespace {

using self_pointer = guest_port_actor::stateful_pointer<guest_port_state>;

// An agent that knows of the port answers at once; this is for an emulated guest on a loaded host.
constexpr std::chrono::milliseconds patience{5'000};

void fall_back(self_pointer self) {
  for (auto& waiter : std::exchange(self->state.waiters, {}))
    waiter.reply.delegate(self->state.link, waiter.request);
}

void take_note(self_pointer self, const ssh_note& note) {
  auto& state = self->state;
  if (note.channel != 0 || note.connection != state.connection)
    return;
  if (note.kind == ssh_note_kind::connected) {
    state.is_up = true;
    for (auto& waiter : std::exchange(state.waiters, {}))
      waiter.reply.deliver(guest_connected{state.connection});
  } else if (note.kind == ssh_note_kind::connection_lost) {
    state.connection = 0;
    if (!std::exchange(state.is_up, false)) {
      host::log_info(state.socket + ": " + to_string(note.why) + "; SSH is used instead");
      state.is_absent = true;
    }
    fall_back(self);
  }
}

caf::result<guest_connected> connect(self_pointer self, const connect_guest& x) {
  auto& state = self->state;
  if (state.is_up)
    return guest_connected{state.connection};
  auto reply = self->make_response_promise<guest_connected>();
  state.waiters.push_back({x, reply});
  if (state.connection != 0)
    return reply;
  auto socket = state.is_absent ? tl::make_unexpected(failure{}) : host::connect_unix(state.socket);
  if (socket)
    state.connection = state.io->open(std::move(*socket), patience, make_ssh_sink(self));
  else
    fall_back(self); // a VM of a daemon that had no such port
  return reply;
}

} // namespace

guest_port_actor::behavior_type guest_port(self_pointer self, port::port_io* io, std::string socket,
                                           guest_link_actor link) {
  auto& state = self->state;
  state.io = io;
  state.socket = std::move(socket);
  state.link = std::move(link);
  self->set_exit_handler([self](const caf::exit_msg& message) {
    if (self->state.connection != 0)
      self->state.io->close(self->state.connection);
    fall_back(self);
    self->quit(message.reason);
  });
  return {
      [self](const ssh_note& note) { take_note(self, note); },
      [](const ssh_data&) {}, // all data belongs to streams, and those have other owners
      [self](const connect_guest& x) { return connect(self, x); },
      [self](const describe_actor&) {
        const auto& mine = self->state;
        return account_of(self, mine.is_up       ? "connected"
                                : mine.is_absent ? "the guest does not answer on it"
                                                 : "not connected");
      },
  };
}

} // namespace banger::actors
