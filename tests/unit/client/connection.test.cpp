#include "client/connection.hpp"

#include "tests/support/scripted_daemon.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::client;
using namespace std::chrono_literals;
using test::frame, test::message;
namespace basp = banger::core::basp;

namespace {

/// A daemon that sends `last_words` and hangs up.
class short_daemon : public test::scripted_daemon {
public:
  explicit short_daemon(std::string last_words, std::string app = std::string{app_identifier})
      : scripted_daemon([last_words = std::move(last_words)](
                            host::unique_fd peer) { test::send_all(peer.get(), last_words); },
                        std::move(app)) {}
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
  short_daemon daemon{message(event(1)) +
                      frame(basp::operation::down_message, "", test::server_actor)};
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
