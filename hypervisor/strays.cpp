#include "hypervisor/strays.hpp"

#include "hypervisor/qemu_process.hpp"

#include "host/process.hpp"
#include "host/unique_fd.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>

namespace banger::hypervisor {

namespace {

bool is_among(const core::process_identity& x, const std::vector<core::vm_handles>& known) {
  return std::any_of(known.begin(), known.end(),
                     [&](const auto& handles) { return handles.qemu == x || handles.net == x; });
}

/// The program's name, where it is one that we leave running.
std::string program_of(pid_t pid) {
  auto name = program_name(host::arguments_of(pid));
  const auto is_ours =
      name.starts_with("qemu-system-") || name == "banger-net" || is_firecracker(name);
  return is_ours ? name : std::string{};
}

void end(const host::unique_fd& process) {
  constexpr int patience_ms = 5'000; // a killed process may still write its last pages
  host::signal_process(process, SIGKILL);
  pollfd waiting{process.get(), POLLIN, 0};
  (void)::poll(&waiting, 1, patience_ms);
}

} // namespace

std::vector<std::string> end_strays(const std::string& folder,
                                    const std::vector<core::vm_handles>& known) {
  std::vector<std::string> ended;
  for (auto pid : host::find_processes_naming(folder)) {
    // Hold it first, then look who it is: in between it can end, but not become another process.
    auto process = host::open_pidfd(pid);
    auto program = program_of(pid);
    auto identity = identify(pid);
    if (!process || program.empty() || is_among(identity, known))
      continue;
    end(*process);
    ended.push_back(program + ", process " + std::to_string(pid));
  }
  return ended;
}

void end_blocking(const core::vm_handles& handles) {
  const auto process = hold_qemu(handles);
  if (!process)
    return;
  kill_qemu(*process);
  end(process->qemu_pidfd);
}

} // namespace banger::hypervisor
