#include "tests/unit/guest/agent_tester.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <variant>

namespace banger::test {

namespace {

constexpr int patience_ms = 10'000;

bool try_connect(const host::unique_fd& fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  void* generic = &address;
  return ::connect(fd.get(), static_cast<sockaddr*>(generic), sizeof address) == 0;
}

host::unique_fd new_socket() {
  host::unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(fd);
  return fd;
}

} // namespace

agent_connection::agent_connection(const std::string& socket_path) : fd_(new_socket()) {
  REQUIRE(try_connect(fd_, socket_path));
}

void agent_connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return; // the agent closed: what the test reads next shows it
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void agent_connection::shut_down_writing() {
  ::shutdown(fd_.get(), SHUT_WR);
}

std::string agent_connection::read_at_most(std::size_t size) {
  pollfd waiting{fd_.get(), POLLIN, 0};
  REQUIRE_MESSAGE(::poll(&waiting, 1, patience_ms) == 1, "the agent was silent");
  std::string bytes(size, '\0');
  auto n = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

std::string agent_connection::read_to_end() {
  constexpr std::size_t chunk = 1 << 16;
  std::string all;
  for (auto bytes = read_at_most(chunk); !bytes.empty(); bytes = read_at_most(chunk))
    all += bytes;
  return all;
}

std::string agent_connection::read_exactly(std::size_t size) {
  std::string all;
  while (all.size() < size) {
    auto bytes = read_at_most(size - all.size());
    if (bytes.empty())
      return {};
    all += bytes;
  }
  return all;
}

agent_connection::frame agent_connection::read_frame() {
  auto head = read_exactly(5);
  if (head.empty())
    return {};
  std::size_t size = 0;
  for (std::size_t i = 1; i < head.size(); ++i)
    size = size << 8 | static_cast<unsigned char>(head[i]);
  return {head[0], size > 0 ? read_exactly(size) : std::string{}};
}

std::string agent_connection::exchange(std::string_view bytes) {
  constexpr std::size_t chunk = 1 << 18;
  std::string all, buffer(chunk, '\0');
  for (bool is_open = true; is_open;) {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (!bytes.empty())
      waiting.events |= POLLOUT;
    REQUIRE_MESSAGE(::poll(&waiting, 1, patience_ms) == 1, "the agent was silent");
    if ((waiting.revents & POLLOUT) != 0) {
      auto n = ::send(fd_.get(), bytes.data(), std::min(bytes.size(), chunk),
                      MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0)
        bytes.remove_prefix(static_cast<std::size_t>(n));
      if (bytes.empty())
        shut_down_writing();
    }
    if ((waiting.revents & (POLLIN | POLLHUP)) != 0) {
      auto n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      is_open = n > 0;
      all.append(buffer, 0, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
  }
  return all;
}

agent_tester::agent_tester(int data_port) : socket_(folder_ / "agent.sock"), data_port_(data_port) {
  launch();
}

void agent_tester::launch() {
  const char* program = std::getenv("BANGER_TEST_AGENT");
  REQUIRE_MESSAGE(program != nullptr, "set BANGER_TEST_AGENT to the banger-agent program");
  auto sessions = folder_ / "sessions", run = folder_ / "run";
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    const auto port = std::to_string(data_port_);
    ::execl(program, program, "--no-control", "--exec-socket", socket_.c_str(), "--sessions-dir",
            sessions.c_str(), "--sessions-run", run.c_str(),
            data_port_ >= 0 ? "--data-port-fd" : nullptr, port.c_str(), nullptr);
    ::_exit(127);
  }
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
  auto fd = new_socket();
  while (!try_connect(fd, socket_)) {
    int status = 0;
    REQUIRE_MESSAGE(::waitpid(pid_, &status, WNOHANG) == 0, "the agent did not start");
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    ::poll(nullptr, 0, 1);
  }
}

agent_tester::~agent_tester() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

void agent_tester::kill_and_restart() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  launch();
}

core::agent::command agent_tester::command(std::vector<std::string> argv) {
  core::agent::command what;
  what.token = std::string(core::agent::token_size - 1, 't') + static_cast<char>(++next_token_);
  what.cwd = folder_.path();
  what.argv = std::move(argv);
  return what;
}

outcome agent_tester::run(const core::agent::command& what, std::string_view input) {
  running_command command{*this, what};
  outcome result;
  command.wait_started();
  result.output = command.stdio.exchange(input);
  result.error_output = command.error_output.read_to_end();
  result.end = command.wait_ended();
  return result;
}

running_command::running_command(agent_tester& agent, const core::agent::command& what)
    : control(agent.connect()), stdio(agent.connect()), error_output(agent.connect()) {
  control.send(core::agent::exec_frame(what));
  stdio.send(core::agent::stdio_frame(what.token));
  error_output.send(core::agent::stderr_frame(what.token));
}

std::uint32_t running_command::wait_started() {
  auto frame = control.read_frame();
  REQUIRE(frame.type == 'S');
  REQUIRE(frame.payload.size() == 4);
  std::uint32_t pid = 0;
  for (char byte : frame.payload)
    pid = pid << 8 | static_cast<unsigned char>(byte);
  return pid;
}

core::agent::ended running_command::wait_ended() {
  // Through the reader the daemon uses, which so is held to what the agent really sends.
  auto frame = control.read_frame();
  REQUIRE(frame.type == 'Z');
  core::agent::reply_reader reader;
  auto replies = reader.feed(std::string{'Z', '\0', '\0', '\0', '\x08'} + frame.payload);
  REQUIRE(replies.size() == 1);
  REQUIRE(std::holds_alternative<core::agent::ended>(replies.front()));
  return std::get<core::agent::ended>(replies.front());
}

void running_command::send_signal(int number) {
  control.send(core::agent::signal_frame(static_cast<std::uint32_t>(number)));
}

std::string raw_frame(char type, const std::string& payload) {
  std::string out{type};
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<unsigned char>(payload.size() >> shift));
  return out + payload;
}

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 7;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(static_cast<unsigned char>(state >> 24));
  }
  return bytes;
}

} // namespace banger::test
