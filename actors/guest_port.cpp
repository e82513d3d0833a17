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
constexpr std::uint32_t connect_limit_ms = 30'000;
constexpr std::chrono::milliseconds connect_limit{35'000}, ensure_limit{95'000};

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

/// A new agent may answer where the one before did not.
void begin_anew(self_pointer self) {
  auto& state = self->state;
  if (state.connection != 0)
    state.io->close(std::exchange(state.connection, 0));
  state.is_up = state.is_absent = false;
  fall_back(self);
}

caf::result<agent_ensured> ensure(self_pointer self) {
  auto reply = self->make_response_promise<agent_ensured>();
  auto failed = [self, reply](const caf::error& why) mutable {
    const auto code = to_failure(why).code;
    if (code != ec::link_lost && code != ec::timed_out) // nobody is there, nor can be
      begin_anew(self);
    reply.deliver(why);
  };
  auto ensured = [self, reply](const agent_ensured& x) mutable {
    if (x.found != agent_found::ours)
      begin_anew(self);
    reply.deliver(x);
  };
  self->request(self->state.link, connect_limit, connect_guest{connect_limit_ms})
      .then(
          [self, ensured, failed](const guest_connected&) {
            self->request(self->state.link, ensure_limit, ensure_agent{}).then(ensured, failed);
          },
          failed);
  return reply;
}

caf::result<guest_connected> connect(self_pointer self, const connect_guest& x) {
  auto& state = self->state;
  if (state.is_up && !x.is_ssh_wanted)
    return guest_connected{state.connection};
  auto reply = self->make_response_promise<guest_connected>();
  if (x.is_ssh_wanted) {
    reply.delegate(state.link, x);
    return reply;
  }
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
      [self](const ensure_agent&) { return ensure(self); },
      [self](const describe_actor&) {
        const auto& mine = self->state;
        return account_of(self, mine.is_up       ? "connected"
                                : mine.is_absent ? "the guest does not answer on it"
                                                 : "not connected");
      },
  };
}

} // namespace banger::actors
