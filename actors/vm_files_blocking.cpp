#include "actors/vm_files_blocking.hpp"

#include "core/handles.hpp"
#include "host/files.hpp"
#include "host/log.hpp"
#include "hypervisor/qemu_process.hpp"
#include "hypervisor/strays.hpp"
#include "protocol/caf_error.hpp"
#include "storage/vm_folder.hpp"

namespace banger::actors {

namespace {

caf::result<done> to_reply(const result<void>& x) {
  if (!x)
    return to_error(x.error());
  return done{};
}

caf::result<done> record(const write_handles& x) {
  auto path = storage::handles_path(x.directory);
  if (!x.text.empty())
    return to_reply(host::write_file_durably(path, x.text, 0600));
  host::remove_file(path);
  return done{};
}

} // namespace

namespace {

vm_past read_past(const std::string& directory) {
  constexpr std::size_t max_handles = 64U << 10;
  vm_past past;
  auto text = host::read_file(storage::handles_path(directory), max_handles);
  if (!text)
    return past;
  past.handles = *text;
  auto handles = core::parse_handles(*text);
  if (!handles)
    return past; // torn or foreign: nothing in it can be relied on
  auto process = hypervisor::adopt_qemu(*handles);
  if (!process)
    return past;
  past.is_alive = true;
  past.pid = handles->qemu.pid;
  past.accelerator = handles->accelerator;
  past.started_at_ms = handles->started_at_ms;
  return past;
}

} // namespace

vm_past look_at_past_blocking(const std::string& directory) {
  auto past = read_past(directory);
  if (!past.is_alive)
    storage::remove_leftovers(directory);
  return past;
}

namespace {

vm_past look_again(const look_at_past& x) {
  auto past = look_at_past_blocking(x.directory);
  std::vector<core::vm_handles> known;
  if (auto handles = core::parse_handles(past.handles); handles && past.is_alive)
    known.push_back(*handles);
  for (const auto& what : hypervisor::end_strays(x.directory, known))
    host::log_warning("ended a process of no VM: " + what);
  return past;
}

} // namespace

vm_files_actor::behavior_type vm_files(vm_files_actor::stateful_pointer<vm_files_state>) {
  return {
      [](const make_vm_files& x) -> caf::result<vm_files_made> {
        auto key = storage::make_vm_folder(x);
        if (!key)
          return to_error(key.error());
        return vm_files_made{*key};
      },
      [](const write_boot_files& x) { return to_reply(storage::write_boot_archive(x)); },
      [](const write_handles& x) { return record(x); },
      [](const remove_vm_files& x) { return to_reply(host::remove_tree(x.directory)); },
      [](const look_at_past& x) { return look_again(x); },
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
