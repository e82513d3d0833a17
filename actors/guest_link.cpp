#include "actors/guest_link.hpp"

#include "actors/account.hpp"
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
constexpr std::chrono::milliseconds ensure_limit{90'000}; ///< ask, copy, ask again
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

ssh::connection_id dial(self_pointer self, const host_key_algorithms& algorithms) {
  auto& state = self->state;
  ssh::target whom;
  whom.address = state.address;
  whom.port = state.port;
  whom.key = state.context.key;
  whom.hostkey_algorithms = algorithms.list;
  whom.known_name = state.vm_name;
  whom.connect_timeout = attempt_limit;
  host::log_debug("link to " + state.vm_name + ": dial " + state.address);
  return state.context.io->open(std::move(whom), make_ssh_sink(self));
}

void attempt(self_pointer self) {
  auto& state = self->state;
  if (state.phase != link_phase::down)
    return;
  state.phase = link_phase::asking_algorithms;
  ++state.attempt;
  self->request(state.context.known_hosts, known_hosts_limit,
                get_host_key_algorithms{state.address, state.port})
      .then(
          [self](const host_key_algorithms& x) {
            self->state.phase = link_phase::connecting;
            self->state.connection = dial(self, x);
          },
          [self](const caf::error& why) {
            attempt_failed(self, to_failure(why, "read the pinned host keys"), true);
          });
}

void answer_probe(self_pointer self, const failure& why) {
  self->state.probe = 0;
  for (auto& prober : std::exchange(self->state.probers, {})) {
    if (why.code == ec::none)
      prober.deliver(done{});
    else
      prober.deliver(to_error(why));
  }
}

void key_trusted(self_pointer self, ssh::connection_id connection) {
  auto& state = self->state;
  if (connection != state.probe) {
    state.context.io->verdict(connection, true);
    return;
  }
  state.context.io->close(connection);
  answer_probe(self, {ec::none, {}, {}, {}});
}

void key_refused(self_pointer self, const ssh_note& offered, const failure& why) {
  auto& state = self->state;
  state.context.io->verdict(offered.connection, false, why);
  if (why.code == ec::host_key_mismatch || why.code == ec::host_key_revoked)
    self->send(state.context.owner, host_key_refused{why, offered.text, offered.bytes});
}

void check_key(self_pointer self, const ssh_note& note) {
  auto& state = self->state;
  check_host_key question{state.vm_name, state.address, state.port,
                          note.text,     note.bytes,    state.seeded_key};
  self->request(state.context.known_hosts, known_hosts_limit, std::move(question))
      .then([self, connection = note.connection](const done&) { key_trusted(self, connection); },
            [self, note](const caf::error& why) {
              key_refused(self, note, to_failure(why, "check the host key"));
            });
}

void take_probe_note(self_pointer self, const ssh_note& note) {
  if (note.kind == ssh_note_kind::host_key_offered)
    check_key(self, note);
  else if (note.kind == ssh_note_kind::connection_lost)
    answer_probe(self, note.why);
}

void take_note(self_pointer self, const ssh_note& note) {
  auto& state = self->state;
  if (note.channel != 0 || note.connection == 0)
    return;
  host::log_debug("link to " + state.vm_name + ": note " +
                  std::to_string(static_cast<int>(note.kind)) +
                  (note.why.code == ec::none ? "" : ", " + to_string(note.why)));
  if (note.connection == state.probe)
    take_probe_note(self, note);
  if (note.connection != state.connection)
    return;
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

/// Of several that ask at the same time, all get the answer of one connection.
caf::result<done> verify(self_pointer self) {
  auto& state = self->state;
  auto reply = self->make_response_promise<done>();
  state.probers.push_back(reply);
  if (state.probers.size() > 1)
    return reply;
  self->request(state.context.known_hosts, known_hosts_limit,
                get_host_key_algorithms{state.address, state.port})
      .then([self](const host_key_algorithms& x) { self->state.probe = dial(self, x); },
            [self](const caf::error& why) {
              answer_probe(self, to_failure(why, "read the pinned host keys"));
            });
  return reply;
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

/// Of several that ask at the same time, all get the answer of one try.
caf::result<agent_ensured> ensure(self_pointer self) {
  auto& state = self->state;
  if (state.phase != link_phase::up)
    return to_error({ec::link_lost,
                     "see to the agent of vm '" + state.vm_name + "'",
                     "there is no connection to it",
                     {}});
  auto reply = self->make_response_promise<agent_ensured>();
  state.ensurers.push_back(reply);
  if (state.ensurers.size() > 1)
    return reply;
  auto install = state.context.make_install(state.connection, state.vm_name);
  self->request(install, ensure_limit, ensure_agent{})
      .then(
          [self](const agent_ensured& x) {
            for (auto& asker : std::exchange(self->state.ensurers, {}))
              asker.deliver(x);
          },
          [self](const caf::error& why) {
            for (auto& asker : std::exchange(self->state.ensurers, {}))
              asker.deliver(translated(why, "give vm '" + self->state.vm_name + "' an agent"));
          });
  return reply;
}

/// Ends our connections, and answers whoever waits for one.
void hang_up(self_pointer self, const std::string& why) {
  const auto& state = self->state;
  if (state.connection != 0)
    state.context.io->close(state.connection);
  if (state.probe != 0)
    state.context.io->close(state.probe);
  const failure lost{ec::link_lost, "connect to vm '" + state.vm_name + "'", why, {}};
  answer_all(self, lost);
  answer_probe(self, lost);
  for (auto& asker : std::exchange(self->state.ensurers, {}))
    asker.deliver(to_error(lost));
}

actor_account describe(self_pointer self) {
  const auto& state = self->state;
  std::string phase = "not connected";
  switch (state.phase) {
    case link_phase::down: break;
    case link_phase::asking_algorithms:
    case link_phase::connecting: phase = "connecting to " + state.address; break;
    case link_phase::up: phase = "connected to " + state.address; break;
  }
  auto account = account_of(self, std::move(phase));
  if (state.last.code != ec::none)
    account.last_error = to_string(state.last);
  return account;
}

} // namespace

guest_link_actor::behavior_type guest_link(self_pointer self, link_context context,
                                           vm_record record) {
  auto& state = self->state;
  state.context = std::move(context);
  state.vm_name = record.name;
  state.address = record.address;
  state.port = record.ssh_port;
  state.seeded_key = record.host_key_public;
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    auto why = error_of(thrown);
    hang_up(self, to_string(to_failure(why)));
    return why;
  });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    hang_up(self, "the VM stopped");
    self->quit(message.reason);
  });
  return {
      [self](const ssh_note& note) { take_note(self, note); },
      [](const ssh_data&) {}, // all data belongs to channels, and those have other owners
      [self](const connect_guest& x) { return connect(self, x); },
      [self](const verify_guest&) { return verify(self); },
      [self](const ensure_agent&) { return ensure(self); },
      [self](const describe_actor&) { return describe(self); },
      [self](const step_due& x) {
        if (x.step == self->state.attempt)
          attempt(self);
      },
  };
}

} // namespace banger::actors
