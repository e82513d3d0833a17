#include "client/connection.hpp"

#include "host/unix_socket.hpp"
#include "protocol/version.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <thread>

using namespace banger;
using namespace banger::client;
using namespace std::chrono_literals;
namespace basp = banger::core::basp;

namespace {

const std::string node = basp::make_node(std::string(24, 'd'));
constexpr std::uint64_t gateway = 5, server = 6;

std::string frame(basp::operation op, const std::string& payload, std::uint64_t from = 0) {
  basp::header head;
  head.op = op;
  head.payload_len = static_cast<std::uint32_t>(payload.size());
  head.source_actor = from;
  return basp::encode(head) + payload;
}

std::string greeting(const std::string& app) {
  std::string payload = node;
  core::wire_writer out{payload};
  out(std::vector<std::string>{app}, gateway, std::vector<std::string>{"iface"});
  return frame(basp::operation::server_handshake, payload);
}

template <class T>
std::string message(const T& x, std::uint64_t request = 0) {
  auto id = request == 0 ? 0 : request | basp::response_flag;
  return basp::message_frame(wire_name<T>, x, id, server, 1);
}

/// Reads whole frames until one that carries a message.
void read_message(int fd) {
  for (;;) {
    std::string head(basp::header_size, '\0');
    REQUIRE(::recv(fd, head.data(), head.size(), MSG_WAITALL) == static_cast<ssize_t>(head.size()));
    auto x = basp::decode_header(head);
    std::string payload(x.payload_len, '\0');
    REQUIRE(::recv(fd, payload.data(), payload.size(), MSG_WAITALL) ==
            static_cast<ssize_t>(payload.size()));
    if (x.op == basp::operation::direct_message)
      return;
  }
}

/// A daemon's end that greets, answers hello, sends `last_words` and hangs up.
class short_daemon {
public:
  explicit short_daemon(std::string last_words, std::string app = std::string{app_identifier})
      : listener_(*host::listen_unix(path())),
        thread_([this, last_words = std::move(last_words), app = std::move(app)] {
          host::unique_fd peer{::accept(listener_.get(), nullptr, nullptr)};
          send(peer.get(), greeting(app));
          if (app != app_identifier)
            return;
          read_message(peer.get());
          send(peer.get(), message(welcome{protocol_version, "test", 1, 0, {}}, 1) + last_words);
        }) {}
  ~short_daemon() { thread_.join(); }
  [[nodiscard]] std::string path() const { return folder_ / "socket"; }

private:
  static void send(int fd, const std::string& bytes) {
    REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  test::temporary_folder folder_;
  host::unique_fd listener_;
  std::thread thread_;
};

event_happened event(std::uint64_t sequence) {
  event_happened x;
  x.sequence = sequence;
  return x;
}

/// Sequence numbers of the events that come, and the failure that ends them.
std::pair<std::vector<std::uint64_t>, failure> read_all(connection& link) {
  std::vector<std::uint64_t> seen;
  for (;;) {
    auto next = link.next(client::clock::now() + 10s);
    if (!next)
      return {seen, next.error()};
    auto x = decode<event_happened>(*next);
    REQUIRE(x);
    seen.push_back(x->sequence);
  }
}

} // namespace

TEST_CASE("connection: what a daemon said before it hung up is told, once, and then that it did") {
  short_daemon daemon{message(event(1)) + message(event(2))};
  auto link = connection::open(daemon.path(), 10s);
  REQUIRE(link);
  CHECK(link->greeting().program_version == "test");
  auto [seen, why] = read_all(*link);
  CHECK(seen == std::vector<std::uint64_t>{1, 2});
  CHECK(why.code == ec::unreachable);
  CHECK(link->next(client::clock::now() + 10s).error() == why);
}

TEST_CASE("connection: frames before a bad one are told once, and none after it") {
  basp::header huge;
  huge.op = basp::operation::direct_message;
  huge.payload_len = 0xffffffff;
  for (const auto& bad : {basp::encode(huge), frame(static_cast<basp::operation>(99), ""),
                          frame(basp::operation::direct_message, "short")}) {
    short_daemon daemon{message(event(1)) + message(event(2)) + bad + message(event(3))};
    auto link = connection::open(daemon.path(), 10s);
    REQUIRE(link);
    auto [seen, why] = read_all(*link);
    CHECK(seen == std::vector<std::uint64_t>{1, 2});
    CHECK(why.code != ec::unreachable);
  }
}

TEST_CASE("connection: the end of the actor that serves us is the end of the connection") {
  short_daemon daemon{message(event(1)) + frame(basp::operation::down_message, "", server)};
  auto link = connection::open(daemon.path(), 10s);
  REQUIRE(link);
  auto [seen, why] = read_all(*link);
  CHECK(seen == std::vector<std::uint64_t>{1});
  CHECK(why.code == ec::unreachable);
}

TEST_CASE("connection: a daemon of another protocol is named, with the way out") {
  short_daemon daemon{"", "banger-999"};
  auto link = connection::open(daemon.path(), 10s);
  REQUIRE_FALSE(link);
  CHECK(link.error().code == ec::version_mismatch);
  CHECK(link.error().why.find("banger-999") != std::string::npos);
  CHECK(link.error().hint.find("banger daemon stop") != std::string::npos);
}

TEST_CASE("connection: where nobody listens it says so") {
  test::temporary_folder folder;
  auto link = connection::open(folder / "socket", 1s);
  REQUIRE_FALSE(link);
  CHECK(link.error().code == ec::unreachable);
}
