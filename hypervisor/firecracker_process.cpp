#include "hypervisor/firecracker_process.hpp"

#include "core/firecracker_vsock.hpp"
#include "core/qemu_args.hpp"
#include "host/clock.hpp"
#include "host/files.hpp"
#include "host/process.hpp"
#include "host/unix_socket.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>

namespace banger::hypervisor {

namespace {

namespace firecracker = core::firecracker;

constexpr std::size_t last_words_size = 600;

result<host::unique_fd> open_to_append(const std::string& path, int more) {
  host::unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | more, 0600)};
  if (!fd)
    return fail_errno("open " + path);
  return fd;
}

std::string error_log(const std::string& directory) {
  return directory + "/firecracker.err";
}

core::vm_handles new_handles(const launch_machine& request) {
  core::vm_handles x;
  x.vm_id = request.vm_id;
  x.driver = vm_driver::firecracker;
  name_firecracker_sockets(x, request.directory);
  x.accelerator = "kvm";
  x.boot_id = host::boot_id();
  x.started_at_ms = host::unix_ms();
  return x;
}

/// Ends with Firecracker, whose pidfd it is given.
result<host::child> start_helper(const launch_machine& request, const std::string& program,
                                 int process, int log) {
  constexpr int helper_fd = 3;
  host::spawn_request spawn;
  spawn.argv = {program,
                "--vm",
                request.directory,
                "--process",
                std::to_string(helper_fd),
                "--vsock",
                firecracker::vsock_socket(request.directory),
                "--forward",
                request.address + ":" + std::to_string(request.ssh_port) + "=" +
                    std::to_string(firecracker::ssh_port)};
  spawn.fds = {{process, helper_fd}, {log, 2}};
  spawn.has_own_session = true;
  return host::spawn(spawn);
}

struct output_files {
  host::unique_fd console, errors;
};

result<output_files> open_output(const std::string& directory) {
  auto console = open_to_append(directory + "/console.log", 0);
  auto errors = open_to_append(error_log(directory), O_TRUNC);
  auto log = open_to_append(firecracker::log_path(directory), O_TRUNC);
  auto metrics = open_to_append(firecracker::metrics_path(directory), O_TRUNC);
  for (const auto* each : {&console, &errors, &log, &metrics})
    if (!*each)
      return tl::make_unexpected(each->error());
  return output_files{std::move(*console), std::move(*errors)};
}

/// Both processes, or Firecracker alone where it has a tap. It is killed where the helper cannot be
/// started.
result<void> start_both(const launch_machine& request, const firecracker_programs& where,
                        const output_files& output, qemu_process& x) {
  host::spawn_request spawn;
  spawn.argv = firecracker::arguments(where.firecracker, firecracker_plan(request, {}));
  spawn.fds = {{output.console.get(), 1}, {output.errors.get(), 2}};
  spawn.has_own_session = true;
  auto hypervisor = host::spawn(spawn);
  if (!hypervisor)
    return tl::make_unexpected(hypervisor.error());
  x.handles.qemu = identify(hypervisor->pid);
  x.qemu_pidfd = std::move(hypervisor->pidfd);
  if (request.needs.network == network_kind::tap)
    return {};
  auto helper = start_helper(request, where.net_helper, x.qemu_pidfd.get(), output.errors.get());
  if (!helper) {
    kill_qemu(x);
    return tl::make_unexpected(helper.error());
  }
  x.handles.net = identify(helper->pid);
  x.net_pidfd = std::move(helper->pidfd);
  return {};
}

} // namespace

result<firecracker_programs> find_firecracker(const std::string& net_helper) {
  auto program = host::find_program("firecracker", host::search_path());
  if (!program)
    return fail(ec::missing_program, "find firecracker", "it is not installed",
                "put the program of "
                "https://github.com/firecracker-microvm/firecracker/releases into PATH as "
                "'firecracker', start the daemon anew, or use --driver qemu");
  if (auto usable = check_kvm(); !usable)
    return tl::make_unexpected(usable.error());
  return firecracker_programs{*program, net_helper};
}

void name_firecracker_sockets(core::vm_handles& handles, const std::string& directory) {
  handles.directory = directory;
  handles.qmp_socket = firecracker::api_socket(directory);
  handles.control_socket = firecracker::guest_initiated_path(firecracker::vsock_socket(directory),
                                                             firecracker::control_port);
}

firecracker::launch firecracker_plan(const launch_machine& request,
                                     const host_resources& resources) {
  firecracker::launch x;
  x.id = request.vm_id;
  x.directory = request.directory;
  x.kernel = request.kernel;
  x.cmdline_extra = request.cmdline_extra;
  x.vcpu_count = request.vcpu_count;
  x.memory_mib = request.memory_mib;
  x.root_device = resources.disk_path;
  if (!resources.handles.tap.empty())
    x.network = firecracker::tap_plan{resources.handles.tap, core::guest_mac(request.vm_id)};
  return x;
}

result<firecracker_process> start_firecracker(const launch_machine& request,
                                              const firecracker_programs& where,
                                              const host_resources& resources) {
  if (auto fits = firecracker::check_launch(firecracker_plan(request, resources)); !fits)
    return tl::make_unexpected(fits.error());
  firecracker_process x;
  x.process.handles = new_handles(request);
  x.process.accelerator = x.process.handles.accelerator;
  if (needs_helper(request.needs))
    x.process.handles.host = resources.handles;
  auto output = open_output(request.directory);
  if (!output)
    return tl::make_unexpected(output.error());
  remove_sockets(x.process.handles); // Firecracker does not start where its own are there already
  auto listener = host::listen_unix(x.process.handles.control_socket);
  if (!listener)
    return tl::make_unexpected(listener.error());
  x.control_listener = std::move(*listener);
  (void)::fcntl(x.control_listener.get(), F_SETFL, O_NONBLOCK); // who comes may leave at once
  if (auto started = start_both(request, where, *output, x.process); !started) {
    remove_sockets(x.process.handles);
    return tl::make_unexpected(started.error());
  }
  return x;
}

std::string firecracker_last_words(const std::string& vm_directory) {
  for (const auto& path : {error_log(vm_directory), firecracker::log_path(vm_directory)}) {
    auto text = host::read_tail(path, last_words_size);
    if (!text)
      continue;
    while (!text->empty() && text->back() == '\n')
      text->pop_back();
    std::replace(text->begin(), text->end(), '\n', ';');
    if (!text->empty())
      return *text;
  }
  return {};
}

} // namespace banger::hypervisor
