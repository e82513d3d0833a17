#include "actors/guest_link.hpp"

#include "actors/ssh_sink.hpp"
#include "host/clock.hpp"
#include "host/log.hpp"
#include "protocol/caf_error.hpp"

#include <algorithm>

namespace banger::actors {

namespace {

using self_pointer = guest_link_actor::stateful_pointer<guest_link_state>;

constexpr std::chrono::milliseconds known_hosts_limit{10'000};
constexpr std::chrono::milliseconds retry_pause{100};
constexpr std::chrono::milliseconds attempt_limit{
    10'000}; // a guest under load; a silent one is tried again

void answer_all(self_pointer self, const failure& why) {
  auto waiters = std::exchange(self->state.waiters, {});
  for (auto& waiter : waiters)
    waiter.reply.deliver(to_error(why));
}

void answer_up(self_pointer self) {
  auto waiters = std::exchange(self->state.waiters, {});
  for (auto& waiter : waiters)
    waiter.reply.deliver(guest_connected{self->state.connection});
}

void answer_expired(self_pointer self) {
  auto& state = self->state;
  auto now = host::unix_ms();
  auto why = state.last;
  if (why.code == ec::none)
    why = {ec::timed_out, "connect to vm '" + state.vm_name + "'", "its sshd does not answer", {}};
  std::erase_if(state.waiters, [&](link_waiter& waiter) {
    if (now < waiter.until_ms)
      return false;
    waiter.reply.deliver(to_error(why));
    return true;
  });
}

void attempt(self_pointer self);

void go_down(self_pointer self, const failure& why) {
  auto& state = self->state;
  state.phase = link_phase::down;
  state.connection = 0;
  state.last = why;
}

/// A try failed. What waiting cannot mend is told at once, never as a time-out.
void attempt_failed(self_pointer self, const failure& why, bool is_final) {
  go_down(self, why);
  if (is_final)
    answer_all(self, why);
  answer_expired(self);
  if (!self->state.waiters.empty())
    self->delayed_send(self, retry_pause, step_due{++self->state.attempt});
}

void dial(self_pointer self, const host_key_algorithms& algorithms) {
  auto& state = self->state;
  state.phase = link_phase::connecting;
  ssh::target whom;
  whom.address = state.address;
  whom.port = state.port;
  whom.key = state.context.key;
  whom.hostkey_algorithms = algorithms.list;
  whom.known_name = state.vm_name;
  whom.connect_timeout = attempt_limit;
  host::log_debug("link to " + state.vm_name + ": dial " + state.address);
  state.connection = state.context.io->open(std::move(whom), make_ssh_sink(self));
}

void attempt(self_pointer self) {
  auto& state = self->state;
  if (state.phase != link_phase::down)
    return;
  state.phase = link_phase::asking_algorithms;
  ++state.attempt;
  self->request(state.context.known_hosts, known_hosts_limit,
                get_host_key_algorithms{state.address, state.port})
      .then([self](const host_key_algorithms& x) { dial(self, x); },
            [self](const caf::error& why) {
              attempt_failed(self, to_failure(why, "read the pinned host keys"), true);
            });
}

void check_key(self_pointer self, const ssh_note& note) {
  auto& state = self->state;
  check_host_key question{state.vm_name, state.address, state.port, note.text, note.bytes};
  self->request(state.context.known_hosts, known_hosts_limit, std::move(question))
      .then([self, connection = note.connection](
                const done&) { self->state.context.io->verdict(connection, true); },
            [self, connection = note.connection](const caf::error& why) {
              auto problem = to_failure(why, "check the host key");
              self->state.context.io->verdict(connection, false, problem);
            });
}

void take_note(self_pointer self, const ssh_note& note) {
  auto& state = self->state;
  if (note.connection != state.connection || note.channel != 0)
    return;
  host::log_debug("link to " + state.vm_name + ": note " +
                  std::to_string(static_cast<int>(note.kind)) +
                  (note.why.code == ec::none ? "" : ", " + to_string(note.why)));
  switch (note.kind) {
    case ssh_note_kind::host_key_offered: check_key(self, note); return;
    case ssh_note_kind::connected:
      state.phase = link_phase::up;
      state.last = {ec::none, {}, {}, {}};
      answer_up(self);
      return;
    case ssh_note_kind::connection_lost: attempt_failed(self, note.why, note.is_final); return;
    case ssh_note_kind::channel_opened:
    case ssh_note_kind::channel_refused:
    case ssh_note_kind::channel_ended_output:
    case ssh_note_kind::channel_exited:
    case ssh_note_kind::channel_closed:
    case ssh_note_kind::channel_writable: return;
  }
}

caf::result<guest_connected> connect(self_pointer self, const connect_guest& x) {
  auto& state = self->state;
  if (state.phase == link_phase::up)
    return guest_connected{state.connection};
  auto reply = self->make_response_promise<guest_connected>();
  state.waiters.push_back({host::unix_ms() + x.timeout_ms, reply});
  attempt(self);
  return reply;
}

} // namespace

guest_link_actor::behavior_type guest_link(self_pointer self, link_context context,
                                           vm_record record) {
  auto& state = self->state;
  state.context = std::move(context);
  state.vm_name = record.name;
  state.address = record.address;
  state.port = record.ssh_port;
  self->set_exit_handler([self](const caf::exit_msg& message) {
    if (self->state.connection != 0)
      self->state.context.io->close(self->state.connection);
    answer_all(
        self, {ec::link_lost, "connect to vm '" + self->state.vm_name + "'", "the VM stopped", {}});
    self->quit(message.reason);
  });
  return {
      [self](const ssh_note& note) { take_note(self, note); },
      [](const ssh_data&) {}, // all data belongs to channels, and those have other owners
      [self](const connect_guest& x) { return connect(self, x); },
      [self](const step_due& x) {
        if (x.step == self->state.attempt)
          attempt(self);
      },
  };
}

} // namespace banger::actors
