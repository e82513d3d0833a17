#include "actors/supervisor.hpp"

#include "actors/account.hpp"
#include "actors/supervisor_views.hpp"
#include "actors/vm_plan.hpp"
#include "core/pins_by_vm.hpp"
#include "core/session_ref.hpp"
#include "core/vm_record_check.hpp"
#include "core/vm_ref.hpp"
#include "host/clock.hpp"
#include "host/log.hpp"
#include "protocol/caf_error.hpp"

#include <algorithm>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = supervisor_actor::stateful_pointer<supervisor_state>;

std::vector<core::named_id> names_of(const supervisor_state& state) {
  std::vector<core::named_id> all;
  all.reserve(state.vms.size());
  for (const auto& [id, vm] : state.vms)
    all.push_back({id, vm.info.name});
  return all;
}

/// Hands a request to the VM it names: the VM answers the asker itself.
template <class Reply, class... Ts>
caf::result<Reply> route(self_pointer self, const std::string& ref, const Ts&... request) {
  auto id = core::resolve_ref(names_of(self->state), ref);
  if (!id)
    return to_error(id.error());
  const auto& found = self->state.vms.at(*id);
  if (!found.actor)
    return to_error({ec::wrong_state, "vm '" + found.info.name + "' has failed",
                     found.info.last_error, "banger daemon stop; the next command finds it anew"});
  return self->delegate(found.actor, request...);
}

/// As route, for a request whose ref is "VM/NAME".
template <class Reply, class Request>
caf::result<Reply> route_session(self_pointer self, const Request& request) {
  auto parts = core::split_session_ref(request.ref);
  if (!parts)
    return to_error(parts.error());
  return route<Reply>(self, parts->vm, request);
}

caf::result<session_list> list_sessions_of(self_pointer self, const list_sessions& x) {
  if (x.ref.empty())
    return list_known_sessions(self->state, {});
  auto id = core::resolve_ref(names_of(self->state), x.ref);
  if (!id)
    return to_error(id.error());
  return list_known_sessions(self->state, *id);
}

void add(self_pointer self, const vm_record& record, const vm_past& past) {
  auto& state = self->state;
  auto actor = self->spawn<caf::monitored>(vm, record, past, state.context, supervisor_actor{self});
  auto& entry = state.vms[record.id];
  entry.actor = actor;
  entry.sessions.clear(); // it tells them anew
  entry.info.id = record.id;
  entry.info.name = record.name;
  entry.info.image = record.image;
  entry.info.address = record.address;
  entry.info.owner = record.owner;
}

/// A name is taken from the moment its VM actor exists, so of racing creates one wins.
caf::result<vm_info> create(self_pointer self, const order& what, const progress_actor& progress) {
  auto record = plan_record(self->state, what.config);
  if (!record)
    return to_error(record.error());
  auto& state = self->state;
  add(self, *record, {});
  auto actor = state.vms.at(record->id).actor;
  auto reply = self->make_response_promise<vm_info>();
  self->request(state.context->leases, state.context->deadlines.quick,
                reserve_address{record->network})
      .then(
          [self, actor, reply, what, progress,
           id = record->id](const address_lease& lease) mutable {
            auto placed = what;
            placed.subject = lease.address; // of a create: where it will live
            if (auto vm = self->state.vms.find(id); vm != self->state.vms.end())
              vm->second.info.address = lease.address;
            else
              self->send(self->state.context->leases, address_freed{lease.address});
            self->request(actor, self->state.context->deadlines.create(), placed, progress)
                .then([reply](const vm_info& info) mutable { reply.deliver(info); },
                      [reply](const caf::error& why) mutable { reply.deliver(why); });
          },
          [self, actor, reply](const caf::error& why) mutable {
            self->send_exit(actor, caf::exit_reason::normal);
            reply.deliver(translated(why, "reserve an address"));
          });
  return reply;
}

caf::result<vm_info> take(self_pointer self, const order& what, const progress_actor& progress) {
  if (what.kind == order_kind::create)
    return create(self, what, progress);
  return route<vm_info>(self, what.subject, what, progress);
}

/// A cancel goes to every VM: it names the operation, and a create has no name to look up yet.
void pass_cancel(self_pointer self, const cancel& x) {
  for (const auto& [id, vm] : self->state.vms)
    if (vm.actor && (!vm.info.operation.empty() || vm.info.state == vm_state::creating))
      self->send(vm.actor, x);
}

host_key_list by_vm(const supervisor_state& state, const host_key_list& lines) {
  std::vector<const vm_info*> vms;
  for (const auto& [id, vm] : state.vms)
    vms.push_back(&vm.info);
  return core::pins_by_vm(vms, lines);
}

caf::result<host_key_list> list_keys(self_pointer self) {
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<host_key_list>();
  self->request(context.known_hosts, context.deadlines.storage, read_pins{})
      .then([self, reply](
                const host_key_list& lines) mutable { reply.deliver(by_vm(self->state, lines)); },
            [reply](const caf::error& why) mutable {
              reply.deliver(translated(why, "read the pinned host keys"));
            });
  return reply;
}

// -- start-up
// ------------------------------------------------------------------------------------------

void answer_when_reconciled(self_pointer self) {
  auto& state = self->state;
  auto& report = state.reconciled;
  report.pending = static_cast<std::uint32_t>(state.recovering.size());
  if (report.pending > 0)
    return;
  for (auto& reply : std::exchange(state.awaiting_reconciled, {}))
    reply.deliver(report);
}

void forget(self_pointer self, std::map<std::string, supervised_vm>::iterator vm) {
  self->state.recovering.erase(vm->first);
  self->state.vms.erase(vm);
  answer_when_reconciled(self);
}

void changed(self_pointer self, const vm_changed& x) {
  auto& state = self->state;
  auto found = state.vms.find(x.info.id);
  if (found == state.vms.end())
    return;
  if (x.is_gone) {
    forget(self, found);
    return;
  }
  auto was_quarantined = found->second.info.is_quarantined;
  found->second.info = x.info;
  if (was_quarantined != x.info.is_quarantined)
    self->send(state.events,
               publish_event{x.info.is_quarantined ? "hostkey.refused" : "hostkey.settled",
                             x.info.name, x.info.last_error});
}

/// The report is of the start: VMs whose actor fails later recover too, and are told as events
/// only.
void recovered(self_pointer self, const vm_recovered& x) {
  auto& state = self->state;
  const auto vm = state.vms.find(x.id);
  if (x.outcome != recovery::unchanged && vm != state.vms.end())
    self->send(state.events,
               publish_event{"vm.recovered", vm->second.info.name,
                             to_string(x.outcome) + (x.detail.empty() ? "" : ": " + x.detail)});
  if (!state.recovering.contains(x.id))
    return;
  if (x.outcome != recovery::rolled_back || vm == state.vms.end())
    state.recovering.erase(x.id); // the other is in the list until it is gone
  auto& report = state.reconciled;
  switch (x.outcome) {
    case recovery::unchanged: break;
    case recovery::adopted: ++report.adopted; break;
    case recovery::settled: ++report.settled; break;
    case recovery::rolled_back: ++report.rolled_back; break;
    case recovery::failed: ++report.failed; break;
  }
  report.took_ms = host::unix_ms() - state.began_at_ms;
  answer_when_reconciled(self);
}

caf::result<reconcile_report> await_all(self_pointer self) {
  auto reply = self->make_response_promise<reconcile_report>();
  self->state.awaiting_reconciled.push_back(reply);
  answer_when_reconciled(self);
  return reply;
}

// -- questions about the past and the present
// ------------------------------------------------------------------------------------------

caf::result<vm_history> tell_history(self_pointer self, const get_vm_history& x) {
  auto id = core::resolve_ref(names_of(self->state), x.ref);
  if (!id)
    return to_error(id.error());
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<vm_history>();
  self->request(context.store, context.deadlines.storage, load_transitions{*id})
      .then(
          [reply, info = self->state.vms.at(*id).info](const vm_transitions& past) mutable {
            reply.deliver(vm_history{info, past.all});
          },
          [reply](const caf::error& why) mutable {
            reply.deliver(translated(why, "read what became of it"));
          });
  return reply;
}

actor_account describe(self_pointer self) {
  const auto& state = self->state;
  auto counts = count_known_vms(state);
  auto account = account_of(self, counted(counts.all, "VM") + ", " +
                                      std::to_string(counts.running) + " running");
  for (const auto& [id, vm] : state.vms)
    account.children.push_back({"vm " + vm.info.name, vm.actor, vm.crashes.all, vm.crashes.last});
  return account;
}

// -- VMs whose actor failed
// ------------------------------------------------------------------------------

void give_up(self_pointer self, const std::string& id, const std::string& why) {
  auto found = self->state.vms.find(id);
  if (found == self->state.vms.end())
    return;
  host::log_error("vm '" + found->second.info.name + "' is given up: " + why);
  found->second.info.last_error += "; not started anew: " + why;
  self->send(self->state.events, publish_event{"vm.given_up", found->second.info.name, why});
  recovered(self, {id, recovery::failed, why});
}

/// The last step of a restart: its sessions, and then the actor.
template <class F>
void load_then_add(self_pointer self, const vm_record& record, const vm_past& past, F fail_with) {
  const auto& context = *self->state.context;
  self->request(context.store, context.deadlines.storage, load_sessions{record.id})
      .then(
          [self, record, past](const session_records& sessions) {
            auto whole = past;
            whole.sessions = sessions.all;
            add(self, record, whole);
            self->send(self->state.events, publish_event{"vm.restarted", record.name, {}});
          },
          fail_with);
}

/// The process is the actor's, not the other way round: it runs on, and the new actor adopts it.
void restart(self_pointer self, const std::string& id) {
  const auto& context = *self->state.context;
  auto fail_with = [self, id](const caf::error& why) {
    auto problem = to_failure(why, "restart its actor");
    if (problem.code == ec::not_found) { // it failed before it had a record: there is no VM
      if (auto vm = self->state.vms.find(id); vm != self->state.vms.end()) {
        self->send(self->state.context->leases, address_freed{vm->second.info.address});
        self->state.vms.erase(vm);
      }
      recovered(self, {id, recovery::rolled_back, problem.what});
    } else
      give_up(self, id, to_string(problem));
  };
  auto look = [self, fail_with](const vm_record& found) {
    const auto record = core::placed_in(found, self->state.vms_directory);
    const auto& below = *self->state.context;
    auto files = below.make_files();
    self->request(files, below.deadlines.storage, look_at_past{record})
        .then([self, record, files,
               fail_with](const vm_past& past) { load_then_add(self, record, past, fail_with); },
              fail_with);
  };
  self->request(context.store, context.deadlines.storage, load_vm{id}).then(look, fail_with);
}

void vm_crashed(self_pointer self, const std::string& id, const std::string& why) {
  auto& entry = self->state.vms.at(id);
  auto now = host::unix_ms();
  host::log_error("the actor of vm '" + entry.info.name + "' failed: " + why);
  self->send(self->state.events, publish_event{"vm.crashed", entry.info.name, why});
  entry.actor = nullptr;
  entry.info.state = vm_state::error;
  entry.info.operation.clear();
  entry.info.stage.clear();
  entry.info.last_error = "its part of the daemon failed: " + why;
  entry.info.last_error_at_ms = now;
  if (entry.crashes.note(why))
    restart(self, id);
  else
    give_up(self, id,
            "it failed " + std::to_string(entry.crashes.at_ms.size()) + " times in a minute");
}

/// Ends the VMs' actors; the VMs run on.
void end_vms(self_pointer self, const caf::error& why) {
  for (const auto& [id, vm] : self->state.vms)
    if (vm.actor)
      self->send_exit(vm.actor, why);
}

/// A VM that ended well was deleted.
void vm_down(self_pointer self, const caf::down_msg& down) {
  auto& state = self->state;
  auto found = std::find_if(state.vms.begin(), state.vms.end(),
                            [&](const auto& x) { return x.second.actor == down.source; });
  if (found == state.vms.end())
    return;
  if (!is_orderly(down.reason)) {
    vm_crashed(self, found->first, to_string(to_failure(down.reason)));
    return;
  }
  forget(self, found);
}

} // namespace

supervisor_actor::behavior_type supervisor(self_pointer self,
                                           std::shared_ptr<const vm_context> context,
                                           events_actor events, std::string vms_directory,
                                           std::vector<known_vm> known, std::uint32_t cleared) {
  auto& state = self->state;
  state.began_at_ms = host::unix_ms();
  state.reconciled.cleared = cleared;
  state.context = std::move(context);
  state.events = std::move(events);
  state.vms_directory = std::move(vms_directory);
  self->set_down_handler([self](const caf::down_msg& down) { vm_down(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    end_vms(self, message.reason);
    self->quit(message.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    auto why = error_of(thrown);
    end_vms(self, why); // they would keep each other's parts, and so the daemon
    return why;
  });
  for (const auto& x : known) {
    self->send(state.context->leases, address_taken{x.record.address});
    state.recovering.insert(x.record.id);
    add(self, x.record, x.past);
  }
  return {
      [self](const order& what, const progress_actor& progress) {
        return take(self, what, progress);
      },
      [self](const cancel& x) { pass_cancel(self, x); },
      [self](const list_vms&) { return list_known_vms(self->state); },
      [self](const count_vms&) { return count_known_vms(self->state); },
      [self](const get_vm& x) { return route<vm_info>(self, x.ref, x); },
      [self](const get_vm_stats& x) { return route<vm_stats>(self, x.ref, x); },
      [self](const wait_vm& x) { return route<vm_info>(self, x.ref, x); },
      [self](const get_ssh_target& x) { return route<ssh_target>(self, x.ref, x); },
      [self](const get_guest_way& x) { return route<guest_way_actor>(self, x.ref, x); },
      [self](const read_console& x) { return route<console_chunk>(self, x.ref, x); },
      [self](const list_host_keys&) { return list_keys(self); },
      [self](const get_host_key& x) { return route<host_key_info>(self, x.ref, x); },
      [self](const accept_host_key& x) { return route<host_key_info>(self, x.ref, x); },
      [self](const forget_host_key& x) { return route<host_key_info>(self, x.ref, x); },
      [self](const check_guest_key& x) { return route<done>(self, x.ref, x); },
      [self](const start_session& x) { return route<session_info>(self, x.ref, x); },
      [self](const list_sessions& x) { return list_sessions_of(self, x); },
      [self](const get_session& x) { return route_session<session_info>(self, x); },
      [self](const wait_session& x) { return route_session<session_info>(self, x); },
      [self](const stop_session& x) { return route_session<session_info>(self, x); },
      [self](const signal_session& x) { return route_session<session_info>(self, x); },
      [self](const delete_session& x) { return route_session<session_info>(self, x); },
      [self](const list_attaches& x) { return route_session<attach_list>(self, x); },
      [self](const find_session& x) { return route_session<attach_host_actor>(self, x); },
      [self](const find_guest& x) { return find_running_guest(self->state, x); },
      [self](const get_used_images&) { return images_in_use(self->state); },
      [self](const get_vm_history& x) { return tell_history(self, x); },
      [self](const await_reconciled&) { return await_all(self); },
      [self](const describe_actor&) { return describe(self); },
      [self](const vm_changed& x) { changed(self, x); },
      [self](const vm_recovered& x) { recovered(self, x); },
      [self](const session_changed& x) { note_session(self->state, x); },
  };
}

} // namespace banger::actors
