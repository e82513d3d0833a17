#include "actors/vm_files_blocking.hpp"

#include "core/handles.hpp"
#include "core/qemu_args.hpp"
#include "core/vm_record_check.hpp"
#include "host/files.hpp"
#include "host/log.hpp"
#include "host/process.hpp"
#include "hypervisor/helper_channel.hpp"
#include "hypervisor/host_resources.hpp"
#include "hypervisor/qemu_process.hpp"
#include "hypervisor/rediscover.hpp"
#include "hypervisor/strays.hpp"
#include "hypervisor/vm_usage.hpp"
#include "protocol/caf_error.hpp"
#include "storage/vm_folder.hpp"

#include <chrono>
#include <filesystem>

namespace banger::actors {

namespace {

caf::result<done> to_reply(const result<void>& x) {
  if (!x)
    return to_error(x.error());
  return done{};
}

caf::result<done> prepare_boot(const write_boot_files& x) {
  if (auto grown = storage::grow_work_disk({x.directory, x.disk_mib}); !grown)
    return to_reply(grown);
  return to_reply(storage::write_boot_archive(x));
}

constexpr std::size_t max_handles = 64U << 10;

core::helper_request helper_question() {
  core::helper_request x;
  x.op = core::helper_op::describe;
  return x;
}

caf::result<done> record(const write_handles& x) {
  auto path = storage::handles_path(x.directory);
  if (!x.text.empty())
    return to_reply(host::write_file_durably(path, x.text, 0600));
  // What they name of banger-helper's goes first: without them nobody would know of it.
  if (auto text = host::read_file(path, max_handles))
    if (auto old = core::parse_handles(*text); // a copy of a folder has those of the original
        old && old->boot_id == host::boot_id() && old->directory == x.directory)
      if (auto released = hypervisor::release_blocking(*old); !released)
        return to_error(released.error());
  return to_reply(host::remove_tree(path)); // whatever somebody has put there
}

/// A VM that needs banger-helper is not made where there is none.
caf::result<vm_files_made> make(const make_vm_files& x) {
  constexpr std::chrono::seconds limit{5};
  if (!x.helper_socket.empty())
    if (auto hello = hypervisor::ask_helper_blocking(x.helper_socket, helper_question(), limit);
        !hello)
      return to_error(hello.error());
  auto key = storage::make_vm_folder(x);
  if (!key)
    return to_error(key.error());
  return vm_files_made{*key};
}

result<core::vm_handles> handles_in(const std::string& directory) {
  auto text = host::read_file(storage::handles_path(directory), max_handles);
  return text ? core::parse_handles(*text) : tl::make_unexpected(text.error());
}

caf::result<done> switch_now(const switch_nat& x) {
  auto handles = handles_in(x.directory);
  return handles ? to_reply(hypervisor::set_nat_blocking(*handles, x.has_nat))
                 : to_error(handles.error());
}

caf::result<root_disk_health> look_at_disk(const look_at_root_disk& x) {
  auto handles = handles_in(x.directory);
  if (!handles)
    return to_error(handles.error());
  auto warning = hypervisor::disk_warning_blocking(*handles);
  if (!warning)
    return to_error(warning.error());
  return root_disk_health{*warning};
}

/// Handles that can be relied on; else why there are none.
result<core::vm_handles> read_handles(const vm_record& record, std::string& text) {
  auto found = host::read_file(storage::handles_path(record.directory), max_handles);
  if (!found)
    return fail(found.error().code, found.error().code == ec::not_found
                                        ? "its handles were missing"
                                        : "its handles could not be read");
  text = *found;
  auto handles = core::parse_handles(text);
  if (!handles)
    return fail(handles.error().code, handles.error().code == ec::version_mismatch
                                          ? "its handles are of another banger"
                                          : "its handles were damaged");
  if (handles->vm_id != record.id)
    return fail(ec::storage_failed, "its handles are those of another VM");
  if (handles->boot_id != host::boot_id())
    return fail(ec::not_found, "the host was started anew");
  std::error_code error; // another spelling, by a symbolic link, is the same folder
  if (handles->directory == record.directory ||
      std::filesystem::equivalent(handles->directory, record.directory, error))
    return handles;
  if (host::exists(handles->directory))
    return fail(ec::storage_failed, "its folder is a copy of " + handles->directory);
  hypervisor::end_blocking(*handles);
  return fail(ec::storage_failed, "its folder was moved from " + handles->directory);
}

vm_past read_past(const vm_record& record, const std::string& helper_socket) {
  vm_past past;
  auto handles = read_handles(record, past.handles);
  const auto was_running = record.settled == settled_state::running;
  if (!handles && (was_running || handles.error().code != ec::not_found)) {
    past.finding = handles.error().what;
    if (past.handles.empty() && handles.error().code != ec::not_found)
      past.handles = past.finding; // there is something, and it must go
  }
  // A VM that was at rest had its handles on disk; lost since, they are in the process itself.
  if (!handles && was_running)
    if (auto found = hypervisor::rediscover(record.id, record.directory)) {
      found->host = hypervisor::expected_handles(record, helper_socket);
      past.handles = core::render_handles(*found);
      (void)host::remove_tree(storage::handles_path(record.directory));
      (void)host::write_file_durably(storage::handles_path(record.directory), past.handles, 0600);
      handles = *found;
    }
  if (!handles || !hypervisor::hold_qemu(*handles))
    return past;
  past.is_alive = true;
  past.pid = handles->qemu.pid;
  past.accelerator = handles->accelerator;
  past.started_at_ms = handles->started_at_ms;
  past.sizes = core::sizes_in(host::arguments_of(past.pid));
  const auto disk_bytes = host::file_size(record.directory + "/work.ext4");
  past.sizes.disk_mib = static_cast<std::uint32_t>(disk_bytes >> 20);
  return past;
}

/// A daemon that ended while it grew a disk has noted how large it is to be: that is done now.
void finish_growing(const vm_record& record) {
  const grow_disk wanted{record.directory, record.disk_mib};
  if (record.settled == settled_state::creating || record.wanted == wanted_state::deleted ||
      !core::check_record(record))
    return;
  if (auto grown = storage::grow_work_disk(wanted); !grown)
    host::log_warning("vm '" + record.name + "': " + to_string(grown.error()));
}

} // namespace

vm_past look_at_past_blocking(const vm_record& record, const std::string& helper_socket) {
  auto past = read_past(record, helper_socket);
  if (past.is_alive)
    return past;
  storage::remove_leftovers(record.directory);
  finish_growing(record);
  return past;
}

namespace {

vm_past look_again(const look_at_past& x, const std::string& helper_socket) {
  auto past = look_at_past_blocking(x.record, helper_socket);
  past.is_restart = true;
  std::vector<core::vm_handles> known;
  if (auto handles = core::parse_handles(past.handles); handles && past.is_alive)
    known.push_back(*handles);
  for (const auto& what : hypervisor::end_strays(x.record.directory, known))
    host::log_warning("ended a process of no VM: " + what);
  return past;
}

} // namespace

vm_files_actor::behavior_type vm_files(vm_files_actor::stateful_pointer<vm_files_state> self,
                                       std::string helper_socket) {
  self->state.helper_socket = std::move(helper_socket);
  return {
      [](const make_vm_files& x) { return make(x); },
      [](const write_boot_files& x) { return prepare_boot(x); },
      [](const grow_disk& x) { return to_reply(storage::grow_work_disk(x)); },
      [](const write_handles& x) { return record(x); },
      [](const remove_vm_files& x) { return to_reply(host::remove_tree(x.directory)); },
      [self](const look_at_past& x) { return look_again(x, self->state.helper_socket); },
      [](const measure_vm& x) { return hypervisor::measure_usage(x); },
      [](const look_at_root_disk& x) { return look_at_disk(x); },
      [](const switch_nat& x) { return switch_now(x); },
      [](const cap_console& x) { return to_reply(storage::cap_console_log(x.path)); },
      [](const read_log& x) -> caf::result<console_chunk> {
        auto chunk = storage::read_log_piece(x);
        if (!chunk)
          return to_error(chunk.error());
        return *chunk;
      },
  };
}

} // namespace banger::actors
