#include "actors/supervisor.hpp"

#include "core/guest_address.hpp"
#include "core/known_hosts.hpp"
#include "core/sizes.hpp"
#include "core/vm_name.hpp"
#include "core/vm_ref.hpp"
#include "host/clock.hpp"
#include "host/log.hpp"
#include "host/random.hpp"
#include "protocol/caf_error.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = supervisor_actor::stateful_pointer<supervisor_state>;

constexpr std::uint32_t default_vcpus = 1, default_memory_mib = 512, default_disk_mib = 8192;

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

void add(self_pointer self, const vm_record& record, const vm_past& past) {
  auto& state = self->state;
  auto actor = self->spawn<caf::monitored>(vm, record, past, state.context, supervisor_actor{self});
  auto& entry = state.vms[record.id];
  entry.actor = actor;
  entry.info.id = record.id;
  entry.info.name = record.name;
  entry.info.image = record.image;
  entry.info.address = record.address;
}

result<vm_record> plan_record(const supervisor_state& state, const vm_config& config) {
  vm_record record;
  record.name = config.name;
  auto is_taken = [&](const std::string& name) {
    return std::any_of(state.vms.begin(), state.vms.end(),
                       [&](const auto& x) { return x.second.info.name == name; });
  };
  if (record.name.empty()) {
    do
      record.name = core::random_vm_name(host::random_u64());
    while (is_taken(record.name));
  }
  if (auto ok = core::check_vm_name(record.name); !ok)
    return tl::make_unexpected(ok.error());
  if (is_taken(record.name))
    return fail(ec::already_exists, "create vm '" + record.name + "'", "the name is taken",
                "choose another --name, or: banger vm delete " + record.name);
  record.image = config.image.empty() ? "debian" : config.image;
  record.vcpu_count = config.vcpu_count != 0 ? config.vcpu_count : default_vcpus;
  record.memory_mib = config.memory_mib != 0 ? config.memory_mib : default_memory_mib;
  record.disk_mib = config.disk_mib != 0 ? config.disk_mib : default_disk_mib;
  if (auto ok = core::check_vm_sizes(record.vcpu_count, record.memory_mib, record.disk_mib); !ok)
    return tl::make_unexpected(ok.error());
  record.is_isolated = config.is_isolated;
  record.is_ephemeral = config.is_ephemeral;
  record.ssh_port = core::guest_ssh_port;
  record.created_at_ms = host::unix_ms();
  do
    record.id = host::random_hex(6);
  while (state.vms.contains(record.id));
  record.directory = state.vms_directory + "/" + record.id;
  return record;
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
  self->request(state.context->leases, state.context->deadlines.quick, reserve_address{})
      .then(
          [self, actor, reply, what, progress,
           id = record->id](const address_lease& lease) mutable {
            auto placed = what;
            placed.subject = lease.address; // of a create: where it will live
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

void changed(self_pointer self, const vm_changed& x) {
  auto& state = self->state;
  auto found = state.vms.find(x.info.id);
  if (found == state.vms.end())
    return;
  auto old_state = found->second.info.state;
  auto old_error = found->second.info.last_error_at_ms;
  auto was_quarantined = found->second.info.is_quarantined;
  found->second.info = x.info;
  if (old_state != x.info.state)
    self->send(state.events, publish_event{"vm.state", x.info.name, to_string(x.info.state)});
  if (old_error != x.info.last_error_at_ms && !x.info.last_error.empty())
    self->send(state.events, publish_event{"vm.error", x.info.name, x.info.last_error});
  if (was_quarantined != x.info.is_quarantined)
    self->send(state.events,
               publish_event{x.info.is_quarantined ? "hostkey.refused" : "hostkey.settled",
                             x.info.name, x.info.last_error});
}

/// A VM's pins are one line a name: here they are one entry.
host_key_list by_vm(const supervisor_state& state, const host_key_list& lines) {
  std::unordered_map<std::string, const vm_info*> vm_of;
  for (const auto& [id, vm] : state.vms) {
    vm_of[vm.info.name + ".vm"] = &vm.info;
    vm_of[core::known_hosts::host_name_for(vm.info.address, vm.info.ssh_port)] = &vm.info;
  }
  host_key_list all{lines.path, {}};
  std::map<std::pair<std::string, std::string>, std::size_t> entry_of; // by VM and key
  for (auto pin : lines.keys) {
    for (const auto& name : pin.names)
      if (auto vm = vm_of.find(name); vm != vm_of.end()) {
        pin.vm_name = vm->second->name;
        pin.is_quarantined = vm->second->is_quarantined;
      }
    auto [known, is_new] = entry_of.try_emplace({pin.vm_name, pin.key}, all.keys.size());
    if (is_new || pin.vm_name.empty()) {
      all.keys.push_back(std::move(pin));
    } else {
      auto& names = all.keys[known->second].names;
      names.insert(names.end(), pin.names.begin(), pin.names.end());
    }
  }
  return all;
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

caf::result<vm_list> list(self_pointer self) {
  vm_list all;
  all.vms.reserve(self->state.vms.size());
  for (const auto& [id, vm] : self->state.vms)
    all.vms.push_back(vm.info);
  std::sort(all.vms.begin(), all.vms.end(),
            [](const vm_info& a, const vm_info& b) { return a.name < b.name; });
  return all;
}

vm_counts count(self_pointer self) {
  const auto& vms = self->state.vms;
  auto running = std::count_if(vms.begin(), vms.end(), [](const auto& x) {
    return x.second.info.state == vm_state::running;
  });
  return {static_cast<std::uint32_t>(vms.size()), static_cast<std::uint32_t>(running)};
}

used_images images_in_use(self_pointer self) {
  used_images used;
  for (const auto& [id, vm] : self->state.vms)
    used.builds.push_back(vm.info.image);
  return used;
}

// -- VMs whose actor failed
// ------------------------------------------------------------------------------

constexpr std::size_t most_crashes = 3;
constexpr std::int64_t crash_window_ms = 60'000;

void give_up(self_pointer self, const std::string& id, const std::string& why) {
  auto found = self->state.vms.find(id);
  if (found == self->state.vms.end())
    return;
  host::log_error("vm '" + found->second.info.name + "' is given up: " + why);
  found->second.info.last_error += "; not started anew: " + why;
  self->send(self->state.events, publish_event{"vm.given_up", found->second.info.name, why});
}

/// The process is the actor's, not the other way round: it runs on, and the new actor adopts it.
void restart(self_pointer self, const std::string& id) {
  const auto& context = *self->state.context;
  auto fail_with = [self, id](const caf::error& why) {
    auto problem = to_failure(why, "restart its actor");
    if (problem.code == ec::not_found) // it failed before it had a record: there is no VM
      self->state.vms.erase(id);
    else
      give_up(self, id, to_string(problem));
  };
  auto look = [self, fail_with](const vm_record& record) {
    const auto& below = *self->state.context;
    auto files = below.make_files();
    self->request(files, below.deadlines.storage, look_at_past{record.directory})
        .then(
            [self, record, files](const vm_past& past) {
              add(self, record, past);
              self->send(self->state.events, publish_event{"vm.restarted", record.name, {}});
            },
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
  std::erase_if(entry.crashes_ms, [&](auto at) { return at < now - crash_window_ms; });
  entry.crashes_ms.push_back(now);
  if (entry.crashes_ms.size() > most_crashes)
    give_up(self, id,
            "it failed " + std::to_string(entry.crashes_ms.size()) + " times in a minute");
  else
    restart(self, id);
}

/// A VM that ended well was deleted.
void vm_down(self_pointer self, const caf::down_msg& down) {
  auto& state = self->state;
  auto found = std::find_if(state.vms.begin(), state.vms.end(),
                            [&](const auto& x) { return x.second.actor == down.source; });
  if (found == state.vms.end())
    return;
  if (down.reason != caf::exit_reason::normal && down.reason != caf::exit_reason::user_shutdown) {
    vm_crashed(self, found->first, to_string(to_failure(down.reason)));
    return;
  }
  self->send(state.events, publish_event{"vm.deleted", found->second.info.name, {}});
  state.vms.erase(found);
}

} // namespace

supervisor_actor::behavior_type supervisor(self_pointer self,
                                           std::shared_ptr<const vm_context> context,
                                           events_actor events, std::string vms_directory,
                                           std::vector<known_vm> known) {
  auto& state = self->state;
  state.context = std::move(context);
  state.events = std::move(events);
  state.vms_directory = std::move(vms_directory);
  self->set_down_handler([self](const caf::down_msg& down) { vm_down(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    for (const auto& [id, vm] : self->state.vms)
      if (vm.actor)
        self->send_exit(vm.actor, message.reason);
    self->quit(message.reason);
  });
  for (const auto& x : known) {
    self->send(state.context->leases, address_taken{x.record.address});
    add(self, x.record, x.past);
  }
  return {
      [self](const order& what, const progress_actor& progress) {
        return take(self, what, progress);
      },
      [self](const cancel& x) { pass_cancel(self, x); },
      [self](const list_vms&) { return list(self); },
      [self](const count_vms&) { return count(self); },
      [self](const get_vm& x) { return route<vm_info>(self, x.ref, x); },
      [self](const wait_vm& x) { return route<vm_info>(self, x.ref, x); },
      [self](const get_ssh_target& x) { return route<ssh_target>(self, x.ref, x); },
      [self](const get_guest_link& x) { return route<guest_link_actor>(self, x.ref, x); },
      [self](const read_console& x) { return route<console_chunk>(self, x.ref, x); },
      [self](const list_host_keys&) { return list_keys(self); },
      [self](const get_host_key& x) { return route<host_key_info>(self, x.ref, x); },
      [self](const accept_host_key& x) { return route<host_key_info>(self, x.ref, x); },
      [self](const forget_host_key& x) { return route<host_key_info>(self, x.ref, x); },
      [self](const check_guest_key& x) { return route<done>(self, x.ref, x); },
      [self](const get_used_images&) { return images_in_use(self); },
      [self](const vm_changed& x) { changed(self, x); },
  };
}

} // namespace banger::actors
