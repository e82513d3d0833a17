#include "actors/machine_resources.hpp"

#include "host/fault_point.hpp"
#include "protocol/caf_error.hpp"

namespace banger::actors {

namespace {

/// Ends the wait; what has come of it goes with it.
pending_launch take_pending(machine_life& life) {
  auto pending = std::move(*life.pending);
  life.pending.reset();
  pending.watch.stop();
  return pending;
}

void fail_pending(machine_life& life, const failure& why) {
  auto pending = take_pending(life);
  pending.reply.deliver(to_error(why));
}

} // namespace

void take_resources(machine_life& life) {
  if (!life.pending)
    return;
  auto is_all = life.pending->resources.take();
  if (!is_all) {
    fail_pending(life, is_all.error());
    return;
  }
  if (!*is_all) {
    life.pending->watch.arm();
    return;
  }
  if (auto fault = host::fault_at("machine.resources", host::fault_moment::after)) {
    fail_pending(life, *fault);
    return;
  }
  auto pending = take_pending(life);
  auto launched = pending.start(std::move(pending.resources).finish());
  if (launched)
    pending.reply.deliver(std::move(*launched));
  else
    pending.reply.deliver(to_error(launched.error()));
}

void cancel_launch(machine_life& life) {
  if (life.pending)
    fail_pending(life, {ec::cancelled, "start the hypervisor", "it was told to end", {}});
}

void give_up_resources(machine_life& life) {
  if (life.pending)
    fail_pending(life, {ec::timed_out, "wait for banger-helper", "it did not answer within 10 s",
                        "restart it: systemctl restart 'banger-helper@*'"});
}

} // namespace banger::actors
