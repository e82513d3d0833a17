#include "actors/firecracker_machine.hpp"

#include "actors/account.hpp"
#include "actors/control_port.hpp"
#include "actors/firecracker_caller_blocking.hpp"
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
constexpr std::chrono::milliseconds helper_grace{300}, end_grace{200};
constexpr std::uint32_t key_share = 3; // the keys are pressed after a third of the grace
constexpr std::uint64_t helper_ended_step = UINT64_MAX; // timers that no ending uses
constexpr std::uint64_t boot_failed_step = UINT64_MAX - 1;
constexpr std::uint64_t boot_step = 0;

const hypervisor::qemu_process& process_of(const firecracker_machine_state& state) {
  return state.machine->process;
}

std::string directory_of(const firecracker_machine_state& state) {
  return process_of(state).handles.directory;
}

// -- the end

void fail_ready(self_pointer self, const failure& why) {
  for (auto& reply : std::exchange(self->state.awaiting_ready, {}))
    reply.deliver(to_error(why));
}

failure ended_early(self_pointer self) {
  const auto& state = self->state;
  auto words = state.machine ? hypervisor::firecracker_last_words(directory_of(state)) : "";
  return {state.is_guests_end ? ec::guest_not_ready : ec::hypervisor_failed,
          "wait for the guest",
          state.end.reason + (words.empty() ? "" : ": " + words),
          {}};
}

/// Both processes are gone, or are about to be: tell everybody.
void gone(self_pointer self, std::string reason) {
  auto& state = self->state;
  if (state.is_gone)
    return;
  state.is_gone = true;
  state.end = {std::move(reason), !state.awaiting_end.empty()};
  hypervisor::kill_qemu(process_of(state)); // the helper may still be there
  hypervisor::remove_sockets(process_of(state).handles);
  state.listener_watch.stop();
  state.control_watch.stop();
  state.process_watch.stop(); // the helper's goes on: it is our child too, and must be collected
  state.memory.forget();
  fail_ready(self, ended_early(self));
  for (auto& reply : std::exchange(state.awaiting_end, {}))
    reply.deliver(state.end);
  if (!state.end.was_asked)
    self->send(state.owner, state.end);
}

void process_ended(self_pointer self) {
  auto& state = self->state;
  auto how = hypervisor::describe_end(process_of(state));
  state.is_guests_end = how == "exited with status 0"; // a reset is how Firecracker ends
  gone(self, !state.cause.empty()  ? state.cause
             : state.is_guests_end ? "the guest shut down or rebooted"
                                   : "the hypervisor " + how);
}

void escalate(self_pointer self);

void take_step(self_pointer self, end_step step, std::chrono::milliseconds patience) {
  self->state.step = step;
  self->delayed_send(self, patience, step_due{++self->state.step_number});
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

caf::result<machine_ended> end(self_pointer self, const end_machine& x) {
  if (auto fault = host::fault_at("machine.end", host::fault_moment::before))
    return to_error(*fault);
  auto& state = self->state;
  if (state.is_gone || !state.machine)
    return state.end;
  auto reply = self->make_response_promise<machine_ended>();
  const auto is_first = state.awaiting_end.empty();
  state.awaiting_end.push_back(reply);
  if (is_first || x.grace_ms < state.grace_ms) { // a shorter grace cuts the longer one short
    state.grace_ms = x.grace_ms;
    if (x.grace_ms == 0 && state.step < end_step::pressed_button)
      state.step = end_step::pressed_button;
    escalate(self);
  }
  return reply;
}

// -- what the guest says

void guest_ready(self_pointer self) {
  auto& state = self->state;
  say_time(state.control);
  state.is_ready = true;
  for (auto& reply : std::exchange(state.awaiting_ready, {}))
    reply.deliver(done{});
}

void control_readable(self_pointer self) {
  auto& state = self->state;
  std::string bytes;
  const auto is_open = drain(state.control, bytes);
  for (const auto& line : state.control_lines.feed(bytes))
    if (line.starts_with("READY"))
      guest_ready(self);
    else
      state.memory.take(line);
  if (is_open)
    state.control_watch.arm();
  else
    state.control.reset();
}

caf::result<guest_memory> ask_memory(self_pointer self) {
  auto& state = self->state;
  if (state.is_gone || !state.is_ready || !state.control)
    return guest_memory{};
  auto reply = self->make_response_promise<guest_memory>();
  state.memory.ask(state.control, reply);
  return reply;
}

transport::fd_watch watch_fd(self_pointer self, const host::unique_fd& fd, tag number) {
  return {self->system(), fd.get(), fd_watcher_actor{machine_actor{self}}, number};
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

/// A VM that nobody can reach is of no use.
void helper_ended(self_pointer self) {
  auto& state = self->state;
  if (state.is_gone)
    return;
  state.cause = "the network helper ended";
  hypervisor::kill_qemu(process_of(state));
}

void leave(self_pointer self, const caf::error& reason) {
  if (self->state.caller) // a link passes on only what is no orderly end
    self->send_exit(self->state.caller, caf::exit_reason::user_shutdown);
  self->quit(reason);
}

void collect_helper(self_pointer self) {
  auto& state = self->state;
  if (state.is_helper_reaped)
    return;
  (void)host::reap(process_of(state).net_pidfd);
  state.is_helper_reaped = true;
  state.net_watch.stop();
  if (std::exchange(state.until_reaped, nullptr))
    leave(self, {});
}

void told_to_end(self_pointer self, const caf::exit_msg& message) {
  auto& state = self->state;
  if (state.is_gone && state.machine && process_of(state).net_pidfd && !state.is_helper_reaped) {
    state.until_reaped = machine_actor{self};
    return;
  }
  leave(self, message.reason); // the processes go on, where there are any
}

void readable(self_pointer self, const fd_ready& x) {
  auto& state = self->state;
  if (x.tag == net_tag && state.machine)
    collect_helper(self);
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

caf::result<machine_launched> launch(self_pointer self, const launch_machine& x) {
  auto& state = self->state;
  auto programs = state.find();
  if (!programs)
    return to_error(programs.error());
  auto started = hypervisor::start_firecracker(x, *programs);
  if (!started)
    return to_error(started.error());
  state.machine = std::move(*started);
  state.configuration = firecracker::configuration(hypervisor::firecracker_plan(x));
  state.configuration.push_back(firecracker::to_request(firecracker::action::instance_start));
  watch(self);
  const auto& handles = process_of(state).handles;
  return machine_launched{handles.qemu.pid, handles.accelerator, core::render_handles(handles),
                          handles.started_at_ms};
}

/// The guest's first instruction runs with the last of these: its process is on record by now.
void boot(self_pointer self) {
  auto& state = self->state;
  self->delayed_send(self, state.deadlines.boot, step_due{boot_step});
  call_firecracker all{std::exchange(state.configuration, {}), true,
                       static_cast<std::uint32_t>(api_limit.count())};
  self->request(state.caller, api_limit + core::deadlines::margin, std::move(all))
      .then([](const done&) {},
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
  if (x.step == helper_ended_step) {
    helper_ended(self);
  } else if (x.step == boot_failed_step) {
    fail_ready(self, state.boot_failure);
  } else if (x.step != boot_step) {
    if (x.step == state.step_number)
      escalate(self);
  } else {
    const auto seconds = std::to_string(state.deadlines.boot.count() / 1000);
    fail_ready(self, {ec::guest_not_ready,
                      "wait for the guest",
                      "it did not say READY within " + seconds + " s",
                      {}});
  }
}

void adopt(self_pointer self, const core::vm_handles& handles) {
  auto& state = self->state;
  auto process = hypervisor::hold_qemu(handles);
  if (!process) {
    state.is_gone = true;
    state.end = {"it ended while the daemon was away", false};
    self->send(state.owner, state.end);
    return;
  }
  state.machine = hypervisor::firecracker_process{std::move(*process), {}};
  state.is_ready = true;
  watch(self);
}

std::string phase_of(const firecracker_machine_state& state) {
  if (!state.machine)
    return state.is_gone ? "gone" : "not launched";
  const auto name = " process " + std::to_string(process_of(state).handles.qemu.pid);
  if (state.is_gone)
    return "collecting the helper of" + name;
  if (state.step != end_step::none)
    return "ending" + name;
  return (state.is_ready ? "holding" : "booting") + name;
}

} // namespace

machine_actor::behavior_type
firecracker_machine(firecracker_machine_pointer self, vm_actor owner,
                    std::function<result<hypervisor::firecracker_programs>()> find,
                    core::deadlines deadlines, std::optional<core::vm_handles> adopted) {
  self->state.owner = std::move(owner);
  self->state.find = std::move(find);
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
