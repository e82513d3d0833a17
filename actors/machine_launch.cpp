#include "actors/machine_launch.hpp"

#include "core/handles.hpp"
#include "host/fault_point.hpp"
#include "protocol/caf_error.hpp"

#include <utility>

namespace banger::actors {

namespace {

constexpr std::chrono::milliseconds resources_limit{10'000}; // less than deadlines::launch

result<machine_launched> start(machine_pointer self, const launch_machine& x,
                               const hypervisor::programs& programs,
                               hypervisor::host_resources resources) {
  auto& state = self->state;
  auto process = hypervisor::start_qemu(x, programs, std::move(resources));
  if (!process)
    return tl::make_unexpected(process.error());
  state.process = std::move(*process);
  watch(self);
  return machine_launched{state.process->handles.qemu.pid, state.process->accelerator,
                          core::render_handles(state.process->handles),
                          state.process->handles.started_at_ms};
}

/// Ends the wait; what has come of it goes with it.
pending_launch take_pending(machine_pointer self) {
  auto pending = std::move(*self->state.pending);
  self->state.pending.reset();
  pending.watch.stop();
  return pending;
}

void fail_pending(machine_pointer self, const failure& why) {
  auto pending = take_pending(self);
  pending.reply.deliver(to_error(why));
}

} // namespace

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

caf::result<machine_launched> launch(machine_pointer self, const launch_machine& x) {
  auto& state = self->state;
  auto programs =
      hypervisor::find_programs(state.net_helper); // anew: it may have been installed meanwhile
  if (!programs)
    return to_error(programs.error());
  if (!hypervisor::needs_helper(x.needs)) {
    auto launched = start(self, x, *programs, {});
    if (!launched)
      return to_error(launched.error());
    return std::move(*launched);
  }
  auto resources = hypervisor::resource_request::begin(x.needs, x.vm_id, x.directory, x.address);
  if (!resources)
    return to_error(resources.error());
  auto fd = resources->fd();
  auto reply = self->make_response_promise<machine_launched>();
  state.pending.emplace(pending_launch{
      x, std::move(*programs), std::move(*resources),
      transport::fd_watch{self->system(), fd, fd_watcher_actor{machine_actor{self}}, resources_tag},
      reply});
  self->delayed_send(self, resources_limit, step_due{resources_step});
  return reply;
}

void take_resources(machine_pointer self) {
  auto& state = self->state;
  if (!state.pending)
    return;
  auto is_all = state.pending->resources.take();
  if (!is_all) {
    fail_pending(self, is_all.error());
    return;
  }
  if (!*is_all) {
    state.pending->watch.arm();
    return;
  }
  if (auto fault = host::fault_at("machine.resources", host::fault_moment::after)) {
    fail_pending(self, *fault);
    return;
  }
  auto pending = take_pending(self);
  auto launched = start(self, pending.request, pending.programs, pending.resources.finish());
  if (launched)
    pending.reply.deliver(std::move(*launched));
  else
    pending.reply.deliver(to_error(launched.error()));
}

void cancel_launch(machine_pointer self) {
  if (self->state.pending)
    fail_pending(self, {ec::cancelled, "start the hypervisor", "it was told to end", {}});
}

void give_up_resources(machine_pointer self) {
  if (self->state.pending)
    fail_pending(self, {ec::timed_out, "wait for banger-helper", "it did not answer within 10 s",
                        "restart it: systemctl restart 'banger-helper@*'"});
}

} // namespace banger::actors
