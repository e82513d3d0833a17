// The SSH engine when things go wrong: refusals, deadlines, dead servers, closing in the middle.
#include "ssh/ssh_io.hpp"

#include "tests/unit/ssh/ssh_io_tester.hpp"

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace banger;
using namespace banger::ssh;
using namespace banger::ssh::test;
using namespace std::chrono_literals;

TEST_CASE("ssh_io: the login waits for the verdict on the host key") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.io.open(bench.to_server(), events);
  events->wait<host_key_offered>();
  bench.run(bench.connect(), "true"); // a whole other connection meanwhile
  CHECK(events->order() == "host_key");
  bench.io.verdict(box, true);
  events->wait<connected>();
}

TEST_CASE("ssh_io: a refused host key ends the connection with the caller's reason") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.io.open(bench.to_server(), events);
  auto run = bench.exec(box, "true").second;
  events->wait<host_key_offered>();
  auto why = failure{ec::host_key_mismatch, "ssh to box", "another key", "look"};
  bench.io.verdict(box, false, why);
  auto lost = events->wait<connection_lost>();
  CHECK(lost.terminal);
  CHECK(lost.why == why);
  CHECK(run->wait<connection_lost>().why == why);
  CHECK(events->order() == "host_key lost");
}

TEST_CASE("ssh_io: a key that the guest does not know is a terminal refusal") {
  for (const auto* config : {"", "MaxAuthTries 1"}) {
    auto bench = ssh_bench(config);
    auto whom = bench.to_server();
    whom.key = private_key::load_blocking(bench.server.stranger_key()).value();
    auto events = std::make_shared<recorder>();
    auto box = bench.io.open(whom, events);
    events->wait<host_key_offered>();
    bench.io.verdict(box, true);
    auto lost = events->wait<connection_lost>();
    CHECK(lost.terminal);
    CHECK(lost.why.code == ec::failed);
    CHECK(lost.why.why.find("refused") != std::string::npos);
  }
}

TEST_CASE("ssh_io: no common algorithm is terminal") {
  auto bench = ssh_bench("Ciphers aes256-ctr");
  auto events = std::make_shared<recorder>();
  bench.io.open(bench.to_server(), events);
  auto lost = events->wait<connection_lost>();
  CHECK(lost.terminal);
  CHECK(lost.why.code == ec::failed);
}

TEST_CASE("ssh_io: a port where nobody listens is lost, not terminal") {
  auto bench = ssh_bench();
  auto whom = bench.to_server();
  close(banger::test::listen_on_loopback(whom.port));
  auto events = std::make_shared<recorder>();
  bench.io.open(whom, events);
  auto lost = events->wait<connection_lost>();
  CHECK_FALSE(lost.terminal);
  CHECK(lost.why.code == ec::link_lost);
  CHECK(lost.why.why == "Connection refused");
}

TEST_CASE("ssh_io: an address that is a name is a bad request") {
  auto bench = ssh_bench();
  auto whom = bench.to_server();
  whom.address = "localhost";
  auto events = std::make_shared<recorder>();
  bench.io.open(whom, events);
  CHECK(events->wait<connection_lost>().why.code == ec::bad_request);
  CHECK(events->wait<connection_lost>().terminal);
}

TEST_CASE("ssh_io: a server that never speaks times out at the deadline") {
  auto bench = ssh_bench();
  auto whom = bench.to_server();
  int silent = banger::test::listen_on_loopback(whom.port);
  whom.connect_timeout = 200ms;
  auto events = std::make_shared<recorder>();
  auto start = std::chrono::steady_clock::now();
  bench.io.open(whom, events);
  auto lost = events->wait<connection_lost>();
  auto took = std::chrono::steady_clock::now() - start;
  close(silent);
  CHECK(lost.why.code == ec::timed_out);
  CHECK_FALSE(lost.terminal);
  CHECK(took >= 200ms);
  CHECK(took < 2s);
}

TEST_CASE("ssh_io: a server that hangs up before its banner is lost, not terminal") {
  auto bench = ssh_bench();
  auto whom = bench.to_server();
  int listener = banger::test::listen_on_loopback(whom.port);
  auto events = std::make_shared<recorder>();
  bench.io.open(whom, events);
  close(accept(listener, nullptr, nullptr));
  auto lost = events->wait<connection_lost>();
  close(listener);
  CHECK_FALSE(lost.terminal);
  CHECK(lost.why.code == ec::link_lost);
}

TEST_CASE("ssh_io: a killed server is lost once, on the connection and on each channel") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.connect(bench.to_server(), events);
  auto other = bench.exec(box, "echo x; cat").second;
  auto another = bench.exec(box, "echo x; cat").second;
  other->wait_for_bytes(1);
  another->wait_for_bytes(1);
  bench.server.kill_connections();
  auto lost = events->wait<connection_lost>();
  CHECK_FALSE(lost.terminal);
  CHECK(lost.why.code == ec::link_lost);
  CHECK(events->order() == "host_key connected lost");
  CHECK(other->order() == "opened data lost");
  CHECK(another->order() == "opened data lost");
  auto late = bench.exec(box, "true").second;
  CHECK_FALSE(late->wait<connection_lost>().terminal);
  bench.io.close(box);
  bench.run(bench.connect(), "true");
  CHECK(events->count<connection_lost>() == 1);
}

TEST_CASE("ssh_io: the end of one connection does not touch another that is busy") {
  auto dying_server = banger::test::test_sshd();
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.connect(bench.to_server(), events);
  auto upload = std::make_shared<recorder>(); // keeps the thread inside libssh calls for `box`
  upload->hook = [&](connection_id, channel_id channel, const event& what) {
    if (std::holds_alternative<channel_opened>(what))
      bench.io.write(channel, std::string(1'000'000, 'x'));
    else if (std::holds_alternative<channel_writable>(what))
      bench.io.write(channel, std::string(32 * 1024, 'x'));
  };
  bench.io.open_exec(box, "exec cat >/dev/null", plenty, upload);
  upload->wait<channel_writable>();
  auto whom = bench.to_server();
  whom.port = dying_server.port();
  whom.key = private_key::load_blocking(dying_server.client_key()).value();
  for (int i = 0; i < 2; ++i) {
    auto victims = std::vector<std::shared_ptr<recorder>>();
    for (int k = 0; k < 4; ++k) {
      victims.push_back(std::make_shared<recorder>());
      bench.connect(whom, victims.back());
    }
    dying_server.kill_connections();
    for (auto& each : victims)
      each->wait<connection_lost>();
  }
  CHECK(bench.run(box, "echo alive")->out() == "alive\n");
  CHECK_FALSE(events->has<connection_lost>());
}

TEST_CASE("ssh_io: a frozen server is lost by keepalive") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.connect(bench.to_server(), events);
  bench.io.set_keepalive(box, {50ms, 300ms});
  bench.run(box, "true");
  bench.server.signal_connections(SIGSTOP);
  auto lost = events->wait<connection_lost>();
  CHECK(lost.why.code == ec::link_lost);
  CHECK(lost.why.why == "no answer for 0.3 s");
}

TEST_CASE("ssh_io: keepalives are answered for many limits on end") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.connect(bench.to_server(), events);
  bench.io.set_keepalive(box, {10ms, 1000ms});
  auto run = bench.exec(box, "exec sleep 1.5").second; // silent for longer than the limit
  run->wait<channel_closed>();
  CHECK_FALSE(events->has<connection_lost>());
  CHECK(bench.io.wake_count() > 100); // a request and an answer each 10 ms
}

TEST_CASE("ssh_io: a socket that does not exist is refused, the connection stays") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  auto busy = bench.exec(box, "echo x; exec cat");
  busy.second->wait_for_bytes(1);
  for (int i = 0; i < 3; ++i) {
    auto events = std::make_shared<recorder>();
    auto channel = bench.io.open_unix(box, "/nonexistent/socket", "bytes", plenty, events);
    auto refused = events->wait<channel_refused>();
    CHECK_FALSE(refused.retryable);
    CHECK(refused.why.what == "connect to /nonexistent/socket");
    bench.io.write(channel, "nobody");
    bench.io.close_channel(channel);
    CHECK(events->order() == "refused");
  }
  bench.io.write(busy.first, "still");
  busy.second->wait_for_bytes(7);
  CHECK(bench.run(box, "echo ok")->out() == "ok\n");
}

TEST_CASE("ssh_io: one session more than the server allows is refused as retryable") {
  auto bench = ssh_bench("MaxSessions 2");
  auto box = bench.connect();
  auto first = bench.exec(box, "echo x; exec cat");
  auto second = bench.exec(box, "echo x; exec cat");
  first.second->wait_for_bytes(1);
  second.second->wait_for_bytes(1);
  auto third = bench.exec(box, "true").second;
  auto refused = third->wait<channel_refused>();
  CHECK(refused.retryable);
  CHECK(refused.why.code == ec::busy);
  bench.io.write(first.first, "y");
  first.second->wait_for_bytes(3);
}

TEST_CASE("ssh_io: a channel closes while data flows, and no data follows") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  for (int i = 0; i < 5; ++i) {
    auto [channel, run] = bench.exec(box, "exec cat /dev/zero");
    run->wait_for_bytes(1);
    bench.io.close_channel(channel);
    run->wait<channel_closed>();
    CHECK(run->order() == "opened data closed");
  }
  auto [early, run] = bench.exec(box, "exec cat /dev/zero");
  bench.io.close_channel(early); // before the server can have answered
  run->wait<channel_closed>();
  CHECK(bench.run(box, "echo ok")->out() == "ok\n");
}

TEST_CASE("ssh_io: a connection that its owner closes says so to each channel") {
  auto bench = ssh_bench();
  auto events = std::make_shared<recorder>();
  auto box = bench.connect(bench.to_server(), events);
  auto run = bench.exec(box, "exec cat /dev/zero", 1000).second;
  run->wait_for_bytes(1000);
  bench.io.close(box);
  auto lost = events->wait<connection_lost>();
  CHECK(lost.terminal);
  CHECK(lost.why.code == ec::cancelled);
  CHECK(run->order() == "opened data lost");
}

TEST_CASE("ssh_io: stop ends everything at once and refuses what comes later") {
  auto bench = ssh_bench();
  auto whom = bench.to_server();
  auto events = std::make_shared<recorder>();
  auto box = bench.connect(whom, events);
  auto run = bench.exec(box, "exec cat /dev/zero").second;
  run->wait_for_bytes(1);
  auto parked = std::make_shared<recorder>();
  bench.io.open(whom, parked);
  parked->wait<host_key_offered>();
  auto start = std::chrono::steady_clock::now();
  bench.io.stop();
  CHECK(std::chrono::steady_clock::now() - start < 1s);
  for (auto& each : {events, run, parked}) {
    CHECK(each->order().ends_with("lost"));
    CHECK(each->wait<connection_lost>().why.code == ec::cancelled);
  }
  auto late = std::make_shared<recorder>();
  auto id = bench.io.open(whom, late);
  CHECK(late->has<connection_lost>());
  bench.io.close(id);
  bench.io.stop();
}

TEST_CASE("ssh_io: the engine drops a sink after its last event") {
  auto bench = ssh_bench();
  auto box = bench.connect();
  auto run = bench.run(box, "true");
  bench.run(box, "true"); // the first channel's end is over by then
  CHECK(run.use_count() == 1);
}

TEST_CASE("ssh_io: connections that ended leave no descriptor open") {
  auto bench = ssh_bench();
  auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  auto before = open_files();
  for (bool accept : {true, false}) {
    auto events = std::make_shared<recorder>();
    auto box = bench.io.open(bench.to_server(), events);
    events->wait<host_key_offered>();
    bench.io.verdict(box, accept);
    if (accept) {
      events->wait<connected>();
      bench.server.kill_connections();
    }
    events->wait<connection_lost>();
  }
  CHECK(open_files() == before);
}

TEST_CASE("private_key: a missing file and a public key are failures") {
  auto server = banger::test::test_sshd();
  auto missing = private_key::load_blocking(server.directory() / "none");
  CHECK(missing.error().code == ec::not_found);
  auto wrong = private_key::load_blocking(server.directory() / "client.pub");
  CHECK(wrong.error().code == ec::storage_failed);
}
