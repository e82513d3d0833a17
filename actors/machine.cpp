#include "actors/machine.hpp"

#include "actors/account.hpp"
#include "actors/control_port.hpp"
#include "actors/machine_resources.hpp"
#include "core/qmp.hpp"
#include "host/fault_point.hpp"
#include "host/process.hpp"
#include "protocol/caf_error.hpp"

namespace banger::actors {

namespace {

constexpr std::chrono::milliseconds quit_limit{3'000}; // QEMU flushes its disks
constexpr std::uint32_t button_share = 3; // the power button is pressed after a third of the grace

// -- the end
// ---------------------------------------------------------------------------------------------

failure ended_early(machine_pointer self) {
  const auto& state = self->state;
  auto words = hypervisor::last_words(state.directory);
  auto why = state.end.reason + (words.empty() ? "" : ": " + words);
  auto code = state.cause.empty() ? ec::hypervisor_failed : ec::guest_not_ready;
  return {code, "wait for the guest", why, {}};
}

void gone(machine_pointer self, std::string reason) {
  auto& state = self->state;
  if (state.is_gone)
    return;
  state.qmp_watch.stop();
  tell_end(self, *state.process, std::move(reason), ended_early);
}

void qemu_ended(machine_pointer self) {
  auto how = hypervisor::describe_end(*self->state.process);
  auto reason = self->state.cause;
  gone(self, reason.empty() ? "the hypervisor " + how : reason);
}

/// Takes the next, harder step to end the guest.
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

// -- what the guest and QEMU say
// -------------------------------------------------------------------------

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
      state.cause = shutdown_text(event->reason, event->by_guest);
    else if (event->name == "GUEST_PANICKED")
      state.cause = "the guest's kernel panicked";
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

void leave(machine_pointer self, const caf::error& reason) {
  self->quit(reason);
}

void readable(machine_pointer self, const fd_ready& x) {
  auto& state = self->state;
  if (x.tag == resources_tag) {
    take_resources(self->state);
    return;
  }
  if (x.tag == net_tag && state.process)
    collect_helper(self, *state.process, leave);
  if (state.is_gone || !state.process)
    return;
  switch (x.tag) {
    case qmp_tag: qmp_readable(self); return;
    case control_tag: (void)take_control_lines(state, state.process->control); return;
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

/// Watches the descriptors of the process.
void watch(machine_pointer self) {
  auto& state = self->state;
  auto& process = *state.process;
  state.directory = process.handles.directory;
  state.qmp_watch = watch_fd(self, process.qmp, qmp_tag);
  state.control_watch = watch_fd(self, process.control, control_tag);
  state.process_watch = watch_fd(self, process.qemu_pidfd, qemu_tag);
  if (process.net_pidfd)
    state.net_watch = watch_fd(self, process.net_pidfd, net_tag);
}

result<machine_launched> start(machine_pointer self, const launch_machine& x,
                               const hypervisor::programs& programs,
                               hypervisor::host_resources resources) {
  auto& state = self->state;
  auto process = hypervisor::start_qemu(x, programs, std::move(resources));
  if (!process)
    return tl::make_unexpected(process.error());
  state.process = std::move(*process);
  watch(self);
  const auto& handles = state.process->handles;
  return machine_launched{handles.qemu.pid, state.process->accelerator,
                          core::render_handles(handles), handles.started_at_ms};
}

caf::result<machine_launched> launch(machine_pointer self, const launch_machine& x) {
  // Anew: they may have been installed meanwhile.
  auto programs = hypervisor::find_programs(self->state.net_helper);
  if (!programs)
    return to_error(programs.error());
  return launch_with(self, x, hypervisor::resource_kind::passed,
                     [self, x, where = std::move(*programs)](hypervisor::host_resources resources) {
                       return start(self, x, where, std::move(resources));
                     });
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
  if (x.step == resources_step)
    give_up_resources(state);
  else if (x.step == helper_ended_step)
    helper_ended(state, *state.process);
  else if (x.step == 0)
    fail_ready(state, not_ready_in_time(state));
  else if (x.step == state.step_number)
    escalate(self);
}

void adopt(machine_pointer self, const core::vm_handles& handles) {
  auto& state = self->state;
  auto process = hypervisor::adopt_qemu(handles);
  if (!process) {
    tell_missed_end(self);
    return;
  }
  state.process = std::move(*process);
  state.is_ready = true;
  watch(self);
}

const hypervisor::qemu_process* process_of(const machine_state& state) {
  return state.process ? &*state.process : nullptr;
}

} // namespace

machine_actor::behavior_type machine(machine_pointer self, vm_actor owner, std::string net_helper,
                                     core::deadlines deadlines,
                                     std::optional<core::vm_handles> adopted) {
  self->state.owner = std::move(owner);
  self->state.net_helper = std::move(net_helper);
  self->state.deadlines = deadlines;
  self->set_exit_handler([self](const caf::exit_msg& message) {
    end_or_wait(self, process_of(self->state), message.reason, leave);
  });
  self->set_exception_handler([](std::exception_ptr& thrown) { return error_of(thrown); });
  if (adopted)
    adopt(self, *adopted);
  return {
      [self](const fd_ready& x) { readable(self, x); },
      [self](const launch_machine& x) { return launch(self, x); },
      [self](const await_ready&) { return await(self); },
      [self](const end_machine& x) {
        cancel_launch(self->state);
        return end_life(self, x, self->state.process.has_value(), escalate);
      },
      [self](const get_guest_memory&) {
        const auto* process = process_of(self->state);
        return ask_memory(self, process != nullptr ? &process->control : nullptr);
      },
      [self](const describe_actor&) {
        return account_of(self, phase_of(self->state, process_of(self->state)));
      },
      [self](const step_due& x) { due(self, x); },
  };
}

} // namespace banger::actors
