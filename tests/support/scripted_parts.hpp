// Actors in place of those that start processes, wait for disks or talk to guests. Each does what
// its script says; the deterministic scheduler has one thread, so a test may look at the script at
// any time.
#pragma once

#include "actors/vm.hpp"
#include "tests/support/deterministic_system.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace banger::test {

/// How a scripted part answers: well, with a failure, or not at all.
enum class manner : std::uint8_t { well, badly, never };

/// What the parts of one VM do, and what they saw.
struct script {
  manner store = manner::well;
  manner files = manner::well;
  manner launch = manner::well;
  manner ready = manner::well;
  manner link = manner::well;
  manner end = manner::well;
  manner memory = manner::well;
  failure trouble{ec::hypervisor_failed, "scripted", "trouble", {}};
  std::vector<std::string> log; ///< what happened, in order
  vm_record saved;
  std::vector<vm_transition> transitions;
  std::map<std::string, session_record> sessions; ///< by id, as they were saved last
  std::uint64_t events = 0;                       ///< how many were saved
  int saves = 0;
  int store_fails_at = 0; ///< number of the one save that fails
  vm_past past;
  root_disk_health disk_health;
  launch_machine launched;     ///< the last one
  write_boot_files boot_files; ///< likewise
  vm_usage usage;
  std::string looked_at; ///< the folder of the last look_at_past
  std::vector<std::uint32_t> graces;
  int machines = 0;
  bool made_raw = false;    ///< the last VM's root disk is a whole one
  std::string more_modules; ///< of the last boot
  [[nodiscard]] bool saw(const std::string& what) const {
    return std::find(log.begin(), log.end(), what) != log.end();
  }
};

template <class Reply, class Self>
caf::result<Reply> act(Self* self, script& plan, manner how, std::string what, Reply reply) {
  plan.log.push_back(std::move(what));
  if (how == manner::well)
    return reply;
  if (how == manner::badly)
    return to_error(plan.trouble);
  return self->template make_response_promise<Reply>(); // dropped without an answer
}

inline store_actor::behavior_type scripted_store(store_actor::pointer self, script* plan) {
  return {
      [self, plan](const save_vm& x) {
        if (++plan->saves == plan->store_fails_at)
          return act(self, *plan, manner::badly, "save", done{});
        plan->saved = x.record;
        plan->transitions.insert(plan->transitions.end(), x.transitions.begin(),
                                 x.transitions.end());
        return act(self, *plan, plan->store, "save", done{});
      },
      [self, plan](const load_vm&) { return act(self, *plan, plan->store, "load", plan->saved); },
      [self, plan](const forget_vm&) { return act(self, *plan, plan->store, "forget", done{}); },
      [plan](const load_transitions&) { return vm_transitions{plan->transitions}; },
      [self, plan](const save_session& x) {
        plan->sessions[x.record.info.id] = x.record;
        return act(self, *plan, plan->store, "save session", done{});
      },
      [self, plan](const forget_session& x) {
        plan->sessions.erase(x.id);
        return act(self, *plan, plan->store, "forget session", done{});
      },
      [plan](const load_sessions&) {
        session_records all;
        for (const auto& [id, record] : plan->sessions)
          all.all.push_back(record);
        return all;
      },
      [plan](const load_events&) {
        return event_page{plan->events, {}};
      },
      [self, plan](const publish_event& x) {
        const auto asker = caf::actor_cast<event_listener_actor>(self->current_sender());
        self->send(asker, events_saved{{{++plan->events, 0, x.kind, x.subject, x.detail}}});
      },
      [](const save_owner&) { return done{}; },
      [](const report_events&, const event_listener_actor&) {},
      [](const describe_actor&) { return actor_account{}; },
      [](const commit_writes&) {},
  };
}

inline vm_files_actor::behavior_type scripted_files(vm_files_actor::pointer self, script* plan) {
  return {
      [self, plan](const make_vm_files& x) {
        plan->made_raw = x.is_root_raw;
        return act(self, *plan, plan->files, "make files", vm_files_made{"ssh-ed25519 AAAA"});
      },
      [self, plan](const write_boot_files& x) {
        plan->boot_files = x;
        plan->more_modules = x.more_modules;
        return act(self, *plan, plan->files, "write boot files", done{});
      },
      [self, plan](const write_handles& x) {
        return act(self, *plan, manner::well, x.text.empty() ? "clear handles" : "write handles",
                   done{});
      },
      [self, plan](const remove_vm_files&) {
        return act(self, *plan, manner::well, "remove files", done{});
      },
      [self, plan](const switch_nat&) {
        return act(self, *plan, plan->files, "switch nat", done{});
      },
      [self, plan](const look_at_root_disk&) {
        return act(self, *plan, manner::well, "look at root disk", plan->disk_health);
      },
      [self, plan](const cap_console&) {
        return act(self, *plan, manner::well, "cap console", done{});
      },
      [plan](const look_at_past& x) {
        plan->log.push_back("look at past");
        plan->looked_at = x.record.directory;
        return plan->past;
      },
      [self, plan](const grow_disk& x) {
        return act(self, *plan, plan->files, "grow disk to " + std::to_string(x.disk_mib), done{});
      },
      [plan](const measure_vm& x) {
        plan->log.push_back(x.is_running ? "measure running" : "measure");
        return plan->usage;
      },
      [](const read_log& x) {
        return console_chunk{x.offset, x.offset, {}};
      },
  };
}

inline known_hosts_actor::behavior_type scripted_known_hosts(known_hosts_actor::pointer,
                                                             script* plan) {
  return {
      [](const get_host_key_algorithms&) { return host_key_algorithms{"ssh-ed25519"}; },
      [](const check_host_key&) { return done{}; },
      [plan](const pin_host_key& x) {
        plan->log.push_back(x.key.empty() ? "unpin" : "pin " + x.key);
        return done{};
      },
      [plan](const read_pins& x) {
        host_key_list list;
        host_key_info pin;
        pin.names = x.names;
        pin.type = "ssh-ed25519";
        pin.fingerprint = "SHA256:pinned";
        pin.key = "AAAA";
        list.keys.push_back(pin);
        return list;
      },
      [](const fd_ready&) {},
      [](const describe_actor&) { return actor_account{}; },
      [](const step_due&) {},
  };
}

inline images_actor::behavior_type scripted_images(images_actor::pointer) {
  return {
      [](const list_images&) { return image_list{}; },
      [](const get_image&) -> caf::result<image_info> {
        return to_error({ec::not_found, "no image", "", {}});
      },
      [](const delete_image&) -> caf::result<image_info> {
        return to_error({ec::not_found, "no image", "", {}});
      },
      [](const resolve_image& x) -> caf::result<image_files> {
        if (x.name == "nope")
          return to_error({ec::not_found, "no image 'nope'", "it was never built", {}});
        const std::string init = x.name == "systemd" ? "banger.init=/lib/systemd/systemd" : "";
        return image_files{x.name, "b1", "/vmlinux", "/i/initrd", "/root", "raw", init};
      },
      [](const order&, const progress_actor&) -> caf::result<image_info> {
        return to_error({ec::image_failed, "scripted", "", {}});
      },
      [](const cancel&) {},
      [](const describe_actor&) { return actor_account{}; },
  };
}

inline machine_actor::behavior_type scripted_machine(machine_actor::pointer self, script* plan) {
  ++plan->machines;
  return {
      [](const fd_ready&) {},
      [self, plan](const launch_machine& x) {
        plan->launched = x;
        return act(self, *plan, plan->launch, "launch",
                   machine_launched{4242, "tcg", "handles", 1000});
      },
      [self, plan](const await_ready&) {
        return act(self, *plan, plan->ready, "await ready", done{});
      },
      [self, plan](const end_machine& x) {
        plan->graces.push_back(x.grace_ms);
        return act(self, *plan, plan->end, "end machine",
                   machine_ended{"the guest shut down", true});
      },
      [self, plan](const get_guest_memory&) {
        return act(self, *plan, plan->memory, "guest memory", guest_memory{480, 120});
      },
      [](const describe_actor&) { return actor_account{}; },
      [](const step_due&) {},
  };
}

inline guest_link_actor::behavior_type scripted_link(guest_link_actor::pointer self, script* plan) {
  return {
      [](const ssh_note&) {},
      [](const ssh_data&) {},
      [self, plan](const connect_guest&) {
        return act(self, *plan, plan->link, "connect", guest_connected{7});
      },
      [self, plan](const verify_guest&) { return act(self, *plan, plan->link, "verify", done{}); },
      [](const ensure_agent&) { return agent_ensured{}; },
      [](const describe_actor&) { return actor_account{}; },
      [](const step_due&) {},
  };
}

/// A deterministic system with a scripted VM context.
struct scripted_world : deterministic_system {
  script plan;
  leases_actor leases;
  std::shared_ptr<actors::vm_context> context = std::make_shared<actors::vm_context>();

  scripted_world();
  ~scripted_world() { context->make_files = nullptr; }

  vm_record record(const std::string& name, settled_state settled) const {
    vm_record x;
    x.id = "0123456789ab";
    x.name = name;
    x.image = "debian";
    x.settled = settled;
    x.directory = "/nowhere/" + name;
    if (settled != settled_state::creating) {
      x.image_build = "b1";
      x.address = "127.77.0.2";
      x.host_key_public = "ssh-ed25519 AAAA";
    }
    return x;
  }
};

} // namespace banger::test
