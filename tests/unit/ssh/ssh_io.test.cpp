// The SSH engine against a real sshd: commands, data in both directions, sockets, idleness.
#include "ssh/ssh_io.hpp"

#include "core/sha256.hpp"
#include "tests/unit/ssh/ssh_io_tester.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

using namespace banger;
using namespace banger::ssh;
using namespace banger::ssh::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t mib = 1024 * 1024;

// What a transfer may add to this process. AddressSanitizer keeps freed memory, so there it says
// nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t memory_limit = 4096 * mib;
#else
constexpr std::size_t memory_limit = 48 * mib;
#endif

// Answers each connection to a Unix socket with what it sends, until the test ends.
class echo_server {
public:
  explicit echo_server(const std::filesystem::path& file) : path_(file) {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = sockaddr_un{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, file.c_str(), sizeof address.sun_path - 1);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd_, 64) == 0);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~echo_server() {
    shutdown(fd_, SHUT_RDWR);
    acceptor_.join();
    for (auto& each : clients_)
      each.join();
    close(fd_);
  }
  echo_server(const echo_server&) = delete;
  echo_server& operator=(const echo_server&) = delete;

private:
  void accept_all() {
    for (int client = accept(fd_, nullptr, nullptr); client >= 0;
         client = accept(fd_, nullptr, nullptr))
      clients_.emplace_back([client] {
        char buffer[4096];
        for (auto size = read(client, buffer, sizeof buffer); size > 0;
             size = read(client, buffer, sizeof buffer))
          if (write(client, buffer, static_cast<std::size_t>(size)) != size)
            break;
        close(client);
      });
  }

  std::filesystem::path path_;
  int fd_ = -1;
  std::thread acceptor_;
  std::vector<std::thread> clients_;
};

std::string hex(std::string_view bytes) {
  auto text = std::string();
  for (auto each : bytes)
    for (int shift : {4, 0})
      text += "0123456789abcdef"[static_cast<unsigned char>(each) >> shift & 15];
  return text;
}

std::size_t resident_bytes() {
  auto in = std::ifstream("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

TEST_CASE("ssh_io: a command's status comes back exactly, after everything else") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  for (int status : {0, 1, 42, 255}) {
    auto run = bench.run(box, "echo x; exit " + std::to_string(status));
    CHECK(run->wait<channel_exit>().status == status);
    CHECK(run->wait<channel_exit>().signal.empty());
    CHECK(run->order() == "opened data eof exit closed");
  }
}

TEST_CASE("ssh_io: stdout and stderr arrive apart") {
  auto bench = ssh_bench();
  auto run = bench.run(bench.connect(), "echo to out; echo to err >&2");
  CHECK(run->out() == "to out\n");
  CHECK(run->err() == "to err\n");
}

TEST_CASE("ssh_io: a command that a signal ends reports the signal") {
  auto bench = ssh_bench();
  auto exit = bench.run(bench.connect(), "kill -KILL $$")->wait<channel_exit>();
  CHECK(exit.signal == "KILL");
  CHECK(exit.status == -1);
}

TEST_CASE("ssh_io: after our eof the command still answers") {
  auto bench = ssh_bench();
  auto [channel, run] = bench.exec(bench.connect(), "cat; echo end");
  bench.io.write(channel, "first ");
  bench.io.write(channel, "second\n");
  bench.io.send_eof(channel);
  bench.io.write(channel, "too late");
  run->wait<channel_closed>();
  CHECK(run->out() == "first second\nend\n");
  CHECK(run->wait<channel_exit>().status == 0);
}

TEST_CASE("ssh_io: 64 MiB come with a small credit that is never exceeded") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  auto before = resident_bytes();
  constexpr std::size_t credit = 50'000;
  auto run = std::make_shared<recorder>();
  run->keeps_bytes = false;
  auto open_credit = credit; // touched on the I/O thread only
  auto exceeded = std::atomic<bool>(false);
  run->hook = [&](connection_id, channel_id channel, const event& what) {
    auto* data = std::get_if<channel_data>(&what);
    if (data == nullptr)
      return;
    exceeded = exceeded || data->bytes.size() > open_credit;
    open_credit -= data->bytes.size();
    if (open_credit < credit / 2) {
      bench.io.credit(channel, credit - open_credit);
      open_credit = credit;
    }
  };
  bench.io.open_exec(box, "exec head -c 67108864 /dev/zero", credit, run);
  run->wait<channel_closed>();
  CHECK(run->byte_count() == 64 * mib);
  CHECK_FALSE(exceeded);
  CHECK(resident_bytes() < before + memory_limit);
}

TEST_CASE("ssh_io: 64 MiB go out, bounded by what the writable events allow, and arrive whole") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  auto before = resident_bytes();
  constexpr std::size_t limit = 512 * 1024; // bytes under way
  auto piece = std::string(40'000, 'a');
  for (std::size_t i = 0; i < piece.size(); ++i)
    piece[i] = static_cast<char>('a' + i % 26);
  auto written = std::size_t(0); // on the I/O thread only
  auto run = std::make_shared<recorder>();
  run->hook = [&](connection_id, channel_id channel, const event& what) {
    auto* progress = std::get_if<channel_writable>(&what);
    if (progress == nullptr && !std::holds_alternative<channel_opened>(what))
      return;
    auto sent = progress == nullptr ? 0 : progress->sent;
    while (written - sent < limit && written < 64 * mib) {
      auto size = std::min(piece.size(), 64 * mib - written);
      bench.io.write(channel, piece.substr(0, size));
      written += size;
      if (written == 64 * mib)
        bench.io.send_eof(channel);
    }
  };
  bench.io.open_exec(box, "exec sha256sum", plenty, run);
  run->wait<channel_closed>();
  CHECK(resident_bytes() < before + memory_limit);
  auto all = std::string();
  while (all.size() < 64 * mib)
    all += piece.substr(0, std::min(piece.size(), 64 * mib - all.size()));
  CHECK(run->out() == hex(core::sha256(all)) + "  -\n");
}

TEST_CASE("ssh_io: without credit nothing is delivered, other channels go on, credit resumes") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  auto [held, run] = bench.exec(box, "echo abcdefgh; echo late >&2; exit 3", 4);
  run->wait_for_bytes(4);
  for (int i = 0; i < 20; ++i) // each a round trip on the same connection
    CHECK(bench.run(box, "echo ok")->out() == "ok\n");
  CHECK(run->order() == "opened data");
  CHECK(run->out() == "abcd");
  bench.io.credit(held, 2);
  run->wait_for_bytes(6);
  CHECK(run->out() == "abcdef");
  bench.io.credit(held, 1000);
  run->wait<channel_closed>();
  CHECK(run->out() == "abcdefgh\n");
  CHECK(run->err() == "late\n");
  CHECK(run->order() == "opened data eof exit closed");
  CHECK(run->wait<channel_exit>().status == 3);
}

TEST_CASE("ssh_io: a slow reader does not make the engine buffer a fast writer's output") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  auto before = resident_bytes();
  auto [channel, run] =
      bench.exec(box, "head -c 268435456 /dev/zero; touch $HOME/all-written", 1000);
  for (std::size_t i = 1; i <= 6000; ++i) { // 6 MB, far more than one window
    run->wait_for_bytes(i * 1000);
    CHECK(run->byte_count() == i * 1000);
    bench.io.credit(channel, 1000);
  }
  CHECK_FALSE(std::filesystem::exists(bench.server.directory() / "all-written"));
  CHECK(resident_bytes() < before + memory_limit);
}

TEST_CASE("ssh_io: twenty channels run at once on one connection") {
  auto bench = ssh_bench("MaxSessions 64");
  auto box = bench.connect();
  auto runs = std::vector<std::pair<channel_id, std::shared_ptr<recorder>>>();
  for (int i = 0; i < 20; ++i)
    runs.push_back(bench.exec(box, "echo " + std::to_string(i) + "; cat"));
  for (auto& [channel, run] : runs)
    run->wait_for_bytes(2);
  for (std::size_t i = 0; i < runs.size(); ++i)
    bench.io.write(runs[i].first, "to " + std::to_string(i));
  for (auto& [channel, run] : runs)
    bench.io.send_eof(channel);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].second->wait<channel_closed>();
    auto number = std::to_string(i);
    CHECK(runs[i].second->out() == number + "\nto " + number);
  }
}

TEST_CASE("ssh_io: a Unix socket in the guest answers, first bytes first") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  auto path = bench.server.directory() / "echo.sock";
  auto echo = echo_server(path);
  auto runs = std::vector<std::pair<channel_id, std::shared_ptr<recorder>>>();
  for (int i = 0; i < 3; ++i) { // three opens under way at once
    auto events = std::make_shared<recorder>();
    runs.emplace_back(bench.io.open_unix(box, path, "hello " + std::to_string(i), plenty, events),
                      events);
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto& [channel, run] = runs[i];
    run->wait_for_bytes(7);
    bench.io.write(channel, " again");
    run->wait_for_bytes(13);
    CHECK(run->out() == "hello " + std::to_string(i) + " again");
    bench.io.close_channel(channel);
    run->wait<channel_closed>();
    CHECK(run->order() == "opened data closed");
  }
}

TEST_CASE("ssh_io: channels opened before the login wait for it") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.io.open(bench.to_server(), events);
  auto run = bench.exec(box, "echo early").second;
  events->wait<host_key_offered>();
  CHECK(run->event_count() == 0);
  bench.io.verdict(box, true);
  run->wait<channel_closed>();
  CHECK(run->out() == "early\n");
}

TEST_CASE("ssh_io: a TCP port in the guest answers") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  auto events = std::make_shared<recorder>(); // sshd itself is a server that speaks first
  bench.io.open_tcp(box, "127.0.0.1", bench.server.port(), plenty, events);
  events->wait_for_bytes(8);
  CHECK(events->out().starts_with("SSH-2.0-"));
}

TEST_CASE("ssh_io: the host key that is offered is the server's") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  bench.connect(bench.to_server(), events);
  auto offered = events->wait<host_key_offered>();
  CHECK(offered.type == "ssh-ed25519");
  CHECK(offered.blob == bench.server.host_key_blob());
}

TEST_CASE("ssh_io: an idle connection wakes the thread for keepalives only, and stays") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.connect(bench.to_server(), events);
  bench.run(box, "true");
  bench.io.set_keepalive(box, {0ms, 0ms});
  bench.run(box, "true");
  auto before = bench.io.wake_count();
  // A process elsewhere takes its time; this thread only waits for another connection's deadline.
  std::uint16_t port = 0;
  int silent = banger::test::listen_on_loopback(port);
  auto other = bench.to_server();
  other.port = port;
  other.connect_timeout = 300ms;
  auto lost = std::make_shared<recorder>();
  bench.io.open(other, lost);
  lost->wait<connection_lost>();
  close(silent);
  CHECK(bench.io.wake_count() - before < 10);
  CHECK(bench.run(box, "echo ok")->out() == "ok\n");
}
