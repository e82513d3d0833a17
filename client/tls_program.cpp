#include "client/tls_program.hpp"

#include "host/process.hpp"

#include <algorithm>
#include <climits>
#include <unistd.h>

namespace banger::client {

result<std::string> find_tls_program() {
  char self[PATH_MAX];
  const auto size = ::readlink("/proc/self/exe", self, sizeof self);
  std::string folder{self, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  folder = folder.substr(0, folder.rfind('/'));
  const auto prefix = folder.substr(0, folder.rfind('/'));
  if (auto found = host::find_program("banger-tls", folder + ":" + prefix + "/libexec/banger"))
    return *found;
  return fail(ec::missing_program, "find banger-tls",
              "it is neither beside banger nor in " + prefix + "/libexec/banger",
              "install banger whole: meson install -C build");
}

} // namespace banger::client
