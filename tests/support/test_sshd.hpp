// A real sshd on a loopback port, with keys of its own in a temporary directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace banger::test {

/// A directory that is removed with everything in it.
class temporary_directory {
public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// Runs from the constructor to the destructor; accepts client_key() for the current user. Commands
/// run with HOME in the temporary directory, so no rc file of the user's slows them down.
class test_sshd {
public:
  /// @param extra  further lines of sshd_config.
  explicit test_sshd(const std::string& extra = {});
  ~test_sshd();
  test_sshd(const test_sshd&) = delete;
  test_sshd& operator=(const test_sshd&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
  [[nodiscard]] std::filesystem::path client_key() const { return directory() / "client"; }
  /// A key that the server does not know.
  [[nodiscard]] std::filesystem::path stranger_key() const { return directory() / "stranger"; }
  /// The wire form of the host key, an ed25519 one.
  [[nodiscard]] std::string host_key_blob() const;
  [[nodiscard]] std::string user() const;

  /// SIGKILL for the processes that serve connections; the listener goes on.
  void kill_connections();
  /// Sends a signal to the processes that serve connections, e.g. SIGSTOP.
  void signal_connections(int signal) const;
  void stop();

private:
  void write_config(const std::string& extra) const;
  void start();

  temporary_directory directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  std::thread log_; // empties sshd's log pipe
};

/// The children of a process, and theirs.
[[nodiscard]] std::vector<pid_t> descendants(pid_t of);

/// A listening socket on a free port of 127.0.0.1.
[[nodiscard]] int listen_on_loopback(std::uint16_t& port);

} // namespace banger::test
