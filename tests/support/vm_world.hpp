// One VM actor among scripted parts, without a supervisor.
#pragma once

#include "tests/support/scripted_parts.hpp"

#include <string>

namespace banger::test {

struct vm_world : scripted_world {
  vm_actor vm;

  void spawn_vm(const vm_record& record, const vm_past& past = {}) {
    std::shared_ptr<const actors::vm_context> shared = context;
    vm = keep(system.spawn(actors::vm, record, past, shared, supervisor_actor{}));
    settle();
  }

  void spawn_stopped() { spawn_vm(record("box", settled_state::stopped)); }

  auto give(order_kind kind, const std::string& op = "op1", std::uint32_t grace_ms = 0) {
    order what;
    what.op = op;
    what.kind = kind;
    what.subject = kind == order_kind::create ? "127.77.0.9" : "box";
    what.grace_ms = grace_ms;
    return ask<vm_info>(vm, what, progress_actor{});
  }

  vm_info look() {
    auto x = ask<vm_info>(vm, get_vm{"box"});
    REQUIRE(x->value);
    return *x->value;
  }

  void cancel_op(const std::string& op) {
    caf::anon_send(vm, cancel{op, "box"});
    settle();
  }
};

} // namespace banger::test
