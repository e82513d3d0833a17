#include "host/host_facts.hpp"

#include "host/files.hpp"
#include "host/process.hpp"
#include "host/unique_fd.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>

namespace banger::host {

namespace {

constexpr std::size_t max_list = 4U << 20;

bool is_forbidden(int error) {
  return error == EACCES || error == EPERM;
}

/// Lists of the kernel's modules have a path a line: "kernel/net/bridge/bridge.ko: ...". Older
/// names have '-' where the module has '_'.
bool is_listed(const std::string& list, std::string module) {
  const auto text = read_file(list, max_list);
  if (!text)
    return false;
  if (text->find("/" + module + ".ko") != std::string::npos)
    return true;
  for (char& c : module)
    c = c == '_' ? '-' : c;
  return text->find("/" + module + ".ko") != std::string::npos;
}

std::string modules_folder() {
  utsname kernel{};
  return ::uname(&kernel) == 0 ? std::string{"/lib/modules/"} + kernel.release : std::string{};
}

bool forwards_ipv4() {
  const auto text = read_file("/proc/sys/net/ipv4/ip_forward", max_list);
  return text && text->starts_with('1');
}

} // namespace

core::device_access probe_device(const std::string& path) {
  const unique_fd fd{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK)};
  if (fd)
    return core::device_access::usable;
  return is_forbidden(errno) ? core::device_access::forbidden : core::device_access::absent;
}

core::kernel_feature probe_feature(const std::string& module, const std::string& sys_module,
                                   const std::string& modules) {
  if (exists(sys_module + "/" + module) || is_listed(modules + "/modules.builtin", module))
    return core::kernel_feature::present;
  return is_listed(modules + "/modules.dep", module) ? core::kernel_feature::loadable
                                                     : core::kernel_feature::absent;
}

core::helper_state probe_helper(const std::string& socket) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (socket.size() >= sizeof where.sun_path)
    return core::helper_state::absent;
  std::memcpy(where.sun_path, socket.data(), socket.size());
  const unique_fd fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ||
      errno == EAGAIN) // its queue is full: it is there
    return core::helper_state::reachable;
  if (is_forbidden(errno))
    return core::helper_state::forbidden;
  return errno == ECONNREFUSED ? core::helper_state::silent : core::helper_state::absent;
}

core::host_facts look_at_host(const paths& where) {
  core::host_facts facts;
  for (const auto& name : core::wanted_programs())
    if (auto path = find_program(name, search_path()))
      facts.programs[name] = *path;
  for (const auto& path : core::wanted_devices())
    facts.devices[path] = probe_device(path);
  for (const auto& module : core::wanted_features())
    facts.features[module] = probe_feature(module, "/sys/module", modules_folder());
  facts.helper = probe_helper(where.helper_socket);
  facts.helper_socket = where.helper_socket;
  facts.forwards_ipv4 = forwards_ipv4();
  facts.has_default_image = exists(where.images + "/debian/current/manifest.json");
  return facts;
}

} // namespace banger::host
