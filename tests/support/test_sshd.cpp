#include "tests/support/test_sshd.hpp"

#include "core/base64.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace banger::test {

namespace {

constexpr auto sshd_program = "/usr/sbin/sshd";

pid_t spawn(std::vector<std::string> arguments, int log_fd) {
  auto pointers = std::vector<char*>();
  for (auto& each : arguments)
    pointers.push_back(each.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  if (log_fd >= 0)
    posix_spawn_file_actions_adddup2(&actions, log_fd, 2);
  pid_t pid = -1;
  int error = posix_spawnp(&pid, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw std::runtime_error("cannot run " + arguments[0]);
  return pid;
}

void make_key(const std::filesystem::path& file) {
  auto pid = spawn({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file}, -1);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0)
    throw std::runtime_error("ssh-keygen failed");
}

std::string first_line(const std::filesystem::path& file) {
  auto in = std::ifstream(file);
  auto line = std::string();
  std::getline(in, line);
  return line;
}

} // namespace

temporary_directory::temporary_directory() {
  auto* root = std::getenv("TMPDIR");
  auto text = std::string(root != nullptr ? root : "/tmp") + "/banger-test-XXXXXX";
  if (mkdtemp(text.data()) == nullptr)
    throw std::runtime_error("mkdtemp failed");
  path_ = text;
}

temporary_directory::~temporary_directory() {
  auto ignored = std::error_code();
  std::filesystem::remove_all(path_, ignored);
}

test_sshd::test_sshd(const std::string& extra) {
  for (const auto* name : {"host", "client", "stranger"})
    make_key(directory() / name);
  std::filesystem::copy(directory() / "client.pub", directory() / "authorized_keys");
  ::close(listen_on_loopback(port_));
  write_config(extra);
  start();
}

test_sshd::~test_sshd() {
  stop();
}

std::string test_sshd::host_key_blob() const {
  auto line = first_line(directory() / "host.pub");
  auto start = line.find(' ') + 1;
  auto end = line.find(' ', start);
  return core::base64_decode(line.substr(start, end - start)).value_or("");
}

std::string test_sshd::user() const {
  return getpwuid(getuid())->pw_name;
}

void test_sshd::write_config(const std::string& extra) const {
  auto home = directory().string();
  std::ofstream(directory() / "sshd_config")
      << "ListenAddress 127.0.0.1:" << port_ << "\nHostKey " << home << "/host\nAuthorizedKeysFile "
      << home << "/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\nSetEnv HOME=" << home
      << "\nMaxStartups 100\nPermitRootLogin yes\n"
      << extra << '\n';
}

void test_sshd::start() {
  // Made by the package's service at boot; where none runs, as in a container, by nobody. As root
  // sshd wants it.
  std::error_code exists;
  std::filesystem::create_directory("/run/sshd", exists);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error("pipe failed");
  // setpriv(1): sshd ends with this process even where a crash skips the destructor.
  pid_ = spawn({"setpriv", "--pdeathsig", "KILL", sshd_program, "-D", "-e", "-f",
                directory() / "sshd_config"},
               ends[1]);
  ::close(ends[1]);
  auto seen = std::string();
  char buffer[4096];
  while (seen.find("Server listening") == std::string::npos) {
    auto size = read(ends[0], buffer, sizeof buffer);
    if (size <= 0) {
      ::close(ends[0]);
      waitpid(pid_, nullptr, 0);
      throw std::runtime_error("sshd did not start: " + seen);
    }
    seen.append(buffer, static_cast<std::size_t>(size));
  }
  log_ = std::thread([fd = ends[0]] {
    char ignored[4096];
    while (read(fd, ignored, sizeof ignored) > 0) {
    }
    ::close(fd);
  });
}

void test_sshd::signal_connections(int signal) const {
  for (auto pid : descendants(pid_))
    ::kill(pid, signal);
}

void test_sshd::kill_connections() {
  signal_connections(SIGKILL);
}

void test_sshd::stop() {
  if (pid_ < 0)
    return;
  ::kill(pid_, SIGSTOP); // so that it starts nothing while its children end
  kill_connections();
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
  log_.join();
}

std::vector<pid_t> descendants(pid_t of) {
  auto found = std::vector<pid_t>();
  auto id = std::to_string(of);
  auto in = std::ifstream("/proc/" + id + "/task/" + id + "/children");
  for (pid_t child = 0; in >> child;) {
    found.push_back(child);
    for (auto grandchild : descendants(child))
      found.push_back(grandchild);
  }
  return found;
}

int listen_on_loopback(std::uint16_t& port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = sockaddr_in{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 16) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen on loopback");
  port = ntohs(address.sin_port);
  return fd;
}

} // namespace banger::test
