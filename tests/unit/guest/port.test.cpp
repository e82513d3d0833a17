// Both ends of the data port together: port_io, and the banger-port of a real banger-agent. A
// socket is in place of the virtio port, so hosts that come and go are descriptors of the same end.
#include "core/agent_frames.hpp"
#include "guest/port_frames.h"
#include "host/random.hpp"
#include "tests/support/port_events.hpp"
#include "tests/unit/guest/session_tester.hpp"

#include <array>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct port_ends {
  port_ends() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    REQUIRE(::fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0);
    host_end = host::unique_fd{ends[0]};
    guest_end = host::unique_fd{ends[1]};
  }
  host::unique_fd host_end, guest_end;
};

struct port_session_world : port_ends {
  port_session_world() { guest_end.reset(); } // the agent has it

  /// A host begins; its end leaves the port as a host that dies does.
  void open() {
    connection = io.open(host::unique_fd{::fcntl(host_end.get(), F_DUPFD_CLOEXEC, 0)}, 10s, events);
    REQUIRE(events->wait_connected(connection));
  }
  void leave() {
    io.close(connection);
    REQUIRE(events->wait_over(connection));
  }
  void send_raw(const std::string& bytes) {
    REQUIRE(::send(host_end.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  ssh::channel_id open_stream(const std::string& first) {
    return io.open_stream(connection, first, events);
  }
  ssh::channel_id attach(const std::string& id, std::uint64_t from = 0, std::uint32_t flags = 0) {
    const session_attach x{id.data(), from, flags, attachment::endless};
    std::string frame(128, '\0');
    frame.resize(
        session_put_attach(reinterpret_cast<unsigned char*>(frame.data()), frame.size(), &x));
    return open_stream(frame);
  }
  /// Starts a session over a stream of the port.
  session_spec start(const std::string& script) {
    auto what = tester.shell(script);
    const auto stream = open_stream(encode(what));
    REQUIRE(events->wait_over(stream));
    const auto reply = events->at(stream).bytes;
    REQUIRE(reply.substr(0, 1) == "S");
    return what;
  }
  /// Waits for so many bytes of output in the frames of a stream.
  bool wait_output(ssh::channel_id stream, std::size_t size) {
    return events->wait(stream, [&](const auto& x) { return output_of(x.bytes).size() >= size; });
  }

  /// All output in these frames; each has to begin where the one before ended.
  static std::string output_of(const std::string& frames) {
    std::string all;
    std::size_t at = 0;
    std::optional<std::uint64_t> expected;
    session_frame frame{};
    while (session_next(bytes_of(frames) + at, frames.size() - at, session_reply_limit, &frame) ==
           session_next_frame) {
      at += SESSION_FRAME_HEADER_SIZE + frame.size;
      if (frame.type != 'o')
        continue;
      std::uint64_t offset = 0;
      const unsigned char* bytes = nullptr;
      std::size_t count = 0;
      REQUIRE(session_take_output(frame.payload, frame.size, &offset, &bytes, &count));
      if (expected)
        REQUIRE(offset == *expected);
      expected = offset + count;
      all.append(reinterpret_cast<const char*>(bytes), count);
    }
    return all;
  }

  [[nodiscard]] pid_t mux() const {
    auto* folder = ::opendir("/proc");
    REQUIRE(folder != nullptr);
    pid_t found = -1;
    for (auto* entry = ::readdir(folder); entry != nullptr; entry = ::readdir(folder)) {
      const auto path = "/proc/" + std::string{entry->d_name};
      if (read_whole_file(path + "/comm") != "banger-port\n")
        continue;
      const auto stat = read_whole_file(path + "/stat");
      const auto parent = stat.find(' ', stat.rfind(')') + 2);
      if (std::atoi(stat.c_str() + parent) == tester.agent.pid())
        found = std::atoi(entry->d_name);
    }
    ::closedir(folder);
    return found;
  }

  session_tester tester{guest_end_number()};
  port::port_io io; // before the sink that uses it
  std::shared_ptr<port_events> events = std::make_shared<port_events>(io);
  port::connection_id connection = 0;

private:
  int guest_end_number() const { return guest_end.get(); }
};

constexpr std::size_t much = 3'000'000;
constexpr const char* write_much = "head -c 3000000 /dev/zero | tr '\\0' x";

std::string command_frame(const std::function<std::size_t(unsigned char*, std::size_t)>& put) {
  std::string frame(SESSION_DATA_MAX + 64, '\0');
  frame.resize(put(reinterpret_cast<unsigned char*>(frame.data()), frame.size()));
  REQUIRE_FALSE(frame.empty());
  return frame;
}

std::string port_frame_of(std::uint8_t type, std::uint32_t stream, const std::string& payload) {
  std::string out(PORT_OVERHEAD + payload.size(), '\0');
  port_put(reinterpret_cast<unsigned char*>(out.data()), type, stream, payload.data(),
           static_cast<std::uint32_t>(payload.size()));
  return out;
}

} // namespace

TEST_CASE_FIXTURE(port_session_world, "port: a session is started, fed and read over its streams") {
  open();
  const auto what = start("cat; exit 7");
  const auto stream = attach(what.id);
  io.write(stream, command_frame([](auto* out, auto size) {
             return session_put_bytes(out, size, 'i', "hello", 5);
           }));
  REQUIRE(wait_output(stream, 5));
  CHECK(output_of(events->at(stream).bytes) == "hello");
  io.write(stream, raw_frame('d', {}));
  REQUIRE(events->wait_over(stream));
  CHECK(events->at(stream).closed == 1);
  CHECK(events->at(stream).bytes.find("\0\0\0\x07"s) != std::string::npos); // of its 'z'
  CHECK(tester.wait_for_state(what.id, "exited"));
}

TEST_CASE_FIXTURE(port_session_world, "port: what arrives is what was written, of every value") {
  open();
  const auto what = start("cat");
  const auto all = noise(500'000); // more than its window, both ways
  const auto stream = attach(what.id);
  for (std::size_t at = 0; at < all.size(); at += 50'000)
    io.write(stream, command_frame([&](auto* out, auto size) {
               return session_put_bytes(out, size, 'i', all.data() + at, 50'000);
             }));
  REQUIRE(wait_output(stream, all.size()));
  CHECK(output_of(events->at(stream).bytes) == all);
}

TEST_CASE_FIXTURE(port_session_world, "port: a command's input ends behind all that was written") {
  open();
  const core::agent::command command{host::random_bytes(core::agent::token_size), {}, {"cat"}, {}};
  const auto all = noise(700'000); // more than its window
  const auto control = open_stream(core::agent::exec_frame(command));
  const auto stdio = open_stream(core::agent::stdio_frame(command.token));
  const auto errors = open_stream(core::agent::stderr_frame(command.token));
  io.write(stdio, all.substr(0, 600'000));
  io.write(stdio, all.substr(600'000));
  io.send_eof(stdio);
  REQUIRE(events->wait_over(stdio));
  REQUIRE(events->wait_over(errors));
  CHECK(events->at(stdio).bytes == all);
  core::agent::reply_reader replies;
  REQUIRE(wait_for([&] { return events->at(control).bytes.size() >= 22; }));
  const auto told = replies.feed(events->at(control).bytes);
  REQUIRE(told.size() == 2);
  CHECK(std::holds_alternative<core::agent::started>(told[0]));
  const auto* end = std::get_if<core::agent::ended>(&told[1]);
  REQUIRE(end != nullptr);
  CHECK(end->exit_code == 0);
}

TEST_CASE_FIXTURE(port_session_world, "port: an input that ends at once, and output that goes on") {
  open();
  const core::agent::command command{host::random_bytes(core::agent::token_size),
                                     {},
                                     {"sh", "-c", "cat; head -c 300000 /dev/zero | tr '\\0' x"},
                                     {}};
  const auto control = open_stream(core::agent::exec_frame(command));
  const auto stdio = open_stream(core::agent::stdio_frame(command.token));
  const auto errors = open_stream(core::agent::stderr_frame(command.token));
  io.send_eof(stdio);
  REQUIRE(events->wait_over(stdio));
  CHECK(events->at(stdio).bytes == std::string(300'000, 'x'));
  CHECK(events->at(control).lost + events->at(errors).lost == 0);
}

TEST_CASE_FIXTURE(port_session_world, "port: a stream that nobody reads holds up no other") {
  open();
  const auto what = start(write_much);
  const auto stalled = attach(what.id);
  events->stall(stalled);
  std::vector<ssh::channel_id> streams;
  for (int i = 0; i < 40; ++i)
    streams.push_back(attach(what.id));
  for (auto each : streams) {
    REQUIRE(events->wait_over(each));
    CHECK(events->at(each).closed == 1);
    CHECK(output_of(events->at(each).bytes).size() == much);
  }
  CHECK(events->size_at(stalled) <= PORT_WINDOW);
  CHECK_FALSE(events->at(stalled).is_over());
  events->let_go();
  REQUIRE(events->wait_over(stalled));
  CHECK(output_of(events->at(stalled).bytes) == std::string(much, 'x'));
}

TEST_CASE_FIXTURE(port_session_world,
                  "port: an attach that goes away while it is written to is gone "
                  "in the guest, and its place can be taken") {
  open();
  const auto what = start("yes | head -c 100000000; sleep 100");
  for (int round = 0; round < 30; ++round) {
    const auto stream = attach(what.id);
    REQUIRE(wait_output(stream, 1000));
    io.close_stream(stream);
    REQUIRE(events->wait_over(stream));
  }
  CHECK(events->at(connection).lost == 0);
}

TEST_CASE_FIXTURE(port_session_world, "port: more streams than there are places are closed, and "
                                      "nothing else") {
  open();
  const auto what = start("echo hello; sleep 100");
  const auto before = attach(what.id);
  REQUIRE(wait_output(before, 6));
  std::vector<ssh::channel_id> streams;
  for (int i = 0; i < PORT_STREAMS_MAX + 50; ++i)
    streams.push_back(open_stream({}));
  auto closed = [&] {
    return std::count_if(streams.begin(), streams.end(),
                         [&](auto id) { return events->at(id).is_over(); });
  };
  CHECK(wait_for([&] { return closed() >= 51; }));
  CHECK(events->at(connection).lost == 0);
  for (auto id : streams)
    io.close_stream(id);
  CHECK(wait_for([&] { return closed() == PORT_STREAMS_MAX + 50; }));
  CHECK_FALSE(events->at(before).is_over());
  // The agent may still be busy with their ends, and refuse another one: that is tried again.
  CHECK(wait_for([&] {
    const auto after = attach(what.id);
    return events->wait(after, [](const auto& x) { return x.is_over() || !x.bytes.empty(); }) &&
           !events->at(after).is_over();
  }));
}

TEST_CASE_FIXTURE(port_session_world, "port: many starts at once are all answered") {
  open();
  std::vector<ssh::channel_id> streams;
  for (int i = 0; i < 200; ++i)
    streams.push_back(open_stream(encode(tester.shell("exit"))));
  int answered = 0;
  for (auto each : streams) {
    REQUIRE(events->wait_over(each));
    answered += events->at(each).bytes.starts_with("S") ? 1 : 0;
  }
  CHECK(answered == 200);
}

TEST_CASE_FIXTURE(port_session_world,
                  "port: a host that begins anew gets nothing of the one before, "
                  "and its sessions go on") {
  open();
  const auto what = start(write_much + std::string{"; sleep 100"});
  const auto stalled = attach(what.id); // the guest has more to say, in the midst of a frame
  events->stall(stalled);
  REQUIRE(wait_output(stalled, 100'000));
  const auto fed = attach(what.id);
  REQUIRE(wait_output(fed, much));
  leave();
  CHECK(events->at(stalled).lost == 1);
  CHECK(events->at(fed).lost == 1);
  for (int round = 0; round < 3; ++round) {
    open();
    const auto stream = attach(what.id, 1'000'000);
    REQUIRE(wait_output(stream, much - 1'000'000));
    CHECK(output_of(events->at(stream).bytes) == std::string(much - 1'000'000, 'x'));
    leave();
  }
  CHECK(tester.state(what.id, "state") == "running");
}

TEST_CASE_FIXTURE(port_session_world,
                  "port: a host that died in the midst of a frame does no harm") {
  open();
  const auto what = start("echo hello; sleep 100");
  const auto frame = port_frame_of(port_data, 1, std::string(PORT_DATA_MAX, 'x'));
  const auto reset = port_frame_of(port_reset, 0, "n");
  auto survives = [&](const std::string& last_words) {
    leave();
    send_raw(last_words);
    open();
    const auto stream = attach(what.id);
    REQUIRE(wait_output(stream, 6));
    CHECK(output_of(events->at(stream).bytes) == "hello\n");
  };
  for (std::size_t cut : {1U, 2U, 3U, 11U, 12U, 13U, 5'000U, PORT_DATA_MAX + PORT_OVERHEAD - 1U}) {
    CAPTURE(cut);
    survives(frame.substr(0, cut));
    survives(frame.substr(frame.size() - cut)); // nothing that begins as a frame does
    survives(reset.substr(0, cut));
  }
}

TEST_CASE_FIXTURE(port_session_world, "port: bytes that are no frame end the connection, and the "
                                      "next one works") {
  open();
  const auto what = start("echo hello; sleep 100");
  const auto stream = attach(what.id);
  REQUIRE(wait_output(stream, 6));
  send_raw("garbage"); // as if it were the host's own
  REQUIRE(events->wait_over(connection));
  CHECK(events->at(stream).lost == 1);
  CHECK_FALSE(events->at(connection).is_terminal);
  open();
  const auto again = attach(what.id);
  CHECK(wait_output(again, 6));
}

TEST_CASE_FIXTURE(port_session_world, "port: a guest's end that dies is told on all streams, and "
                                      "another takes its place") {
  open();
  const auto what = start("echo hello; sleep 100");
  const auto stream = attach(what.id);
  const auto idle = open_stream({});
  REQUIRE(wait_output(stream, 6));
  const auto killed = mux();
  REQUIRE(killed > 1);
  REQUIRE(::kill(killed, SIGKILL) == 0);
  REQUIRE(events->wait_over(connection));
  CHECK(events->at(stream).lost == 1);
  CHECK(events->at(idle).lost == 1);
  CHECK_FALSE(events->at(connection).is_terminal);
  open();
  const auto again = attach(what.id);
  CHECK(wait_output(again, 6));
  CHECK(mux() != killed);
}

TEST_CASE_FIXTURE(port_session_world,
                  "port: an agent that dies takes its end of the port along, and "
                  "says so") {
  open();
  const auto stream = open_stream({});
  REQUIRE(events->wait(stream, [](const auto& x) { return x.opened == 1; }));
  REQUIRE(::kill(tester.agent.pid(), SIGKILL) == 0);
  REQUIRE(events->wait_over(connection));
  CHECK(events->at(stream).is_over()); // closed, where banger-port saw it before its own end
  CHECK(events->at(stream).after_last == 0);
}
