#include "actors/vm_steps.hpp"

#include <exception>

namespace banger::actors {

namespace {

caf::error to_error(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& why) {
    return banger::to_error({ec::failed, why.what(), {}, {}});
  } catch (...) {
    return banger::to_error({ec::failed, "an unknown exception", {}, {}});
  }
}

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

caf::error crash(vm_pointer self, const std::exception_ptr& thrown) {
  auto& state = self->state;
  auto why = to_error(thrown);
  auto told = banger::to_error({ec::failed, "work on vm '" + state.record.name + "'",
                                "its part of the daemon failed: " + to_failure(why).what,
                                "banger vm show " + state.record.name});
  // A promise that is dropped says nothing: who waits would wait until the deadline.
  if (state.operation)
    deliver(state.operation->reply, told);
  for (auto& waiting : state.queue)
    deliver(waiting.reply, told);
  for (auto& waiter : state.waiters)
    deliver(waiter.reply, told);
  self->send(state.context->leases, release_start_slot{state.record.id});
  leave_machine(self, caf::sec::runtime_error);
  return why;
}

} // namespace banger::actors
