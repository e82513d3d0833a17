#include "hypervisor/qemu_process.hpp"

#include "core/firecracker_plan.hpp"
#include "core/net_counters.hpp"
#include "core/qemu_args.hpp"
#include "host/clock.hpp"
#include "host/files.hpp"
#include "host/process.hpp"
#include "host/unix_socket.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace banger::hypervisor {

namespace {

constexpr std::size_t last_words_size = 600;
constexpr int ssh_in_guest = 22;

/// Listening sockets for QEMU and our connections to them, made before QEMU: no waiting for it to
/// listen.
struct sockets {
  host::unique_fd qmp_listener, control_listener, port_listener, qmp, control, net_for_qemu,
      net_for_helper;
};

/// @param has_tap  the guest's network is one: there is no process beside QEMU
result<sockets> make_sockets(const core::vm_handles& handles, bool has_tap) {
  sockets x;
  auto listen_and_dial = [](const std::string& path, host::unique_fd& listener,
                            host::unique_fd& client) -> result<void> {
    auto listening = host::listen_unix(path);
    if (!listening)
      return tl::make_unexpected(listening.error());
    auto dialled = host::connect_unix(path);
    if (!dialled)
      return tl::make_unexpected(dialled.error());
    listener = std::move(*listening);
    client = std::move(*dialled);
    return {};
  };
  if (auto ok = listen_and_dial(handles.qmp_socket, x.qmp_listener, x.qmp); !ok)
    return tl::make_unexpected(ok.error());
  if (auto ok = listen_and_dial(handles.control_socket, x.control_listener, x.control); !ok)
    return tl::make_unexpected(ok.error());
  auto port = host::listen_unix(core::port_socket(handles.directory));
  if (!port)
    return tl::make_unexpected(port.error());
  x.port_listener = std::move(*port); // whoever has use for it dials later
  if (has_tap)
    return x;
  auto pair = host::socket_pair();
  if (!pair)
    return tl::make_unexpected(pair.error());
  x.net_for_qemu = std::move(pair->first);
  x.net_for_helper = std::move(pair->second);
  return x;
}

core::qemu_launch launch_plan(const launch_machine& request, const programs& where) {
  core::qemu_launch x;
  x.program = where.qemu;
  x.vm_id = request.vm_id;
  x.vm_name = request.vm_name;
  x.directory = request.directory;
  x.kernel = request.kernel;
  x.initrd = request.directory + "/initrd.cpio";
  x.root_disk = request.directory + "/root.qcow2";
  x.work_disk = request.directory + "/work.ext4";
  x.console_log = request.directory + "/console.log";
  x.cmdline_extra = request.cmdline_extra;
  x.vcpu_count = request.vcpu_count;
  x.memory_mib = request.memory_mib;
  x.mac = core::guest_mac(request.vm_id);
  x.has_kvm = where.has_kvm;
  x.has_tap = request.needs.network == network_kind::tap;
  x.has_root_device = request.needs.root_disk == root_disk_kind::snapshot;
  return x;
}

result<host::unique_fd> open_log(const std::string& directory) {
  auto path = directory + "/qemu.log";
  host::unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!fd)
    return fail_errno("open " + path);
  return fd;
}

/// @returns no process where a tap is the network
result<host::child> start_helper(const launch_machine& request, const programs& where, int socket,
                                 int log) {
  if (request.needs.network == network_kind::tap)
    return host::child{};
  constexpr int helper_fd = 3;
  host::spawn_request spawn;
  spawn.argv = {where.net_helper,
                "--vm",
                request.directory,
                "--fd",
                std::to_string(helper_fd),
                "--forward",
                request.address + ":" + std::to_string(request.ssh_port) + "=" +
                    std::to_string(ssh_in_guest),
                "--counters",
                core::net_counters_path(request.directory)};
  if (request.is_isolated)
    spawn.argv.emplace_back("--isolated");
  spawn.fds = {{socket, helper_fd}, {log, 2}};
  spawn.has_own_session = true;
  return host::spawn(spawn);
}

bool is_same(const core::process_identity& x) {
  return x.pid > 0 && x.start_ticks != 0 && host::start_time(x.pid) == x.start_ticks;
}

} // namespace

result<programs> find_programs(const std::string& net_helper) {
  programs x;
  auto qemu = host::find_program("qemu-system-x86_64", host::search_path());
  if (!qemu)
    return fail(ec::missing_program, "find qemu-system-x86_64", "it is not installed",
                "apt-get install qemu-system-x86");
  x.qemu = *qemu;
  x.net_helper = net_helper;
  host::unique_fd kvm{::open("/dev/kvm", O_RDWR | O_CLOEXEC)};
  x.has_kvm = static_cast<bool>(kvm);
  return x;
}

void name_sockets(core::vm_handles& handles, const std::string& directory) {
  handles.directory = directory;
  handles.qmp_socket = directory + "/qmp.sock";
  handles.control_socket = directory + "/control.sock";
}

core::process_identity identify(pid_t pid) {
  return {pid, host::start_time(pid).value_or(0)};
}

std::string program_name(const std::vector<std::string>& arguments) {
  if (arguments.empty())
    return {};
  return arguments.front().substr(arguments.front().rfind('/') + 1);
}

bool is_firecracker(const std::string& name) {
  return name.starts_with("firecracker");
}

result<qemu_process> start_qemu(const launch_machine& request, const programs& where,
                                host_resources resources) {
  qemu_process x;
  x.handles.vm_id = request.vm_id;
  name_sockets(x.handles, request.directory);
  x.accelerator = x.handles.accelerator = where.has_kvm ? "kvm" : "tcg";
  x.handles.boot_id = host::boot_id();
  x.handles.started_at_ms = host::unix_ms();
  if (needs_helper(request.needs))
    x.handles.host = resources.handles;
  auto links = make_sockets(x.handles, static_cast<bool>(resources.tap));
  auto log = open_log(request.directory);
  if (!links || !log) {
    remove_sockets(x.handles);
    return tl::make_unexpected(links ? log.error() : links.error());
  }
  auto helper = start_helper(request, where, links->net_for_helper.get(), log->get());
  if (!helper) {
    remove_sockets(x.handles);
    return tl::make_unexpected(helper.error());
  }
  auto plan = launch_plan(request, where);
  host::spawn_request spawn;
  spawn.argv = core::qemu_arguments(plan);
  spawn.fds = {{links->qmp_listener.get(), plan.fds.qmp},
               {links->control_listener.get(), plan.fds.control},
               {resources.tap ? resources.tap.get() : links->net_for_qemu.get(), plan.fds.net},
               {links->port_listener.get(), plan.fds.port},
               {log->get(), 1},
               {log->get(), 2}};
  if (resources.disk)
    spawn.fds.push_back({resources.disk.get(), plan.fds.disk});
  spawn.has_own_session = true;
  auto qemu = host::spawn(spawn);
  if (!qemu) {
    host::signal_process(helper->pidfd, SIGKILL);
    remove_sockets(x.handles);
    return tl::make_unexpected(qemu.error());
  }
  x.handles.qemu = identify(qemu->pid);
  if (helper->pidfd)
    x.handles.net = identify(helper->pid);
  x.qemu_pidfd = std::move(qemu->pidfd);
  x.net_pidfd = std::move(helper->pidfd);
  x.qmp = std::move(links->qmp);
  x.control = std::move(links->control);
  return x;
}

result<qemu_process> hold_qemu(const core::vm_handles& handles) {
  auto gone =
      fail(ec::not_found, "take over the hypervisor of " + handles.directory, "it has ended");
  if (handles.boot_id != host::boot_id())
    return gone;
  qemu_process x;
  x.handles = handles;
  x.accelerator = handles.accelerator;
  // Hold it first, then look who it is: in between it can end, but not become another process.
  auto pidfd = host::open_pidfd(handles.qemu.pid);
  if (!pidfd || !is_same(handles.qemu))
    return gone;
  auto arguments = host::arguments_of(handles.qemu.pid);
  auto is_ours =
      std::any_of(arguments.begin(), arguments.end(), [&](const std::string& x_argument) {
        return host::names_path(x_argument, handles.directory);
      });
  if (!is_ours || host::has_ended(*pidfd))
    return gone;
  x.qemu_pidfd = std::move(*pidfd);
  if (auto net = host::open_pidfd(handles.net.pid); net && is_same(handles.net))
    x.net_pidfd = std::move(*net);
  return x;
}

result<qemu_process> adopt_qemu(const core::vm_handles& handles) {
  auto x = hold_qemu(handles);
  if (!x)
    return x;
  if (auto qmp = host::connect_unix(handles.qmp_socket))
    x->qmp = std::move(*qmp);
  if (auto control = host::connect_unix(handles.control_socket))
    x->control = std::move(*control);
  return x;
}

void kill_qemu(const qemu_process& process) {
  host::signal_process(process.qemu_pidfd, SIGKILL);
  host::signal_process(process.net_pidfd, SIGKILL);
}

void remove_sockets(const core::vm_handles& handles) {
  host::remove_file(handles.qmp_socket);
  host::remove_file(handles.control_socket);
  host::remove_file(core::port_socket(handles.directory));
  host::remove_file(core::net_counters_path(handles.directory));
  if (handles.driver == vm_driver::firecracker)
    host::remove_file(core::firecracker::vsock_socket(handles.directory));
}

std::string describe_end(const qemu_process& process) {
  auto status = host::reap(process.qemu_pidfd);
  return status ? host::describe_wait_status(*status) : "ended";
}

std::string last_words(const std::string& vm_directory) {
  auto text = host::read_tail(vm_directory + "/qemu.log", last_words_size);
  if (!text)
    return {};
  while (!text->empty() && text->back() == '\n')
    text->pop_back();
  std::replace(text->begin(), text->end(), '\n', ';');
  return *text;
}

} // namespace banger::hypervisor
