// The requests of Firecracker's API that we send, and what it answers, as values. Pure: who sends
// them is hypervisor/firecracker_api.
//
// Source: Firecracker's published API description, version 1.17 (tests/data/firecracker.yaml). Each
// request here is held to it by tests/firecracker. Firecracker refuses fields it does not know, so
// what is left at its default is not sent: an older Firecracker then takes the request too.
#pragma once

#include "protocol/firecracker_orders.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core::firecracker {

using request = firecracker_call;

/// PUT /machine-config. Only before the start.
struct machine_config {
  std::uint32_t vcpu_count = 1;    ///< 1 to 32
  std::uint32_t memory_mib = 128;  ///< in MiB
  bool has_smt = false;            ///< then vcpu_count is 1 or even
  bool tracks_dirty_pages = false; ///< needed for diff snapshots
};

/// PUT /boot-source. Only before the start. Paths are Firecracker's: inside its jail, if it has
/// one.
struct boot_source {
  std::string kernel;    ///< an uncompressed ELF kernel
  std::string initrd;    ///< empty: none
  std::string arguments; ///< empty: Firecracker's own defaults, which forbid modules
};

enum class cache : std::uint8_t {
  unsafe,    ///< a flush of the guest does nothing
  writeback, ///< a flush of the guest is an fsync(2) of the host
};

enum class io_engine : std::uint8_t {
  sync,
  async, ///< io_uring; host kernels newer than 5.10.51
};

/// PUT /drives/{id}. Only before the start; the guest sees drives in the order they were put.
struct drive {
  std::string id; ///< letters, digits and '_'
  std::string path;
  bool is_root = false; ///< puts root=/dev/vda on the kernel's command line
  bool is_read_only = false;
  cache caching = cache::unsafe;
  io_engine engine = io_engine::sync;
};

/// PATCH /drives/{id}: another file behind a drive of a running VM, or the same one, grown.
struct drive_update {
  std::string id;
  std::string path;
};

/// PUT /network-interfaces/{id}. Only before the start.
struct network_interface {
  std::string id;
  std::string tap;                  ///< name of a tap device of the host
  std::string mac;                  ///< empty: Firecracker picks one
  std::optional<std::uint16_t> mtu; ///< 68 or more
};

/// PUT /vsock. Only before the start.
struct vsock {
  std::uint32_t guest_cid = 3; ///< 3 or more
  std::string path;            ///< Firecracker listens here: see core/firecracker_vsock.hpp
};

enum class log_level : std::uint8_t { error, warning, info, debug, trace, off };

/// PUT /logger. @pre the file, or the named pipe, is there: older Firecrackers do not make it.
struct logger {
  std::string path;
  log_level level = log_level::info;
  bool shows_level = false;
  bool shows_origin = false;
};

/// PUT /metrics, once. @pre as logger's. What comes out is core/firecracker_metrics.hpp's.
struct metrics {
  std::string path;
};

/// PUT /entropy: a virtio-rng device. Only before the start.
struct entropy_device {};

/// PUT /serial: where the serial console's output goes instead of Firecracker's own stdout. Only
/// before the start. Older Firecrackers do not know it: we give them the log as their stdout.
struct serial_device {
  std::string path;
};

/// PUT /actions.
enum class action : std::uint8_t {
  instance_start,    ///< once
  send_ctrl_alt_del, ///< x86-64: the guest's own shutdown; Firecracker ends when it reboots
  flush_metrics,
};

/// PATCH /vm, after the start.
enum class run_state : std::uint8_t { paused, resumed };

/// PUT /snapshot/create. @pre the VM is paused.
struct snapshot_create {
  std::string state_path;
  std::string memory_path;
  bool is_diff = false; ///< only what changed since the last one; needs tracks_dirty_pages
};

/// Another tap behind a network interface that a snapshot has.
struct network_override {
  std::string id;
  std::string tap;
};

/// PUT /snapshot/load, before anything but logger and metrics is put. Disks, taps and the kernel
/// have to be where they were.
struct snapshot_load {
  std::string state_path;
  std::string memory_path; ///< mapped privately: must stay as it is for as long as the VM runs
  bool tracks_dirty_pages = false;
  bool resumes = false; ///< run on at once
  std::vector<network_override> networks;
  std::string vsock_path; ///< empty: where it was
};

struct get_instance_info {};  ///< GET /
struct get_version {};        ///< GET /version
struct get_machine_config {}; ///< GET /machine-config

[[nodiscard]] request to_request(const machine_config& x);
[[nodiscard]] request to_request(const boot_source& x);
[[nodiscard]] request to_request(const drive& x);
[[nodiscard]] request to_request(const drive_update& x);
[[nodiscard]] request to_request(const network_interface& x);
[[nodiscard]] request to_request(const vsock& x);
[[nodiscard]] request to_request(const logger& x);
[[nodiscard]] request to_request(const metrics& x);
[[nodiscard]] request to_request(const entropy_device& x);
[[nodiscard]] request to_request(const serial_device& x);
[[nodiscard]] request to_request(action x);
[[nodiscard]] request to_request(run_state x);
[[nodiscard]] request to_request(const snapshot_create& x);
[[nodiscard]] request to_request(const snapshot_load& x);
[[nodiscard]] request to_request(const get_instance_info& x);
[[nodiscard]] request to_request(const get_version& x);
[[nodiscard]] request to_request(const get_machine_config& x);

// -- what comes back

/// What an HTTP status and body mean for the request they answer.
/// @returns the body, which is empty where there is nothing to tell (204). Errors:
/// hypervisor_failed, with Firecracker's own fault_message where it sent one.
[[nodiscard]] result<std::string> read_reply(const request& asked, int status,
                                             const std::string& body);

enum class instance_state : std::uint8_t { not_started, running, paused };

/// The answer to GET /.
struct instance_info {
  std::string id;
  instance_state state = instance_state::not_started;
  std::string version; ///< of Firecracker: "1.13.1"
  friend bool operator==(const instance_info&, const instance_info&) = default;
};

/// Errors: hypervisor_failed where the text is no InstanceInfo.
[[nodiscard]] result<instance_info> parse_instance_info(std::string_view body);

struct version {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t patch = 0;
  friend auto operator<=>(const version&, const version&) = default;
};

/// The oldest that describes its devices by ACPI, as a kernel without
/// CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES (Debian's) needs it. Source: Firecracker's CHANGELOG, 1.8.0.
inline constexpr version oldest_version{1, 8, 0};

/// Of "1.13.1", "v1.17.0-dev" or the first line of `firecracker --version`, "Firecracker v1.13.1".
/// Errors: hypervisor_failed.
[[nodiscard]] result<version> parse_version(std::string_view text);

} // namespace banger::core::firecracker
