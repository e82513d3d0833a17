// Messages between the daemon's own actors. They never cross the socket: the firewall's allow-list
// does not have them.
#pragma once

#include "protocol/host_needs.hpp"
#include "protocol/requests.hpp"
#include "protocol/resource_orders.hpp"
#include "protocol/resources.hpp"
#include "protocol/session_orders.hpp"
#include "protocol/store_orders.hpp"
#include "protocol/values.hpp"
#include "protocol/vm_file_orders.hpp"
#include "protocol/vm_record.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

// -- operations
// ------------------------------------------------------------------------------------

enum class order_kind : std::uint8_t { create, start, stop, restart, kill, remove, build, set };

[[nodiscard]] std::string to_string(order_kind x);

/// What an operation is to do. `subject` is a VM's ref or an image's name.
struct order {
  std::string op; ///< operation id
  order_kind kind = order_kind::start;
  std::string subject;
  std::uint32_t grace_ms = 0; ///< of stop and restart
  vm_config config;           ///< of create
  std::string recipe_path;    ///< of build
  set_vm change;              ///< of set
};

template <class Inspector>
auto inspect(Inspector& f, order& x) {
  return f(x.op, x.kind, x.subject, x.grace_ms, x.config, x.recipe_path, x.change);
}

/// Request to an operation: do it. Reply: what the order's kind promises.
struct perform {};

template <class Inspector>
auto inspect(Inspector& f, perform&) {
  return f();
}

/// To an operation, and from it to the one that carries it out: give up.
struct cancel {
  std::string op;
  std::string subject;
};

template <class Inspector>
auto inspect(Inspector& f, cancel& x) {
  return f(x.op, x.subject);
}

// -- supervisor, vm
// --------------------------------------------------------------------------------

/// Event: a VM's observable state changed.
struct vm_changed {
  vm_info info;
  bool is_gone = false; ///< it has been deleted, and is in no list from now on
};

template <class Inspector>
auto inspect(Inspector& f, vm_changed& x) {
  return f(x.info, x.is_gone);
}

/// Request: how to reach the guest's agent. Reply: guest_way_actor. Errors: not_found,
/// wrong_state.
struct get_guest_way {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, get_guest_way& x) {
  return f(x.ref);
}

/// Self-tick of a running VM: look how long its console's log has become.
struct watch_console {
  std::int64_t started_at_ms =
      0; ///< the run it belongs to; a tick of an earlier run ends its own chain
};

template <class Inspector>
auto inspect(Inspector& f, watch_console& x) {
  return f(x.started_at_ms);
}

/// Self-tick of a VM: fail the waiters whose time has come.
struct expire_waiters {};

template <class Inspector>
auto inspect(Inspector& f, expire_waiters&) {
  return f();
}

/// Counts for daemon_status.
struct count_vms {};

template <class Inspector>
auto inspect(Inspector& f, count_vms&) {
  return f();
}

struct vm_counts {
  std::uint32_t all = 0;
  std::uint32_t running = 0;
  reconcile_report reconciled;
  std::uint32_t vcpus_running = 0;
  std::uint64_t memory_running_mib = 0;
};

template <class Inspector>
auto inspect(Inspector& f, vm_counts& x) {
  return f(x.all, x.running, x.reconciled, x.vcpus_running, x.memory_running_mib);
}

/// Request: answer when every VM known at start-up has come to rest. Reply: reconcile_report.
struct await_reconciled {};

template <class Inspector>
auto inspect(Inspector& f, await_reconciled&) {
  return f();
}

/// How a VM's actor found its VM when it began.
enum class recovery : std::uint8_t { unchanged, adopted, settled, rolled_back, failed };

[[nodiscard]] std::string to_string(recovery x);

/// Event: a VM's actor has made record and reality agree.
struct vm_recovered {
  std::string id;
  recovery outcome = recovery::unchanged;
  std::string detail; ///< what was found
};

template <class Inspector>
auto inspect(Inspector& f, vm_recovered& x) {
  return f(x.id, x.outcome, x.detail);
}

// -- leases

/// Request: an address nobody has, on the loopback or on the bridge. Reply: address_lease. Errors:
/// no_space (all taken).
struct reserve_address {
  network_kind network = network_kind::user;
};

template <class Inspector>
auto inspect(Inspector& f, reserve_address& x) {
  return f(x.network);
}

struct address_lease {
  std::string address;
};

template <class Inspector>
auto inspect(Inspector& f, address_lease& x) {
  return f(x.address);
}

/// Event: this address is taken (at start-up) or free again.
struct address_taken {
  std::string address;
};

template <class Inspector>
auto inspect(Inspector& f, address_taken& x) {
  return f(x.address);
}

struct address_freed {
  std::string address;
};

template <class Inspector>
auto inspect(Inspector& f, address_freed& x) {
  return f(x.address);
}

/// Request: may I start a VM now? Reply: done, when a slot is free; first come, first served. The
/// slot goes back by release_start_slot or when the asker ends.
struct acquire_start_slot {
  std::string vm;
};

template <class Inspector>
auto inspect(Inspector& f, acquire_start_slot& x) {
  return f(x.vm);
}

struct release_start_slot {
  std::string vm;
};

template <class Inspector>
auto inspect(Inspector& f, release_start_slot& x) {
  return f(x.vm);
}

// -- machine: one hypervisor process

/// Request: start the process. Reply: machine_launched, as soon as its pids are known and before
/// the guest runs a single instruction that matters. Errors: missing_program, hypervisor_failed.
struct launch_machine {
  std::string vm_id;
  std::string vm_name;
  std::string directory;
  std::string kernel;
  std::string cmdline_extra;
  std::uint32_t vcpu_count = 1;
  std::uint32_t memory_mib = 512;
  std::string address;
  std::uint16_t ssh_port = 0;
  bool is_isolated = false;
  host_needs needs;
};

template <class Inspector>
auto inspect(Inspector& f, launch_machine& x) {
  return f(x.vm_id, x.vm_name, x.directory, x.kernel, x.cmdline_extra, x.vcpu_count, x.memory_mib,
           x.address, x.ssh_port, x.is_isolated, x.needs);
}

struct machine_launched {
  std::int32_t pid = 0;
  std::string accelerator;
  std::string handles;            ///< text for write_handles
  std::int64_t started_at_ms = 0; ///< Unix time
};

template <class Inspector>
auto inspect(Inspector& f, machine_launched& x) {
  return f(x.pid, x.accelerator, x.handles, x.started_at_ms);
}

/// Request: answer when the guest says over its control port that sshd listens. Reply: done.
/// Errors: guest_not_ready (at the deadline, or it powered off), hypervisor_failed (the process
/// ended).
struct await_ready {};

template <class Inspector>
auto inspect(Inspector& f, await_ready&) {
  return f();
}

/// Request: end the guest. Asks it first, then presses the power button, quits and kills; each has
/// a part of `grace_ms`; 0 kills at once. Reply: machine_ended.
struct end_machine {
  std::uint32_t grace_ms = 0;
};

template <class Inspector>
auto inspect(Inspector& f, end_machine& x) {
  return f(x.grace_ms);
}

/// What is true of a VM's hypervisor process when its actor starts.
struct vm_past {
  std::string handles;     ///< text of the handles file; empty where there is none
  bool is_alive = false;   ///< the process those handles name still runs
  std::string finding;     ///< what is odd about it: lost handles, a reboot, a moved folder
  bool is_restart = false; ///< of the actor alone: the clients of the daemon are still there
  std::int32_t pid = 0;
  std::string accelerator;
  std::int64_t started_at_ms = 0;
  std::vector<session_record> sessions; ///< that its record's database has
  vm_sizes sizes{};                     ///< it runs with; 0: not known
};

template <class Inspector>
auto inspect(Inspector& f, vm_past& x) {
  return f(x.handles, x.is_alive, x.finding, x.is_restart, x.pid, x.accelerator, x.started_at_ms,
           x.sessions, x.sizes);
}

/// Request: the past of this VM, after the end of processes that work in its folder and that its
/// handles do not know. Reply: vm_past.
struct look_at_past {
  vm_record record;
};

template <class Inspector>
auto inspect(Inspector& f, look_at_past& x) {
  return f(x.record);
}

/// Reply, and event to the VM: the process is gone and its sockets are removed.
struct machine_ended {
  std::string reason; ///< "guest shut down", "killed by signal 9", ...
  bool was_asked = false;
};

template <class Inspector>
auto inspect(Inspector& f, machine_ended& x) {
  return f(x.reason, x.was_asked);
}

/// Event: a watched file descriptor is readable. `tag` says which one.
struct fd_ready {
  std::int32_t tag = 0;
};

template <class Inspector>
auto inspect(Inspector& f, fd_ready& x) {
  return f(x.tag);
}

/// Self-tick of an actor that waits: `step` says what for; a tick of a step that is over is
/// ignored.
struct step_due {
  std::uint64_t step = 0;
};

template <class Inspector>
auto inspect(Inspector& f, step_due& x) {
  return f(x.step);
}

// -- guest link

/// Request: be connected. Reply: guest_connected. Errors: link_lost, host_key_mismatch, timed_out.
struct connect_guest {
  std::uint32_t timeout_ms = 0;
  bool is_ssh_wanted = false; ///< a data port would not do
};

template <class Inspector>
auto inspect(Inspector& f, connect_guest& x) {
  return f(x.timeout_ms, x.is_ssh_wanted);
}

struct guest_connected {
  std::uint64_t connection = 0; ///< of ssh_io
};

template <class Inspector>
auto inspect(Inspector& f, guest_connected& x) {
  return f(x.connection);
}

/// What answered, or did not, where a guest's agent should.
enum class agent_found : std::uint8_t {
  ours,
  absent,  ///< nobody listened; now ours does
  foreign, ///< it speaks another protocol, or none; now ours listens in its place
};

/// Request: see to it that an agent of ours answers in the guest. Reply: agent_ensured. Errors:
/// failed and no_space (with what the guest said), missing_program, link_lost, timed_out.
struct ensure_agent {};

template <class Inspector>
auto inspect(Inspector& f, ensure_agent&) {
  return f();
}

struct agent_ensured {
  agent_found found = agent_found::ours;
};

template <class Inspector>
auto inspect(Inspector& f, agent_ensured& x) {
  return f(x.found);
}

enum class ssh_note_kind : std::uint8_t {
  host_key_offered,
  connected,
  connection_lost,
  channel_opened,
  channel_refused,
  channel_ended_output,
  channel_exited,
  channel_closed,
  channel_writable,
};

/// Event from the SSH I/O thread about a connection (channel 0) or a channel.
struct ssh_note {
  std::uint64_t connection = 0;
  std::uint64_t channel = 0;
  ssh_note_kind kind = ssh_note_kind::connected;
  bool is_final = false;    ///< connection_lost: trying again is useless; channel_refused: likewise
  std::uint64_t number = 0; ///< channel_writable: bytes still queued; channel_exited: the status
  std::string text;         ///< host_key_offered: key type; channel_exited: signal name
  std::string bytes;        ///< host_key_offered: key blob
  failure why{ec::none, {}, {}, {}};
};

template <class Inspector>
auto inspect(Inspector& f, ssh_note& x) {
  return f(x.connection, x.channel, x.kind, x.is_final, x.number, x.text, x.bytes, x.why);
}

/// Event from the SSH I/O thread: output of a channel.
struct ssh_data {
  std::uint64_t channel = 0;
  bool is_stderr = false;
  std::string bytes;
};

template <class Inspector>
auto inspect(Inspector& f, ssh_data& x) {
  return f(x.channel, x.is_stderr, x.bytes);
}

/// To a running command: its client is gone or does not want it any more.
struct close_exec {};

template <class Inspector>
auto inspect(Inspector& f, close_exec&) {
  return f();
}

/// Event from a running command to its client's session: it runs.
struct exec_started {
  std::uint64_t exec = 0;
};

template <class Inspector>
auto inspect(Inspector& f, exec_started& x) {
  return f(x.exec);
}

// -- images

/// Request: the files of an image. Empty build: the current one. Reply: image_files. Errors:
/// not_found.
struct resolve_image {
  std::string name;
  std::string build;
};

template <class Inspector>
auto inspect(Inspector& f, resolve_image& x) {
  return f(x.name, x.build);
}

struct image_files {
  std::string name;
  std::string build;
  std::string kernel;
  std::string initrd;
  std::string root;
  std::string root_format;
  std::string cmdline_extra;
};

template <class Inspector>
auto inspect(Inspector& f, image_files& x) {
  return f(x.name, x.build, x.kernel, x.initrd, x.root, x.root_format, x.cmdline_extra);
}

/// Request to an image builder: run the build. Reply: done, once the image is in place.
struct run_build {
  std::string name;
  std::string recipe_path;
};

template <class Inspector>
auto inspect(Inspector& f, run_build& x) {
  return f(x.name, x.recipe_path);
}

/// Names of the images and builds that VMs are on. Reply to get_used_images.
struct get_used_images {};

template <class Inspector>
auto inspect(Inspector& f, get_used_images&) {
  return f();
}

struct used_images {
  std::vector<std::string> builds; ///< "name/build"
};

template <class Inspector>
auto inspect(Inspector& f, used_images& x) {
  return f(x.builds);
}

/// Housekeeping tick.
struct sweep {};

template <class Inspector>
auto inspect(Inspector& f, sweep&) {
  return f();
}

} // namespace banger
