#include "actors/vm_sessions.hpp"
#include "actors/vm_steps.hpp"

#include <exception>
#include <stdexcept>

namespace banger::actors {

namespace {

template <class Promise>
void deliver(Promise& reply, const caf::error& why) {
  if (reply.pending())
    reply.deliver(why);
}

} // namespace

void leave_machine(vm_pointer self, const caf::error& why) {
  if (self->state.machine)
    self->send_exit(self->state.machine, why);
  if (self->state.link)
    self->send_exit(self->state.link, why);
}

void tell_all(vm_pointer self, const caf::error& why) {
  auto& state = self->state;
  // A promise that is dropped says nothing: who waits would wait until the deadline.
  if (state.operation)
    deliver(state.operation->reply, why);
  for (auto& waiting : state.queue)
    deliver(waiting.reply, why);
  for (auto& waiter : state.waiters)
    deliver(waiter.reply, why);
}

caf::error crash(vm_pointer self, const std::exception_ptr& thrown) {
  auto& state = self->state;
  auto why = error_of(thrown);
  auto told = banger::to_error({ec::failed, "work on vm '" + state.record.name + "'",
                                "its part of the daemon failed: " + to_failure(why).what,
                                "banger vm show " + state.record.name});
  tell_all(self, told);
  self->send(state.context->leases, release_start_slot{state.record.id});
  leave_machine(self, caf::sec::runtime_error);
  end_sessions(self, caf::sec::runtime_error);
  return why;
}

void hold(vm_pointer self, machine_actor machine) {
  self->monitor(machine);
  self->state.machine = std::move(machine);
}

void hold(vm_pointer self, guest_link_actor link) {
  self->monitor(link);
  self->state.link = std::move(link);
}

void part_down(vm_pointer self, const caf::down_msg& down) {
  const auto& state = self->state;
  if (session_down(self, down))
    return;
  const auto is_machine = state.machine == down.source;
  const auto is_port = state.port == down.source;
  if (is_orderly(down.reason) || (!is_machine && !is_port && state.link != down.source))
    return;
  auto why = std::string{is_machine ? "its machine"
                         : is_port  ? "its port"
                                    : "its guest link"} +
             " failed: " + to_string(to_failure(down.reason));
  self->quit(crash(self, std::make_exception_ptr(std::runtime_error{why})));
}

} // namespace banger::actors
