// For tests of the known_hosts file: a folder for it, and processes beside ours that change it.
#pragma once

#include "core/known_hosts.hpp"
#include "ssh/known_hosts_file.hpp"
#include "tests/support/host_keys.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace banger::test {

namespace kh = core::known_hosts;
using ssh::known_hosts_file;

inline const core::host_key key_a = ed25519_key('a');
inline const core::host_key key_b = ed25519_key('b');

/// A folder of its own that goes with the test.
struct known_hosts_folder {
  known_hosts_folder() {
    const char* base = std::getenv("TMPDIR");
    auto pattern = std::string(base != nullptr ? base : "/tmp") + "/known_hosts.XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    path = folder / "known_hosts";
  }
  ~known_hosts_folder() { std::filesystem::remove_all(folder); }
  known_hosts_folder(const known_hosts_folder&) = delete;
  known_hosts_folder& operator=(const known_hosts_folder&) = delete;

  void write(std::string_view text) const {
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), 0600);
  }
  [[nodiscard]] std::string text() const {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  [[nodiscard]] kh::outcome status_of(std::string_view host, const core::host_key& key) const {
    const auto found = known_hosts_file(path).check(host, 22, key);
    REQUIRE(found);
    return found->status;
  }
  /// Every function refuses the file as unsafe, with this hint, and leaves it alone.
  void check_refused(const std::string& hint) const {
    known_hosts_file file(path);
    const auto checked = file.check("box.vm", 22, key_a);
    REQUIRE(!checked);
    CHECK(checked.error().code == ec::unsafe_path);
    CHECK(checked.error().what.find(path.string()) != std::string::npos);
    CHECK(checked.error().hint.find(hint) != std::string::npos);
    for (const auto& why : {file.pin({"box.vm"}, key_a), file.heal(), file.prepare()}) {
      REQUIRE(!why);
      CHECK(why.error().code == ec::unsafe_path);
    }
    const auto removed = file.remove({"box.vm"});
    REQUIRE(!removed);
    CHECK(removed.error().code == ec::unsafe_path);
  }

  std::filesystem::path folder;
  std::filesystem::path path;
};

inline std::string pin_line(const std::string& hosts, const core::host_key& key = key_a) {
  return kh::render_line({hosts}, key);
}

inline mode_t mode_of(const std::filesystem::path& path) {
  struct stat found = {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777u;
}

/// Adds a line as ssh does: one open, one write, no lock.
inline void append_like_ssh(const std::filesystem::path& path, const std::string& line) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 || ::write(fd, line.data(), line.size()) < 0)
    ::_exit(3);
  ::close(fd);
}

/// Runs `work` in a process of its own.
template <class F>
pid_t in_child(F work) {
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0)
    ::_exit(work());
  return child;
}

inline int exit_status_of(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace banger::test
