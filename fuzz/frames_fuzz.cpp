// Frames of sessions, of the data port and of port-forwards, fed with anything: what a hostile or
// broken guest may send to the daemon and to the command line, and what anybody in the guest may
// send to the agent's socket.
#include "actors/session_wire.hpp"
#include "fuzz/changed.hpp"
#include "guest/forward_mux.h"
#include "guest/port_frames.h"
#include "guest/session_frames.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <variant>

namespace {

namespace wire = banger::actors::session_wire;

/// Reads each byte, so that a sanitizer sees a view that leads outside.
std::size_t touch(const void* bytes, std::size_t size) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < size; ++i)
    sum += static_cast<const unsigned char*>(bytes)[i];
  return sum;
}

std::size_t touch(const char* text) {
  return touch(text, std::char_traits<char>::length(text));
}

/// The daemon's side: replies of an agent, in pieces.
void read_replies(std::string_view text) {
  wire::reader reader;
  const std::size_t step = 1 + text.size() % 61;
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::string part{text.substr(at, step)};
    reader.feed(part);
    wire::reply reply;
    while (reader.next(reply)) {
      if (const auto* output = std::get_if<wire::output>(&reply))
        touch(output->bytes.data(), output->bytes.size());
      if (std::holds_alternative<wire::malformed>(reply))
        return;
    }
  }
}

/// The agent's side: requests, and what follows them.
void read_requests(std::string_view text) {
  for (auto* limit : {session_request_limit, session_command_limit, session_reply_limit}) {
    const auto bytes =
        std::make_unique<unsigned char[]>(text.size() + 1); // no byte more than there are
    std::copy(text.begin(), text.end(), bytes.get());
    std::size_t at = 0;
    session_frame frame;
    while (session_next(bytes.get() + at, text.size() - at, limit, &frame) == session_next_frame) {
      touch(frame.payload, frame.size);
      session_new start;
      if (session_take_new(frame.payload, frame.size, &start)) {
        touch(start.cwd);
        touch(start.id, SESSION_ID_SIZE);
        if (!session_id_is_valid(start.id))
          std::abort();
      }
      session_attach attach;
      if (session_take_attach(frame.payload, frame.size, &attach) &&
          !session_id_is_valid(attach.id))
        std::abort();
      session_failed failed;
      if (session_take_failed(frame.payload, frame.size, &failed))
        touch(failed.text);
      session_ended ended;
      if (session_take_ended(frame.payload, frame.size, &ended))
        touch(ended.text);
      const char *id = nullptr, *listed = nullptr;
      std::size_t size = 0;
      if (session_take_listed(frame.payload, frame.size, &id, &listed, &size))
        touch(listed, size);
      at += SESSION_FRAME_HEADER_SIZE + frame.size;
    }
  }
}

void read_port(std::string_view text) {
  const std::string exact{text};
  const auto* bytes = reinterpret_cast<const unsigned char*>(exact.data());
  std::size_t at = 0;
  port_frame frame;
  while (port_next(bytes + at, exact.size() - at, &frame) == port_next_frame) {
    touch(frame.payload, frame.size);
    const unsigned char* nonce = nullptr;
    if (port_take_nonce(&frame, &nonce))
      touch(nonce, PORT_NONCE_SIZE);
    (void)port_take_credit(&frame);
    at += PORT_OVERHEAD + frame.size;
  }
  if (port_scan(bytes, exact.size(), port_reset) > exact.size())
    std::abort();
}

/// The guest's end of a port-forward: connections go to a socket that nobody reads.
void feed_forward(std::string_view text) {
  const forward_calls calls{
      nullptr,
      [](void*, std::uint16_t, int* attempt) {
        int ends[2];
        if ((*attempt)++ > 0 ||
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
          errno = ECONNREFUSED;
          return -1;
        }
        ::close(ends[1]);
        return ends[0];
      },
      [](void*, std::uint16_t, int) {}, [](void*, const port_frame*) { return true; }};
  auto* mux = forward_new(calls);
  pollfd fds[FORWARD_STREAMS_MAX];
  const std::size_t step = 1 + text.size() % 97;
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::string part{text.substr(at, step)};
    if (!forward_feed(mux, part.data(), part.size()))
      break;
    const auto count = forward_poll(mux, fds);
    ::poll(fds, static_cast<nfds_t>(count), 0);
    forward_work(mux, fds, count);
    const unsigned char* output = nullptr;
    const auto size = forward_output(mux, &output);
    touch(output, size);
    forward_sent(mux, size);
  }
  forward_free(mux);
}

void run(std::string_view text) {
  read_replies(text);
  read_requests(text);
  read_port(text);
  feed_forward(text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifdef BANGER_FUZZ_MAIN

namespace {

void add(std::string& to, const unsigned char* frame, std::size_t size) {
  to.append(reinterpret_cast<const char*>(frame), size);
}

/// One of each, so that changed bytes reach every decoder.
std::string seed_of_sessions() {
  unsigned char frame[4096];
  constexpr const char* id = "0123456789ab";
  std::string bytes = wire::attach({id, 7, 1, 1 << 20}) + wire::list() + wire::remove(id) +
                      wire::credit(5) + wire::input("text") + wire::input_end() +
                      wire::window({24, 80}) + wire::signal(15);
  banger::session_config config;
  config.argv = {"sh", "-c", "true"};
  config.env = {"A=1"};
  bytes += wire::start(id, config);
  session_here here{session_phase_running, 1, 9, 3};
  add(bytes, frame, session_put_here(frame, sizeof frame, &here));
  add(bytes, frame, session_put_output(frame, sizeof frame, session_reply_stdout, 3, "output", 6));
  add(bytes, frame, session_put_gap(frame, sizeof frame, 9, 12));
  session_failed failed{2, session_step_exec, "no such file"};
  add(bytes, frame, session_put_failed(frame, sizeof frame, &failed));
  session_ended ended{session_how_exited, 1, 0, 12, 99, ""};
  add(bytes, frame, session_put_ended(frame, sizeof frame, &ended));
  add(bytes, frame, session_put_listed(frame, sizeof frame, id, "state=running\n"));
  return bytes;
}

std::string seed_of_ports() {
  unsigned char frame[PORT_OVERHEAD + 256];
  std::string bytes;
  const unsigned char two[] = {0, 80}, four[] = {0, 1, 0, 0}, nonce[2 + PORT_NONCE_SIZE] = {0, 1};
  add(bytes, frame, port_put(frame, port_open, 1, two, sizeof two));
  add(bytes, frame, port_put(frame, port_data, 1, "data", 4));
  add(bytes, frame, port_put(frame, port_credit, 1, four, sizeof four));
  add(bytes, frame, port_put(frame, port_end, 1, nullptr, 0));
  add(bytes, frame, port_put(frame, port_open, 2, two, sizeof two));
  add(bytes, frame, port_put(frame, port_close, 1, nullptr, 0));
  add(bytes, frame, port_put(frame, port_reset, 0, nonce, sizeof nonce));
  return bytes;
}

} // namespace

int main() {
  const std::string seeds[] = {seed_of_sessions(), seed_of_ports()};
  std::mt19937 random{1}; // the same inputs each time: a failure can be looked at
  constexpr int rounds = 10'000;
  for (int i = 0; i < rounds; ++i) {
    const auto& seed = seeds[random() % 2];
    run(banger::fuzz::changed(seed, random, 2, [](auto& source) { return source() % 4; }));
  }
  return 0;
}

#endif
