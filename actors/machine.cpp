#include "actors/machine.hpp"

#include "actors/account.hpp"
#include "actors/control_port.hpp"
#include "core/qmp.hpp"
#include "host/fault_point.hpp"
#include "host/process.hpp"
#include "protocol/caf_error.hpp"

namespace banger::actors {

namespace {

enum tag : std::int32_t { qmp_tag = 1, control_tag, qemu_tag, net_tag };

constexpr std::chrono::milliseconds quit_limit{3'000}; // QEMU flushes its disks
constexpr std::uint32_t button_share = 3; // the power button is pressed after a third of the grace
constexpr std::chrono::milliseconds helper_grace{300};
constexpr std::uint64_t helper_ended_step = UINT64_MAX; // a timer that no ending uses

// -- the end
// ---------------------------------------------------------------------------------------------

failure ended_early(machine_pointer self) {
  const auto& state = self->state;
  auto words = hypervisor::last_words(state.directory);
  auto why = state.end.reason + (words.empty() ? "" : ": " + words);
  auto code = state.shutdown_reason.empty() ? ec::hypervisor_failed : ec::guest_not_ready;
  return {code, "wait for the guest", why, {}};
}

/// Both processes are gone, or are about to be: tell everybody.
void gone(machine_pointer self, std::string reason) {
  auto& state = self->state;
  if (state.is_gone)
    return;
  state.is_gone = true;
  state.end = {std::move(reason), !state.awaiting_end.empty()};
  hypervisor::kill_qemu(*state.process); // the network helper may still be there
  hypervisor::remove_sockets(state.process->handles);
  state.qmp_watch.stop();
  state.control_watch.stop();
  state.qemu_watch.stop(); // the helper's watch goes on: it is our child too, and must be collected
  state.memory.forget();
  for (auto& reply : std::exchange(state.awaiting_ready, {}))
    reply.deliver(to_error(ended_early(self)));
  for (auto& reply : std::exchange(state.awaiting_end, {}))
    reply.deliver(state.end);
  if (!state.end.was_asked)
    self->send(state.owner, state.end);
}

void qemu_ended(machine_pointer self) {
  auto how = hypervisor::describe_end(*self->state.process);
  auto reason = self->state.shutdown_reason;
  gone(self, reason.empty() ? "the hypervisor " + how : reason);
}

/// Takes the next, harder step to end the guest.
void escalate(machine_pointer self);

void take_step(machine_pointer self, end_step step, std::chrono::milliseconds patience) {
  auto& state = self->state;
  state.step = step;
  self->delayed_send(self, patience, step_due{++state.step_number});
}

void escalate(machine_pointer self) {
  auto& state = self->state;
  if (state.is_gone)
    return;
  std::chrono::milliseconds grace{state.grace_ms};
  switch (state.step) {
    case end_step::none:
      if (grace.count() > 0) {
        say(state.process->control, "poweroff\n");
        take_step(self, end_step::asked_guest, grace / button_share);
        return;
      }
      [[fallthrough]];
    case end_step::asked_guest:
      if (grace.count() > 0) {
        say(state.process->qmp, core::qmp_command("system_powerdown"));
        take_step(self, end_step::pressed_button, grace - grace / button_share);
        return;
      }
      [[fallthrough]];
    case end_step::pressed_button:
      if (state.may_command) {
        say(state.process->qmp, core::qmp_command("quit"));
        take_step(self, end_step::quit, quit_limit);
        return;
      }
      [[fallthrough]];
    case end_step::quit:
    case end_step::killed:
      hypervisor::kill_qemu(*state.process);
      take_step(self, end_step::killed, quit_limit);
      return;
  }
}

caf::result<machine_ended> end(machine_pointer self, const end_machine& x) {
  if (auto fault = host::fault_at("machine.end", host::fault_moment::before))
    return to_error(*fault);
  auto& state = self->state;
  if (state.is_gone || !state.process)
    return state.end;
  auto reply = self->make_response_promise<machine_ended>();
  auto is_first = state.awaiting_end.empty();
  state.awaiting_end.push_back(reply);
  if (is_first || x.grace_ms < state.grace_ms) { // a shorter grace cuts the longer one short
    state.grace_ms = x.grace_ms;
    if (x.grace_ms == 0 && state.step < end_step::pressed_button)
      state.step = end_step::pressed_button;
    escalate(self);
  }
  return reply;
}

// -- what the guest and QEMU say
// -------------------------------------------------------------------------

void guest_ready(machine_pointer self) {
  auto& state = self->state;
  say_time(state.process->control);
  state.is_ready = true;
  for (auto& reply : std::exchange(state.awaiting_ready, {}))
    reply.deliver(done{});
}

void control_readable(machine_pointer self) {
  auto& state = self->state;
  std::string bytes;
  auto is_open = drain(state.process->control, bytes);
  for (const auto& line : state.control_lines.feed(bytes))
    if (line.starts_with("READY"))
      guest_ready(self);
    else
      state.memory.take(line);
  if (is_open)
    state.control_watch.arm();
}

std::string shutdown_text(const std::string& reason, bool by_guest) {
  if (reason == "guest-shutdown")
    return "the guest shut down";
  if (reason == "guest-reset")
    return "the guest rebooted";
  if (reason == "guest-panic")
    return "the guest's kernel panicked";
  if (reason == "host-signal")
    return "the hypervisor was ended by a signal";
  return by_guest ? "the guest ended: " + reason : "";
}

void qmp_line(machine_pointer self, const std::string& line) {
  auto& state = self->state;
  auto message = core::parse_qmp(line);
  if (std::holds_alternative<core::qmp_greeting>(message)) {
    say(state.process->qmp, core::qmp_command("qmp_capabilities"));
  } else if (std::holds_alternative<core::qmp_reply>(message)) {
    state.may_command = true; // the first one answers qmp_capabilities
  } else if (const auto* event = std::get_if<core::qmp_event>(&message)) {
    if (event->name == "SHUTDOWN")
      state.shutdown_reason = shutdown_text(event->reason, event->by_guest);
    else if (event->name == "GUEST_PANICKED")
      state.shutdown_reason = "the guest's kernel panicked";
  }
}

void qmp_readable(machine_pointer self) {
  auto& state = self->state;
  std::string bytes;
  auto is_open = drain(state.process->qmp, bytes);
  for (const auto& line : state.qmp_lines.feed(bytes))
    qmp_line(self, line);
  if (is_open)
    state.qmp_watch.arm();
}

/// A VM without its network can't be reached: end it.
void helper_ended(machine_pointer self) {
  auto& state = self->state;
  if (state.is_gone)
    return;
  if (state.shutdown_reason.empty())
    state.shutdown_reason = "the network helper ended";
  hypervisor::kill_qemu(*state.process);
}

/// Collects the helper; where only that kept us, we end.
void collect_helper(machine_pointer self) {
  auto& state = self->state;
  if (state.is_helper_reaped)
    return;
  (void)host::reap(state.process->net_pidfd);
  state.is_helper_reaped = true;
  state.net_watch.stop();
  if (std::exchange(state.until_reaped, nullptr))
    self->quit();
}

void told_to_end(machine_pointer self, const caf::exit_msg& message) {
  auto& state = self->state;
  if (state.is_gone && state.process && state.process->net_pidfd && !state.is_helper_reaped)
    state.until_reaped = machine_actor{self};
  else
    self->quit(message.reason); // the processes go on, where there are any
}

void readable(machine_pointer self, const fd_ready& x) {
  auto& state = self->state;
  if (x.tag == net_tag && state.process)
    collect_helper(self);
  if (state.is_gone || !state.process)
    return;
  switch (x.tag) {
    case qmp_tag: qmp_readable(self); return;
    case control_tag: control_readable(self); return;
    case qemu_tag:
      qmp_readable(self); // its last words say why it went
      qemu_ended(self);
      return;
    case net_tag:
      // It ends when QEMU does, and may be seen first: give QEMU a moment before the helper is to
      // blame.
      self->delayed_send(self, helper_grace, step_due{helper_ended_step});
      return;
    default: return;
  }
}

// -- the beginning
// -----------------------------------------------------------------------------------------

void watch(machine_pointer self) {
  auto& state = self->state;
  auto& process = *state.process;
  auto watch_fd = [self](const host::unique_fd& fd, std::int32_t number) {
    return transport::fd_watch{self->system(), fd.get(), fd_watcher_actor{machine_actor{self}},
                               number};
  };
  state.directory = process.handles.directory;
  state.qmp_watch = watch_fd(process.qmp, qmp_tag);
  state.control_watch = watch_fd(process.control, control_tag);
  state.qemu_watch = watch_fd(process.qemu_pidfd, qemu_tag);
  if (process.net_pidfd)
    state.net_watch = watch_fd(process.net_pidfd, net_tag);
}

caf::result<machine_launched> launch(machine_pointer self, const launch_machine& x) {
  auto& state = self->state;
  auto programs =
      hypervisor::find_programs(state.net_helper); // anew: it may have been installed meanwhile
  if (!programs)
    return to_error(programs.error());
  auto process = hypervisor::start_qemu(x, *programs);
  if (!process)
    return to_error(process.error());
  state.process = std::move(*process);
  watch(self);
  return machine_launched{state.process->handles.qemu.pid, state.process->accelerator,
                          core::render_handles(state.process->handles),
                          state.process->handles.started_at_ms};
}

caf::result<guest_memory> ask_memory(machine_pointer self) {
  auto& state = self->state;
  if (state.is_gone || !state.process || !state.is_ready)
    return guest_memory{};
  auto reply = self->make_response_promise<guest_memory>();
  state.memory.ask(state.process->control, reply);
  return reply;
}

caf::result<done> await(machine_pointer self) {
  auto& state = self->state;
  if (state.is_gone || !state.process)
    return to_error(ended_early(self));
  if (state.is_ready)
    return done{};
  auto reply = self->make_response_promise<done>();
  state.awaiting_ready.push_back(reply);
  if (state.step == end_step::none && state.step_number == 0)
    self->delayed_send(self, state.deadlines.boot, step_due{0});
  return reply;
}

void due(machine_pointer self, const step_due& x) {
  auto& state = self->state;
  if (x.step == helper_ended_step) {
    helper_ended(self);
    return;
  }
  if (x.step != 0) {
    if (x.step == state.step_number)
      escalate(self);
    return;
  }
  auto seconds = std::to_string(state.deadlines.boot.count() / 1000);
  for (auto& reply : std::exchange(state.awaiting_ready, {}))
    reply.deliver(to_error({ec::guest_not_ready,
                            "wait for the guest",
                            "it did not say READY within " + seconds + " s",
                            {}}));
}

void adopt(machine_pointer self, const core::vm_handles& handles) {
  auto& state = self->state;
  auto process = hypervisor::adopt_qemu(handles);
  if (!process) {
    state.is_gone = true;
    state.end = {"it ended while the daemon was away", false};
    self->send(state.owner, state.end);
    return;
  }
  state.process = std::move(*process);
  state.is_ready = true;
  watch(self);
}

std::string phase_of(const machine_state& state) {
  if (!state.process)
    return state.is_gone ? "gone" : "not launched";
  const auto name = " process " + std::to_string(state.process->handles.qemu.pid);
  if (state.is_gone)
    return "collecting the helper of" + name;
  if (state.step != end_step::none)
    return "ending" + name;
  return (state.is_ready ? "holding" : "booting") + name;
}

} // namespace

machine_actor::behavior_type machine(machine_pointer self, vm_actor owner, std::string net_helper,
                                     core::deadlines deadlines,
                                     std::optional<core::vm_handles> adopted) {
  self->state.owner = std::move(owner);
  self->state.net_helper = std::move(net_helper);
  self->state.deadlines = deadlines;
  self->set_exit_handler([self](const caf::exit_msg& message) { told_to_end(self, message); });
  self->set_exception_handler([](std::exception_ptr& thrown) { return error_of(thrown); });
  if (adopted)
    adopt(self, *adopted);
  return {
      [self](const fd_ready& x) { readable(self, x); },
      [self](const launch_machine& x) { return launch(self, x); },
      [self](const await_ready&) { return await(self); },
      [self](const end_machine& x) { return end(self, x); },
      [self](const get_guest_memory&) { return ask_memory(self); },
      [self](const describe_actor&) { return account_of(self, phase_of(self->state)); },
      [self](const step_due& x) { due(self, x); },
  };
}

} // namespace banger::actors
