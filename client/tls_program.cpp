#include "client/tls_program.hpp"

#include "host/process.hpp"

namespace banger::client {

result<std::string> find_tls_program() {
  const auto self = host::own_program();
  const auto folder = self.substr(0, self.rfind('/'));
  const auto prefix = folder.substr(0, folder.rfind('/'));
  auto places = folder + ":" + prefix + "/libexec/banger";
  if (auto banger = host::find_program("banger", host::search_path())) { // we are another program
    const auto theirs = banger->substr(0, banger->rfind('/'));
    places += ":" + theirs + ":" + theirs.substr(0, theirs.rfind('/')) + "/libexec/banger";
  }
  if (auto found = host::find_program("banger-tls", places))
    return *found;
  return fail(ec::missing_program, "find banger-tls",
              "it is neither beside banger nor in " + prefix + "/libexec/banger",
              "install banger whole: meson install -C build");
}

} // namespace banger::client
