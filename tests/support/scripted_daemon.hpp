// The daemon's end of a client's connection, as a test wants it.
#pragma once

#include "core/basp.hpp"
#include "host/unique_fd.hpp"
#include "host/unix_socket.hpp"
#include "protocol/requests.hpp"
#include "protocol/version.hpp"
#include "protocol/wire_types.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace banger::test {

namespace basp = core::basp;

inline const std::string daemon_node = basp::make_node(std::string(24, 'd'));
inline constexpr std::uint64_t gateway_actor = 5, server_actor = 6;

inline std::string frame(basp::operation op, const std::string& payload, std::uint64_t from = 0) {
  basp::header head;
  head.op = op;
  head.payload_len = static_cast<std::uint32_t>(payload.size());
  head.source_actor = from;
  return basp::encode(head) + payload;
}

inline std::string greeting(const std::string& app) {
  std::string payload = daemon_node;
  core::wire_writer out{payload};
  out(std::vector<std::string>{app}, gateway_actor, std::vector<std::string>{"iface"});
  return frame(basp::operation::server_handshake, payload);
}

/// @param request  that it answers; 0: none
template <class T>
std::string message(const T& x, std::uint64_t request = 0) {
  auto id = request == 0 ? 0 : request | basp::response_flag;
  return basp::message_frame(wire_name<T>, x, id, server_actor, 1);
}

inline void send_all(int fd, const std::string& bytes) {
  REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
}

/// What a client has sent.
struct received_message {
  std::uint64_t request = 0;
  std::string type, content;

  template <class T>
  T as() const {
    T x;
    REQUIRE(type == wire_name<T>);
    core::wire_reader in{content};
    in.get(x);
    REQUIRE(in.ok());
    return x;
  }
};

/// Reads whole frames until one that carries a message.
inline received_message read_message(int fd) {
  for (;;) {
    std::string head(basp::header_size, '\0');
    REQUIRE(::recv(fd, head.data(), head.size(), MSG_WAITALL) == static_cast<ssize_t>(head.size()));
    auto x = basp::decode_header(head);
    std::string payload(x.payload_len, '\0');
    REQUIRE(::recv(fd, payload.data(), payload.size(), MSG_WAITALL) ==
            static_cast<ssize_t>(payload.size()));
    if (x.op != basp::operation::direct_message)
      continue;
    auto found = basp::decode_message(payload);
    REQUIRE(found);
    return {x.operation_data & basp::request_mask, std::string{found->types},
            std::string{found->content}};
  }
}

/// Greets one client, answers its hello, and leaves the connection to `go_on`, in a thread.
class scripted_daemon {
public:
  template <class GoOn>
  explicit scripted_daemon(GoOn go_on, std::string app = std::string{app_identifier})
      : listener_(*host::listen_unix(path())),
        thread_([this, go_on = std::move(go_on), app = std::move(app)]() mutable {
          host::unique_fd peer{::accept(listener_.get(), nullptr, nullptr)};
          send_all(peer.get(), greeting(app));
          if (app != app_identifier)
            return;
          auto hello = read_message(peer.get());
          send_all(peer.get(), message(welcome{protocol_version, "test", 1, 0, {}}, hello.request));
          go_on(std::move(peer));
        }) {}
  ~scripted_daemon() { join(); }

  [[nodiscard]] std::string path() const { return folder_ / "socket"; }

  void join() {
    if (thread_.joinable())
      thread_.join();
  }

private:
  temporary_folder folder_;
  host::unique_fd listener_;
  std::thread thread_;
};

} // namespace banger::test
