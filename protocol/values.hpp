// Every value that a client may see. Pure data: no I/O, no policy, no CAF. Each struct has an
// inspect function that lists its fields in wire order; fields are positional, so only append, and
// raise protocol_version when you do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// Where a VM stands. The number is the wire value: append, never reorder.
enum class vm_state : std::uint8_t {
  creating,
  stopped,
  starting,
  running,
  stopping,
  error,
  deleting
};

[[nodiscard]] std::string to_string(vm_state x);

/// What runs a VM, for life. The number is the wire value and the stored one: append, never
/// reorder.
enum class vm_driver : std::uint8_t { qemu = 0, firecracker = 1 };

/// "qemu" or "firecracker", as the command line takes it.
[[nodiscard]] std::string to_string(vm_driver x);

/// How a VM reaches networks, and is reached. The number is the wire value and the stored one:
/// append, never reorder.
enum class network_kind : std::uint8_t {
  user, ///< a process beside it, without root; reached at an address of the host's loopback
  tap,  ///< a network card of the host's on a bridge, with an address of its own
};

[[nodiscard]] std::string to_string(network_kind x);

/// What a VM's root disk is made of. The number is the wire value and the stored one.
enum class root_disk_kind : std::uint8_t {
  overlay,  ///< a qcow2 file over the image
  snapshot, ///< a device-mapper snapshot of the image
};

[[nodiscard]] std::string to_string(root_disk_kind x);

/// What a user asks for. Zero or empty means "the default".
struct vm_config {
  std::string name;             ///< RFC 1123 label; empty: the daemon picks one
  std::string image;            ///< empty: "debian"
  std::uint32_t vcpu_count = 0; ///< default 1
  std::uint32_t memory_mib = 0; ///< default 512
  std::uint32_t disk_mib = 0;   ///< size of the work disk on /root; default 8192
  bool is_isolated = false;     ///< no way out to any network
  bool is_ephemeral = false;    ///< deleted when the client that made it goes away
  vm_driver driver = vm_driver::qemu;
  network_kind network = network_kind::user;
  bool has_nat = true; ///< of a tap: other networks than the bridge's are reached
  root_disk_kind root_disk = root_disk_kind::overlay;
  std::string owner{};           ///< whose lease it lives by (renew_owner); empty: nobody's
  std::uint64_t owner_token = 0; ///< of that lease
};

template <class Inspector>
auto inspect(Inspector& f, vm_config& x) {
  return f(x.name, x.image, x.vcpu_count, x.memory_mib, x.disk_mib, x.is_isolated, x.is_ephemeral,
           x.driver, x.network, x.has_nat, x.root_disk, x.owner, x.owner_token);
}

/// One observation of a VM.
struct vm_info {
  std::string id;   ///< 12 hex digits, for life
  std::string name; ///< RFC 1123 label, unique
  vm_state state = vm_state::stopped;
  std::string image;
  std::uint32_t vcpu_count = 0;
  std::uint32_t memory_mib = 0;
  std::uint32_t disk_mib = 0;
  std::string
      address; ///< that reaches the guest: "127.77.x.y" on the loopback, "10.77.x.y" of a tap
  std::uint16_t ssh_port = 0;
  bool is_isolated = false;
  bool is_ephemeral = false;
  std::int64_t created_at_ms = 0; ///< Unix time
  std::int64_t started_at_ms = 0; ///< Unix time; 0 unless running
  std::int32_t pid = 0;           ///< hypervisor process; 0 when there is none
  std::string accelerator;        ///< "kvm" or "tcg"; empty unless running
  std::string directory;          ///< the VM's folder on the host
  std::string console_log;        ///< path of the serial console's log
  std::string last_error;         ///< why it is in state error or stopped by itself; else empty
  std::string last_error_stage;   ///< the stage that failed
  std::int64_t last_error_at_ms = 0;
  std::string operation; ///< what runs on it now: "start", "stop", ...; else empty
  std::string stage;     ///< the operation's stage
  std::int64_t operation_since_ms = 0;
  bool is_quarantined = false;          ///< it offered a host key that is not the pinned one
  std::uint32_t running_vcpu_count = 0; ///< as it was started; 0 unless it has a process
  std::uint32_t running_memory_mib = 0; ///< likewise
  std::uint32_t running_disk_mib = 0;   ///< likewise
  vm_driver driver = vm_driver::qemu;
  network_kind network = network_kind::user;
  bool has_nat = true; ///< of a tap
  root_disk_kind root_disk = root_disk_kind::overlay;
  std::string owner{}; ///< whose lease it lives by; empty: nobody's
  friend bool operator==(const vm_info&, const vm_info&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, vm_info& x) {
  return f(x.id, x.name, x.state, x.image, x.vcpu_count, x.memory_mib, x.disk_mib, x.address,
           x.ssh_port, x.is_isolated, x.is_ephemeral, x.created_at_ms, x.started_at_ms, x.pid,
           x.accelerator, x.directory, x.console_log, x.last_error, x.last_error_stage,
           x.last_error_at_ms, x.operation, x.stage, x.operation_since_ms, x.is_quarantined,
           x.running_vcpu_count, x.running_memory_mib, x.running_disk_mib, x.driver, x.network,
           x.has_nat, x.root_disk, x.owner);
}

struct vm_list {
  std::vector<vm_info> vms; ///< by name
};

template <class Inspector>
auto inspect(Inspector& f, vm_list& x) {
  return f(x.vms);
}

/// A bootable root file system with its kernel, as one build left it.
struct image_info {
  std::string name;
  std::string build; ///< id of the build; VMs stay on the build they were made from
  std::string suite; ///< Debian release
  std::string init;  ///< "banger" or "systemd"
  std::string kernel_version;
  std::int64_t created_at_ms = 0;
  std::uint64_t virtual_bytes = 0; ///< size of the root disk as a guest sees it
  std::uint64_t disk_bytes = 0;    ///< what the whole image takes on the host
  std::uint32_t package_count = 0;
  std::string directory;
  friend bool operator==(const image_info&, const image_info&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, image_info& x) {
  return f(x.name, x.build, x.suite, x.init, x.kernel_version, x.created_at_ms, x.virtual_bytes,
           x.disk_bytes, x.package_count, x.directory);
}

/// Where a pin of a host key comes from. The text stands as a comment in the known_hosts line.
enum class key_provenance : std::uint8_t {
  other,     ///< somebody else wrote it: an ssh client, or a person
  seeded,    ///< banger made the key and pinned it before the first boot
  first_use, ///< the guest brought its own key; what it offered first was pinned
  accepted,  ///< a person accepted it in place of another one
};

[[nodiscard]] std::string to_string(key_provenance x);

/// A host key that is pinned, and the one that was offered in its place.
struct host_key_info {
  std::string vm_name;            ///< empty where the line is for no VM
  std::vector<std::string> names; ///< as the file spells them: "box.vm", "[127.77.0.2]:2222"
  std::string type;               ///< "ssh-ed25519"; empty where none is pinned
  std::string fingerprint;        ///< "SHA256:..."
  std::string key;                ///< the key itself, in base64
  key_provenance provenance = key_provenance::other;
  std::uint32_t line = 0;          ///< of the file, from 1: the first of its lines
  bool is_quarantined = false;     ///< another key was offered, and nobody has accepted it yet
  std::string offered_type;        ///< that key; empty unless quarantined
  std::string offered_fingerprint; ///< likewise
  friend bool operator==(const host_key_info&, const host_key_info&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, host_key_info& x) {
  return f(x.vm_name, x.names, x.type, x.fingerprint, x.key, x.provenance, x.line, x.is_quarantined,
           x.offered_type, x.offered_fingerprint);
}

struct host_key_list {
  std::string path; ///< of the known_hosts file
  std::vector<host_key_info> keys;
};

template <class Inspector>
auto inspect(Inspector& f, host_key_list& x) {
  return f(x.path, x.keys);
}

struct image_list {
  std::vector<image_info> images; ///< by name
};

template <class Inspector>
auto inspect(Inspector& f, image_list& x) {
  return f(x.images);
}

/// What a daemon found and put right when it started, before it served anybody.
struct reconcile_report {
  std::uint32_t adopted = 0; ///< VMs whose processes live on
  std::uint32_t settled = 0; ///< VMs that had died, or were half started or stopped: at rest now
  std::uint32_t rolled_back = 0; ///< VMs half made or half deleted: gone now
  std::uint32_t failed = 0;      ///< VMs that could not be brought to rest: in error now
  std::uint32_t cleared = 0;     ///< processes and folders of no VM
  std::uint32_t pending = 0;     ///< VMs it has not finished with
  std::int64_t took_ms = 0;
};

template <class Inspector>
auto inspect(Inspector& f, reconcile_report& x) {
  return f(x.adopted, x.settled, x.rolled_back, x.failed, x.cleared, x.pending, x.took_ms);
}

struct daemon_status {
  std::string program_version;
  std::uint32_t protocol_version = 0;
  std::int32_t pid = 0;
  std::int64_t started_at_ms = 0;
  std::string socket;
  std::string database;
  std::string log;
  std::uint32_t vm_count = 0;
  std::uint32_t running_count = 0;
  std::uint32_t client_count = 0;
  std::uint32_t worker_count = 0; ///< scheduler threads
  reconcile_report reconciled;
  std::string dns_listen{}; ///< where names of VMs are asked for: "127.77.0.1:5300"; empty: nowhere
  std::string dns_trouble{}; ///< why not, where it is wanted
  std::string host_id{};     ///< 12 hex digits
  std::string listen{};      ///< where other machines may connect: "192.0.2.7:7077"; empty: nowhere
  std::uint32_t cpu_count = 0;
  std::uint32_t vcpus_running = 0; ///< of all VMs that run
  std::uint64_t memory_mib = 0;
  std::uint64_t memory_free_mib = 0;    ///< that programs could still have (MemAvailable)
  std::uint64_t memory_running_mib = 0; ///< promised to VMs that run
  std::uint64_t disk_free_mib = 0;      ///< where VMs are
};

template <class Inspector>
auto inspect(Inspector& f, daemon_status& x) {
  return f(x.program_version, x.protocol_version, x.pid, x.started_at_ms, x.socket, x.database,
           x.log, x.vm_count, x.running_count, x.client_count, x.worker_count, x.reconciled,
           x.dns_listen, x.dns_trouble, x.host_id, x.listen, x.cpu_count, x.vcpus_running,
           x.memory_mib, x.memory_free_mib, x.memory_running_mib, x.disk_free_mib);
}

/// All that `ssh` needs to reach a guest.
struct ssh_target {
  std::string vm_name;
  std::string address;
  std::uint16_t port = 0;
  std::string user;
  std::string private_key;    ///< path
  std::string known_hosts;    ///< path
  std::string host_key_alias; ///< the name under which the key is pinned
};

template <class Inspector>
auto inspect(Inspector& f, ssh_target& x) {
  return f(x.vm_name, x.address, x.port, x.user, x.private_key, x.known_hosts, x.host_key_alias);
}

/// A piece of a VM's console log.
struct console_chunk {
  std::uint64_t offset = 0;      ///< where `bytes` starts
  std::uint64_t next_offset = 0; ///< where to go on
  std::string bytes;
};

template <class Inspector>
auto inspect(Inspector& f, console_chunk& x) {
  return f(x.offset, x.next_offset, x.bytes);
}

/// Reply without content.
struct done {};

template <class Inspector>
auto inspect(Inspector& f, done&) {
  return f();
}

} // namespace banger
