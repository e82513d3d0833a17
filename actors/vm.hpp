// VM: one per virtual machine. Owns its record, its state and its machine; runs one operation at a
// time.
#pragma once

#include "actors/guard.hpp"
#include "core/deadlines.hpp"
#include "protocol/actors.hpp"
#include "protocol/vm_record.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banger::actors {

struct guest_session_spec; // guest_session.hpp

/// What every VM works with. Handles and plain values; the factories let a test put scripted actors
/// in place of those that start processes.
struct vm_context {
  store_actor store;
  leases_actor leases;
  images_actor images;
  known_hosts_actor known_hosts;
  events_actor events;
  std::function<vm_files_actor()> make_files;
  std::function<machine_actor(const vm_actor& owner)> make_machine;
  std::function<machine_actor(const vm_actor& owner)> make_firecracker;
  /// Takes over a process that survived the daemon; `handles` is what write_handles recorded.
  std::function<machine_actor(const vm_actor& owner, const std::string& handles)> adopt_machine;
  std::function<guest_link_actor(const vm_record& record, const vm_actor& owner)> make_link;
  std::function<guest_session_actor(const guest_session_spec& spec)> make_session;
  std::function<guest_sweep_actor(const guest_way_actor& way)> make_sweep;
  std::function<guest_port_actor(const vm_record& record, const guest_link_actor& link)> make_port;
  std::string private_key;    ///< path of the key that opens guests
  std::string authorized_key; ///< its public half, one line
  std::string known_hosts_path;
  std::string helper_socket; ///< where banger-helper listens, if it does
  core::deadlines deadlines;
};

/// One order that runs or waits.
struct vm_operation {
  order what;
  progress_actor progress;
  caf::typed_response_promise<vm_info> reply;
  std::string stage;
  std::int64_t since_ms = 0;
  bool is_cancelled = false;
};

struct vm_waiter {
  vm_state state = vm_state::running;
  std::int64_t until_ms = 0;
  caf::typed_response_promise<vm_info> reply;
};

/// A guest session as its VM knows it.
struct vm_session {
  guest_session_actor actor; ///< none: it failed too often
  session_info info;         ///< the last it told
  crash_record crashes;
};

/// When somebody asked what the VM takes, and how much of the processor that was.
struct stats_look {
  std::int64_t started_at_ms = 0; ///< the run it belongs to
  std::int64_t clock_ms = 0;
  std::uint64_t cpu_ms = 0;
};

/// All that a VM actor knows. Touched only by its own handlers.
struct vm_data {
  static inline const char* name = "vm"; // CAF's actor name, for logs
  vm_record record;
  vm_state state = vm_state::stopped;
  std::shared_ptr<const vm_context> context;
  supervisor_actor supervisor;
  std::optional<vm_operation> operation;
  std::deque<vm_operation> queue;
  std::vector<vm_waiter> waiters;
  vm_files_actor files;                       ///< while an operation needs them
  machine_actor machine;                      ///< while there is a process
  guest_link_actor link;                      ///< while there is a machine
  std::map<std::string, vm_session> sessions; ///< by id
  guest_port_actor port;                      ///< their way to the guest; none: it is gone
  guest_link_actor port_link;                 ///< the link that it has
  bool has_told_sessions = false; ///< that there is no guest, since there was none at the start
  std::string kernel;             ///< of the image, while starting
  std::string initrd;
  std::string cmdline_extra;
  std::string root_image;
  std::int32_t pid = 0;
  std::string accelerator;
  std::int64_t started_at_ms = 0;
  vm_sizes launched;                           ///< what the process was started with; 0: not known
  std::optional<machine_ended> unheard_end;    ///< that came while a set ran
  std::optional<host_key_refused> refused_key; ///< what put it in quarantine
  vm_state noted = vm_state::stopped;          ///< where the last transition led
  std::vector<vm_transition> unsaved;          ///< transitions that are not on disk yet
  bool is_unsaved = false; ///< the record on disk is older: the last write of it failed
  std::string cause;       ///< of the next transition, where it has one
  stats_look last_look;    ///< from which the next one counts
  bool is_recovering = false;
  std::string finding;      ///< how it was found, while it recovers
  std::string disk_warning; ///< of its root disk, that was told
  std::uint64_t generation =
      0; ///< grows with each operation: late answers of older ones are dropped

  [[nodiscard]] vm_info info() const;

  /// What runs: "start"; "recover"; empty where nothing does, or nobody asked for it.
  [[nodiscard]] std::string operation_name() const;
};

using vm_pointer = vm_actor::stateful_pointer<vm_data>;

/// Behaves as the VM of `record`. A new VM has settled_state::creating and waits for its create
/// order; any other is made to agree with `past` first.
vm_actor::behavior_type vm(vm_pointer self, vm_record record, vm_past past,
                           std::shared_ptr<const vm_context> context, supervisor_actor supervisor);

} // namespace banger::actors
