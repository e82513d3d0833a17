// A Firecracker for tests: the stand-in of tests/firecracker/stand_in.py, as a process.
#pragma once

#include "core/firecracker_plan.hpp"
#include "host/process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <poll.h>
#include <string>

namespace banger::test {

/// Where the program is: the test's environment says it.
inline std::string stand_in_program() {
  const char* path = std::getenv("BANGER_TEST_FIRECRACKER");
  REQUIRE_MESSAGE(path != nullptr, "BANGER_TEST_FIRECRACKER is not set; run it by meson test");
  return path;
}

/// Tells the next stand-in, in its own JSON, what to do wrong. Gone with this.
class told {
public:
  explicit told(const std::string& behaviour) { ::setenv("BANGER_STAND_IN", behaviour.c_str(), 1); }
  ~told() { ::unsetenv("BANGER_STAND_IN"); }
  told(const told&) = delete;
};

/// A folder as a VM's, with the files that Firecracker wants to be there.
struct vm_folder {
  temporary_folder folder;

  vm_folder() {
    for (const char* name : {"vmlinux", "initrd.cpio", "root.raw", "work.ext4", "firecracker.log",
                             "metrics.json", "console.log"})
      std::ofstream{folder / name} << name;
  }

  [[nodiscard]] core::firecracker::launch launch() const {
    core::firecracker::launch x;
    x.id = "0123456789ab";
    x.directory = folder.path();
    x.kernel = folder / "vmlinux";
    return x;
  }
};

/// A running stand-in. Killed and collected with this.
class stand_in {
public:
  explicit stand_in(const vm_folder& where) {
    host::spawn_request spawn;
    spawn.argv = core::firecracker::arguments(stand_in_program(), where.launch());
    auto child = host::spawn(spawn);
    REQUIRE(child);
    process_ = std::move(*child);
    socket_ = core::firecracker::api_socket(where.folder.path());
  }
  ~stand_in() {
    host::signal_process(process_.pidfd, SIGKILL);
    pollfd waiting{process_.pidfd.get(), POLLIN, 0};
    (void)::poll(&waiting, 1, 5'000);
    (void)host::reap(process_.pidfd);
  }
  stand_in(const stand_in&) = delete;

  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] const host::unique_fd& process() const { return process_.pidfd; }

private:
  host::child process_;
  std::string socket_;
};

} // namespace banger::test
