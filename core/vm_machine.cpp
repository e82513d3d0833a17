#include "core/vm_machine.hpp"

namespace banger::core {

namespace {

verdict judge_start(vm_state now) {
  switch (now) {
    case vm_state::stopped:
    case vm_state::error: return verdict::run;
    case vm_state::running: return verdict::satisfied;
    case vm_state::creating:
    case vm_state::starting:
    case vm_state::stopping: return verdict::busy;
    case vm_state::deleting: return verdict::gone;
  }
  return verdict::busy;
}

verdict judge_restart(vm_state now) {
  return now == vm_state::running ? verdict::run : judge_start(now);
}

verdict judge_stop(vm_state now) {
  switch (now) {
    case vm_state::stopped: return verdict::satisfied;
    case vm_state::error:
    case vm_state::running: return verdict::run;
    case vm_state::starting: return verdict::cancel_then_queue;
    case vm_state::creating:
    case vm_state::stopping: return verdict::queue;
    case vm_state::deleting: return verdict::gone;
  }
  return verdict::queue;
}

/// kill and delete do not wait for a guest that is asked to shut down: they cut the grace short.
verdict judge_forced(vm_state now, verdict when_stopped) {
  switch (now) {
    case vm_state::stopped: return when_stopped;
    case vm_state::error:
    case vm_state::running: return verdict::run;
    case vm_state::creating:
    case vm_state::starting:
    case vm_state::stopping: return verdict::cancel_then_queue;
    case vm_state::deleting: return verdict::gone;
  }
  return verdict::queue;
}

/// Not while something runs that reads what is to be changed.
verdict judge_set(vm_state now) {
  switch (now) {
    case vm_state::stopped:
    case vm_state::error:
    case vm_state::running: return verdict::run;
    case vm_state::creating:
    case vm_state::starting:
    case vm_state::stopping: return verdict::busy;
    case vm_state::deleting: return verdict::gone;
  }
  return verdict::busy;
}

} // namespace

verdict judge(vm_state now, order_kind asked) {
  switch (asked) {
    case order_kind::create: return now == vm_state::creating ? verdict::run : verdict::busy;
    case order_kind::start: return judge_start(now);
    case order_kind::restart: return judge_restart(now);
    case order_kind::stop: return judge_stop(now);
    case order_kind::kill: return judge_forced(now, verdict::satisfied);
    case order_kind::remove: return judge_forced(now, verdict::run);
    case order_kind::build: return verdict::busy; // images only
    case order_kind::set: return judge_set(now);
  }
  return verdict::busy;
}

verdict judge_during_set(order_kind asked) {
  return asked == order_kind::create || asked == order_kind::build ? verdict::busy : verdict::queue;
}

vm_state state_during(order_kind kind, vm_state now) {
  switch (kind) {
    case order_kind::create: return vm_state::creating;
    case order_kind::start:
    case order_kind::build: return vm_state::starting;
    case order_kind::stop:
    case order_kind::restart:
    case order_kind::kill: return vm_state::stopping;
    case order_kind::remove: return vm_state::deleting;
    case order_kind::set: return now;
  }
  return vm_state::error;
}

} // namespace banger::core
