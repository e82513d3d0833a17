#include "actors/vm.hpp"

#include "actors/vm_sessions.hpp"
#include "actors/vm_steps.hpp"
#include "core/known_hosts.hpp"

#include <algorithm>
#include <utility>

namespace banger::actors {

namespace {

constexpr std::int64_t default_wait_ms = 3'600'000;

caf::error no_longer(vm_pointer self) {
  return to_error(
      {ec::not_found, "no VM '" + self->state.record.name + "'", "it is being deleted", {}});
}

caf::error busy(vm_pointer self) {
  const auto& state = self->state;
  auto running = state.is_recovering ? std::string{"recover"}
                 : state.operation   ? to_string(state.operation->what.kind)
                                     : std::string{"create"}; // whose order is still on its way
  auto since = state.operation ? host::unix_ms() - state.operation->since_ms : 0;
  return to_error({ec::busy, "vm '" + state.record.name + "' is busy",
                   "operation '" + running + "' runs for " + std::to_string(since / 1000) + " s",
                   "wait for it, or end it with: banger vm stop " + state.record.name});
}

void begin(vm_pointer self, vm_operation operation) {
  auto& state = self->state;
  ++state.generation;
  state.cause.clear();
  state.operation = std::move(operation);
  state.operation->since_ms = host::unix_ms();
  const auto& what = state.operation->what;
  state.state = core::state_during(what.kind, state.state);
  switch (what.kind) {
    case order_kind::create: begin_create(self); return;
    case order_kind::start: begin_start(self); return;
    case order_kind::stop:
    case order_kind::restart: {
      auto grace =
          what.grace_ms != 0 ? core::milliseconds{what.grace_ms} : state.context->deadlines.grace;
      begin_stop(self, grace, what.kind == order_kind::restart);
      return;
    }
    case order_kind::kill: begin_stop(self, core::milliseconds{0}, false); return;
    case order_kind::remove: begin_remove(self); return;
    case order_kind::set: begin_set(self); return;
    case order_kind::build: break;
  }
  finish_failed(self, {ec::bad_request, "not an order for a VM", {}, {}});
}

/// Tells the running operation to make room for one that does not wait for it.
void hurry(vm_pointer self) {
  auto& state = self->state;
  if (!state.operation || state.operation->is_cancelled)
    return;
  switch (state.operation->what.kind) {
    case order_kind::create:
    case order_kind::start:
      give_up(self, {ec::cancelled, "", "another operation ended it", {}});
      return;
    case order_kind::stop:
    case order_kind::restart:
    case order_kind::kill:
      if (state.machine) // its grace is over
        self->request(state.machine, state.context->deadlines.end_margin, end_machine{0})
            .then([](const machine_ended&) {},
                  [](const caf::error&) {}); // the operation hears it too
      return;
    case order_kind::remove:
    case order_kind::set:
    case order_kind::build: return;
  }
}

/// Runs, queues, answers or refuses one order.
void take(vm_pointer self, vm_operation operation) {
  auto& state = self->state;
  // A recovery has no order behind it; whatever comes meanwhile waits for it.
  auto is_set_running = state.operation && state.operation->what.kind == order_kind::set;
  auto verdict = is_set_running ? core::judge_during_set(operation.what.kind)
                                : core::judge(state.state, operation.what.kind);
  switch (verdict) {
    case core::verdict::run: begin(self, std::move(operation)); return;
    case core::verdict::satisfied: operation.reply.deliver(state.info()); return;
    case core::verdict::queue: state.queue.push_back(std::move(operation)); return;
    case core::verdict::cancel_then_queue:
      state.queue.push_back(std::move(operation));
      hurry(self);
      return;
    case core::verdict::busy: operation.reply.deliver(busy(self)); return;
    case core::verdict::gone: operation.reply.deliver(no_longer(self)); return;
  }
}

void run_next(vm_pointer self) {
  auto& state = self->state;
  while (!state.operation && !state.queue.empty()) {
    auto next = std::move(state.queue.front());
    state.queue.pop_front();
    take(self, std::move(next));
  }
}

void end_operation(vm_pointer self) {
  auto& state = self->state;
  state.operation.reset();
  state.files = nullptr;
  ++state.generation;
  publish(self); // first: who waits for the end of recoveries then looks at what was published
  end_recovery(self, state.state == vm_state::error ? recovery::failed : recovery::settled);
  if (auto ended = std::exchange(state.unheard_end, std::nullopt))
    machine_gone(self, *ended);
  run_next(self);
}

caf::result<vm_info> accept(vm_pointer self, const order& what, const progress_actor& progress) {
  auto reply = self->make_response_promise<vm_info>();
  take(self, {what, progress, reply, {}, 0, false});
  return reply;
}

void cancel_order(vm_pointer self, const cancel& x) {
  auto& state = self->state;
  if (state.operation && state.operation->what.op == x.op) {
    auto kind = state.operation->what.kind;
    if (kind == order_kind::create || kind == order_kind::start)
      give_up(self, {ec::cancelled, "", "cancelled", {}});
    return; // what ends a VM is not left half done
  }
  auto waiting = std::find_if(state.queue.begin(), state.queue.end(),
                              [&](const vm_operation& y) { return y.what.op == x.op; });
  if (waiting == state.queue.end())
    return;
  waiting->reply.deliver(
      to_error({ec::cancelled, to_string(waiting->what.kind), "cancelled", {}, x.op}));
  state.queue.erase(waiting);
}

/// The answer a waiter for `wanted` gets in the VM's present state; nothing: it waits on.
bool settle_waiter(vm_pointer self, vm_waiter& waiter) {
  const auto& state = self->state;
  if (state.state == waiter.state) {
    waiter.reply.deliver(state.info());
    return true;
  }
  if (state.state == vm_state::deleting) {
    waiter.reply.deliver(no_longer(self));
    return true;
  }
  if (state.state == vm_state::error && !state.operation) {
    waiter.reply.deliver(
        to_error({ec::wrong_state, "wait for vm '" + state.record.name + "'",
                  "it is in error: " + state.record.error, "banger vm show " + state.record.name}));
    return true;
  }
  return false;
}

caf::result<vm_info> wait(vm_pointer self, const wait_vm& x) {
  auto timeout = x.timeout_ms != 0 ? std::int64_t{x.timeout_ms} : default_wait_ms;
  vm_waiter waiter{x.state, host::unix_ms() + timeout, self->make_response_promise<vm_info>()};
  auto reply = waiter.reply;
  if (!settle_waiter(self, waiter)) {
    self->state.waiters.push_back(std::move(waiter));
    self->delayed_send(self, core::milliseconds{timeout}, expire_waiters{});
  }
  return reply;
}

void expire(vm_pointer self) {
  auto now = host::unix_ms();
  std::erase_if(self->state.waiters, [&](vm_waiter& waiter) {
    if (now < waiter.until_ms)
      return false;
    waiter.reply.deliver(to_error({ec::timed_out,
                                   "wait for vm '" + self->state.record.name + "'",
                                   "it is still " + to_string(self->state.state),
                                   {}}));
    return true;
  });
}

caf::result<ssh_target> target(vm_pointer self) {
  const auto& state = self->state;
  if (state.state != vm_state::running)
    return not_running(self);
  if (state.refused_key)
    return quarantined(self);
  const auto& record = state.record;
  return ssh_target{record.name,
                    record.address,
                    record.ssh_port,
                    "root",
                    state.context->private_key,
                    state.context->known_hosts_path,
                    record.name + ".vm"};
}

caf::result<guest_way_actor> way(vm_pointer self) {
  if (self->state.state != vm_state::running || !self->state.link)
    return not_running(self);
  if (self->state.refused_key)
    return quarantined(self);
  if (self->state.port)
    return guest_way_actor{self->state.port};
  return guest_way_actor{self->state.link};
}

} // namespace

vm_info vm_data::info() const {
  vm_info x;
  x.id = record.id;
  x.name = record.name;
  x.state = state;
  x.image = record.image;
  x.vcpu_count = record.vcpu_count;
  x.memory_mib = record.memory_mib;
  x.disk_mib = record.disk_mib;
  x.address = record.address;
  x.ssh_port = record.ssh_port;
  x.is_isolated = record.is_isolated;
  x.is_ephemeral = record.is_ephemeral;
  x.created_at_ms = record.created_at_ms;
  x.started_at_ms = started_at_ms;
  x.pid = pid;
  x.accelerator = accelerator;
  x.directory = record.directory;
  x.console_log = record.directory + "/console.log";
  x.last_error = record.error;
  x.last_error_stage = record.error_stage;
  x.last_error_at_ms = record.error_at_ms;
  if (operation) {
    x.operation = is_recovering ? "recover" : to_string(operation->what.kind);
    x.stage = operation->stage;
    x.operation_since_ms = operation->since_ms;
  }
  x.is_quarantined = refused_key.has_value();
  if (pid != 0) {
    auto known = [](std::uint32_t of_process, std::uint32_t of_record) {
      return of_process != 0 ? of_process : of_record;
    };
    x.running_vcpu_count = known(launched.vcpu_count, record.vcpu_count);
    x.running_memory_mib = known(launched.memory_mib, record.memory_mib);
    x.running_disk_mib = known(launched.disk_mib, record.disk_mib);
  }
  x.driver = record.driver;
  x.network = record.network;
  x.has_nat = record.has_nat;
  x.root_disk = record.root_disk;
  x.owner = record.owner;
  return x;
}

void enter_stage(vm_pointer self, std::string stage) {
  auto& state = self->state;
  if (!state.operation)
    return;
  auto& operation = *state.operation;
  operation.stage = std::move(stage);
  if (operation.progress)
    self->send(operation.progress, stage_entered{operation.what.op,
                                                 to_string(operation.what.kind),
                                                 state.record.name,
                                                 operation.stage,
                                                 {},
                                                 host::unix_ms() - operation.since_ms});
  publish(self);
}

void publish(vm_pointer self) {
  note_transition(self);
  mind_sessions(self);
  if (self->state.supervisor)
    self->send(self->state.supervisor, vm_changed{self->state.info()});
  std::erase_if(self->state.waiters,
                [&](vm_waiter& waiter) { return settle_waiter(self, waiter); });
}

failure describe(vm_pointer self, failure why) {
  const auto& state = self->state;
  if (state.operation) {
    auto doing = to_string(state.operation->what.kind) + " vm '" + state.record.name + "'";
    if (why.what.empty())
      why.what = std::move(doing);
    else if (why.what != doing) {
      why.why = why.why.empty() ? why.what : why.what + ": " + why.why;
      why.what = std::move(doing);
    }
    why.op = state.operation->what.op;
  }
  return why;
}

void finish(vm_pointer self) {
  auto operation = std::move(*self->state.operation);
  self->state.operation.reset(); // the answer shows the VM at rest
  if (operation.reply.pending())
    operation.reply.deliver(self->state.info());
  end_operation(self);
}

void finish_failed(vm_pointer self, failure why) {
  auto described = describe(self, std::move(why));
  auto reply = self->state.operation->reply;
  if (reply.pending())
    reply.deliver(to_error(std::move(described)));
  end_operation(self);
}

caf::error not_running(vm_pointer self) {
  const auto& record = self->state.record;
  return to_error({ec::wrong_state, "vm '" + record.name + "' is not running",
                   "it is " + to_string(self->state.state), "banger vm start " + record.name});
}

std::vector<std::string> pin_names(const vm_record& record) {
  return {record.name + ".vm", core::known_hosts::host_name_for(record.address, record.ssh_port)};
}

const vm_files_actor& files_of(vm_pointer self) {
  auto& state = self->state;
  if (!state.files)
    state.files = state.context->make_files();
  return state.files;
}

vm_actor::behavior_type vm(vm_pointer self, vm_record record, vm_past past,
                           std::shared_ptr<const vm_context> context, supervisor_actor supervisor) {
  self->state.record = std::move(record);
  self->state.context = std::move(context);
  self->state.supervisor = std::move(supervisor);
  self->set_down_handler([self](const caf::down_msg& down) { part_down(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    tell_all(self, no_longer(self));
    leave_machine(self, message.reason);
    end_sessions(self, message.reason);
    self->quit(message.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& thrown) { return crash(self, thrown); });
  adopt_sessions(self, past.sessions);
  begin_recovery(self, past);
  return {
      [self](const order& what, const progress_actor& progress) {
        return accept(self, what, progress);
      },
      [self](const cancel& x) { cancel_order(self, x); },
      [self](const get_vm&) { return self->state.info(); },
      [self](const get_vm_stats&) { return tell_stats(self); },
      [self](const wait_vm& x) { return wait(self, x); },
      [self](const get_ssh_target&) { return target(self); },
      [self](const get_guest_way&) { return way(self); },
      [self](const read_console& x) { return read_log_of(self, x); },
      [self](const get_host_key&) { return describe_host_key(self); },
      [self](const accept_host_key& x) { return accept_key(self, x); },
      [self](const forget_host_key&) { return forget_key(self); },
      [self](const check_guest_key&) { return check_key_now(self); },
      [self](const start_session& x) { return start_new_session(self, x); },
      [self](const get_session& x) { return describe_session(self, x); },
      [self](const wait_session& x) { return pass_to_session<session_info>(self, x); },
      [self](const stop_session& x) { return pass_to_session<session_info>(self, x); },
      [self](const signal_session& x) { return pass_to_session<session_info>(self, x); },
      [self](const delete_session& x) { return pass_to_session<session_info>(self, x); },
      [self](const list_attaches& x) { return pass_to_session<attach_list>(self, x); },
      [self](const find_session& x) { return host_of_session(self, x); },
      [self](const describe_actor&) { return describe_vm(self); },
      [self](const session_changed& x) { session_has_changed(self, x); },
      [self](const host_key_refused& x) { begin_quarantine(self, x); },
      [self](const machine_ended& event) { machine_gone(self, event); },
      [self](const watch_console& x) { look_at_console(self, x); },
      [self](const expire_waiters&) { expire(self); },
  };
}

} // namespace banger::actors
