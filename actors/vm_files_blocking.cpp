#include "actors/vm_files_blocking.hpp"

#include "host/files.hpp"
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
