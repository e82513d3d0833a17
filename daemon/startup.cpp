#include "daemon/startup.hpp"

#include "core/handles.hpp"
#include "host/files.hpp"
#include "host/process.hpp"
#include "hypervisor/qemu_process.hpp"
#include "storage/vm_folder.hpp"
#include "storage/vm_records.hpp"

#include <filesystem>

namespace banger::daemon {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_small_file = 64U << 10;

actors::vm_past past_of(const vm_record& record) {
  actors::vm_past past;
  auto text = host::read_file(storage::handles_path(record.directory), max_small_file);
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

companions find_companions() {
  std::error_code error;
  auto self = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (fs::exists(self / "guest", error)) // a build folder
    return {self / "banger-net", self / "banger-image", self / "guest",
            self / "images" / "recipes"};
  auto prefix = self.parent_path();
  auto libexec = prefix / "libexec" / "banger";
  return {libexec / "banger-net", libexec / "banger-image", libexec / "guest",
          prefix / "share" / "banger" / "recipes"};
}

result<void> prepare_folders(const host::paths& where) {
  for (const auto& folder :
       {where.state, where.data, where.cache, where.vms, where.images, where.ssh})
    if (auto ok = host::make_private_directory(folder); !ok)
      return ok;
  return {};
}

result<login_key> prepare_key(const host::paths& where) {
  if (!host::exists(where.private_key)) {
    auto program = host::find_program("ssh-keygen", host::search_path());
    if (!program)
      return fail(ec::missing_program, "find ssh-keygen", "it is not installed",
                  "apt-get install openssh-client");
    host::spawn_request spawn;
    spawn.argv = {*program, "-q", "-t",     "ed25519", "-N",
                  "",       "-C", "banger", "-f",      where.private_key};
    constexpr int limit_ms = 30'000;
    if (auto made = host::run_blocking(spawn, limit_ms); !made)
      return tl::make_unexpected(made.error());
  }
  auto key = ssh::private_key::load_blocking(where.private_key);
  if (!key)
    return tl::make_unexpected(key.error());
  auto line = host::read_file(where.private_key + ".pub", max_small_file);
  if (!line)
    return tl::make_unexpected(line.error());
  return login_key{*key, line->substr(0, line->find('\n'))};
}

result<std::vector<actors::known_vm>> load_known_vms(storage::database& db) {
  auto records = storage::load_vms(db);
  if (!records)
    return tl::make_unexpected(records.error());
  std::vector<actors::known_vm> known;
  for (auto& record : *records) {
    auto past = past_of(record);
    known.push_back({std::move(record), std::move(past)});
  }
  return known;
}

} // namespace banger::daemon
