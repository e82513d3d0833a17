#include "actors/firecracker_machine.hpp"

#include "actors/account.hpp"
#include "actors/control_port.hpp"
#include "actors/firecracker_caller_blocking.hpp"
#include "actors/machine_resources.hpp"
#include "host/fault_point.hpp"
#include "host/process.hpp"
#include "protocol/caf_error.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/socket.h>

namespace banger::actors {

namespace {

using self_pointer = firecracker_machine_pointer;
namespace firecracker = core::firecracker;

enum tag : std::int32_t { listener_tag = 1, control_tag, process_tag, net_tag };

// Shorter than a shutdown of the daemon may take: it waits for the caller.
constexpr std::chrono::milliseconds api_limit{7'000};
constexpr std::chrono::milliseconds key_limit{2'000};
constexpr std::chrono::milliseconds kill_patience{3'000};
constexpr std::chrono::milliseconds end_grace{200};
constexpr std::uint32_t key_share = 3; // the keys are pressed after a third of the grace
constexpr std::uint64_t boot_failed_step = resources_step - 1; // no ending uses it either
constexpr std::uint64_t boot_step = 0;

const hypervisor::qemu_process& process_of(const firecracker_machine_state& state) {
  return state.machine->process;
}

std::string directory_of(const firecracker_machine_state& state) {
  return process_of(state).handles.directory;
}

// -- the end

failure ended_early(self_pointer self) {
  const auto& state = self->state;
  auto words = state.machine ? hypervisor::firecracker_last_words(directory_of(state)) : "";
  return {state.is_guests_end ? ec::guest_not_ready : ec::hypervisor_failed,
          "wait for the guest",
          state.end.reason + (words.empty() ? "" : ": " + words),
          {}};
}

void gone(self_pointer self, std::string reason) {
  auto& state = self->state;
  if (state.is_gone)
    return;
  state.listener_watch.stop();
  state.resources = {};
  tell_end(self, process_of(state), std::move(reason), ended_early);
}

void process_ended(self_pointer self) {
  auto& state = self->state;
  auto how = hypervisor::describe_end(process_of(state));
  state.is_guests_end = how == "exited with status 0"; // a reset is how Firecracker ends
  gone(self, !state.cause.empty()  ? state.cause
             : state.is_guests_end ? "the guest shut down or rebooted"
                                   : "the hypervisor " + how);
}

/// Whether it came through shows in what the guest does.
void press_keys(self_pointer self) {
  auto& state = self->state;
  if (!state.caller)
    return;
  call_firecracker keys{{firecracker::to_request(firecracker::action::send_ctrl_alt_del)},
                        false,
                        static_cast<std::uint32_t>(key_limit.count())};
  self->request(state.caller, api_limit + key_limit + core::deadlines::margin, std::move(keys))
      .then([](const done&) {}, [](const caf::error&) {});
}

/// Takes the next, harder step to end the guest: its agent, the keyboard, a signal.
void escalate(self_pointer self) {
  auto& state = self->state;
  if (state.is_gone)
    return;
  const std::chrono::milliseconds grace{state.grace_ms};
  if (state.step == end_step::none && grace.count() > 0 && state.control) {
    say(state.control, "reboot\n"); // a reset is the only end Firecracker knows
    take_step(self, end_step::asked_guest, grace / key_share);
  } else if (state.step <= end_step::asked_guest && grace.count() > 0) {
    press_keys(self);
    take_step(self, end_step::pressed_button, grace - grace / key_share);
  } else {
    hypervisor::kill_qemu(process_of(state));
    take_step(self, end_step::killed, kill_patience);
  }
}

// -- what the guest says

void control_readable(self_pointer self) {
  auto& state = self->state;
  if (!take_control_lines(state, state.control))
    state.control.reset();
}

/// The guest's agent, or the next one after it was started anew.
void take_agent(self_pointer self) {
  auto& state = self->state;
  host::unique_fd agent{::accept4(state.machine->control_listener.get(), nullptr, nullptr,
                                  SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (agent) {
    state.control = std::move(agent);
    state.control_lines = core::line_buffer{};
    state.control_watch = watch_fd(self, state.control, control_tag);
  }
  state.listener_watch.arm();
}

void leave(self_pointer self, const caf::error& reason) {
  if (self->state.caller) // a link passes on only what is no orderly end
    self->send_exit(self->state.caller, caf::exit_reason::user_shutdown);
  self->quit(reason);
}

void readable(self_pointer self, const fd_ready& x) {
  auto& state = self->state;
  if (x.tag == resources_tag) {
    take_resources(state);
    return;
  }
  if (x.tag == net_tag && state.machine)
    collect_helper(self, process_of(state), leave);
  if (state.is_gone || !state.machine)
    return;
  switch (x.tag) {
    case listener_tag: take_agent(self); return;
    case control_tag: control_readable(self); return;
    case process_tag: process_ended(self); return;
    case net_tag: // it ends with Firecracker, and may be seen first
      self->delayed_send(self, helper_grace, step_due{helper_ended_step});
      return;
    default: return;
  }
}

// -- the beginning

void watch(self_pointer self) {
  auto& state = self->state;
  const auto& process = process_of(state);
  state.process_watch = watch_fd(self, process.qemu_pidfd, process_tag);
  if (process.net_pidfd)
    state.net_watch = watch_fd(self, process.net_pidfd, net_tag);
  if (state.machine->control_listener)
    state.listener_watch = watch_fd(self, state.machine->control_listener, listener_tag);
  host::unique_fd again{::fcntl(process.qemu_pidfd.get(), F_DUPFD_CLOEXEC, 0)};
  state.caller = self->spawn<caf::detached + caf::linked>(
      firecracker_caller, process.handles.qmp_socket, std::move(again));
}

result<machine_launched> start(self_pointer self, const launch_machine& x,
                               const hypervisor::firecracker_programs& programs,
                               hypervisor::host_resources resources) {
  auto& state = self->state;
  auto started = hypervisor::start_firecracker(x, programs, resources);
  if (!started)
    return tl::make_unexpected(started.error());
  state.machine = std::move(*started);
  state.configuration = firecracker::configuration(hypervisor::firecracker_plan(x, resources));
  state.resources = std::move(resources);
  state.configuration.push_back(firecracker::to_request(firecracker::action::instance_start));
  watch(self);
  const auto& handles = process_of(state).handles;
  return machine_launched{handles.qemu.pid, handles.accelerator, core::render_handles(handles),
                          handles.started_at_ms};
}

caf::result<machine_launched> launch(self_pointer self, const launch_machine& x) {
  auto programs = self->state.find();
  if (!programs)
    return to_error(programs.error());
  return launch_with(self, x, hypervisor::resource_kind::lent,
                     [self, x, where = std::move(*programs)](hypervisor::host_resources resources) {
                       return start(self, x, where, std::move(resources));
                     });
}

/// The guest's first instruction runs with the last of these: its process is on record by now.
void boot(self_pointer self) {
  auto& state = self->state;
  self->delayed_send(self, state.deadlines.boot, step_due{boot_step});
  call_firecracker all{std::exchange(state.configuration, {}), true,
                       static_cast<std::uint32_t>(api_limit.count())};
  self->request(state.caller, api_limit + core::deadlines::margin, std::move(all))
      .then([self](const done&) { self->state.resources = {}; }, // it has all of it open
            [self](const caf::error& why) {
              // One that has ended says so itself, and why; its sockets close a moment before that.
              self->state.boot_failure = to_failure(why, "boot it in Firecracker");
              self->delayed_send(self, end_grace, step_due{boot_failed_step});
            });
}

caf::result<done> await(self_pointer self) {
  auto& state = self->state;
  if (state.is_gone || !state.machine)
    return to_error(ended_early(self));
  if (state.is_ready)
    return done{};
  auto reply = self->make_response_promise<done>();
  state.awaiting_ready.push_back(reply);
  if (!state.configuration.empty())
    boot(self);
  return reply;
}

void due(self_pointer self, const step_due& x) {
  auto& state = self->state;
  if (x.step == resources_step) {
    give_up_resources(state);
  } else if (x.step == helper_ended_step) {
    helper_ended(state, process_of(state));
  } else if (x.step == boot_failed_step) {
    fail_ready(state, state.boot_failure);
  } else if (x.step == boot_step) {
    fail_ready(state, not_ready_in_time(state));
  } else if (x.step == state.step_number) {
    escalate(self);
  }
}

void adopt(self_pointer self, const core::vm_handles& handles) {
  auto& state = self->state;
  auto process = hypervisor::hold_qemu(handles);
  if (!process) {
    tell_missed_end(self);
    return;
  }
  state.machine = hypervisor::firecracker_process{std::move(*process), {}};
  state.is_ready = true;
  watch(self);
}

const hypervisor::qemu_process* process_or_none(const firecracker_machine_state& state) {
  return state.machine ? &state.machine->process : nullptr;
}

} // namespace

machine_actor::behavior_type
firecracker_machine(firecracker_machine_pointer self, vm_actor owner,
                    std::function<result<hypervisor::firecracker_programs>()> find,
                    core::deadlines deadlines, std::optional<core::vm_handles> adopted) {
  self->state.owner = std::move(owner);
  self->state.find = std::move(find);
  self->state.deadlines = deadlines;
  self->set_exit_handler([self](const caf::exit_msg& message) {
    end_or_wait(self, process_or_none(self->state), message.reason, leave);
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
        return end_life(self, x, self->state.machine.has_value(), escalate);
      },
      [self](const get_guest_memory&) { return ask_memory(self, &self->state.control); },
      [self](const describe_actor&) {
        return account_of(self, phase_of(self->state, process_or_none(self->state)));
      },
      [self](const step_due& x) { due(self, x); },
  };
}

} // namespace banger::actors
