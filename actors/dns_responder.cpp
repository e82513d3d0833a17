#include "actors/dns_responder.hpp"

#include "core/dns_message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = dns_responder_actor::stateful_pointer<dns_responder_state>;
namespace dns = core::dns;

enum tag : std::int32_t { udp_tag = 1, tcp_tag, first_connection_tag };

/// Before other messages have their turn.
constexpr int most_reads = 32;
/// Answers that wait for the supervisor; more questions stay with the kernel, which drops what is
/// too much.
constexpr std::uint32_t most_waiting = 64, most_waiting_each = 16;
constexpr std::size_t most_connections = 32;
/// A question is small: who announces more than this has something else in mind.
constexpr std::size_t most_question = 4096;
/// Who asks waits for some seconds at most.
constexpr std::chrono::milliseconds lookup_limit{2'000};
/// Of a connection that says nothing, as RFC 7766 allows. Looked at as often.
constexpr std::chrono::milliseconds idle_limit{10'000};

/// What an answer depends on; calls `next` at once where that is nothing.
template <class F>
void look_up(self_pointer self, const dns::query& question, F next) {
  ++self->state.asked;
  const auto vm = dns::wanted_vm(question);
  if (!vm) {
    next(dns::lookup{});
    return;
  }
  self->request(self->state.supervisor, lookup_limit, find_guest{*vm})
      .then(
          [next](const guest_found& x) mutable {
            next(dns::lookup{false, x.address});
          },
          [next](const caf::error&) mutable {
            next(dns::lookup{true, {}});
          });
}

// -- UDP

struct peer {
  sockaddr_storage address{};
  socklen_t size = sizeof(sockaddr_storage);
};

/// One who does not take it asks again, so nothing is kept.
void send_datagram(self_pointer self, const peer& to, const std::string& bytes) {
  (void)::sendto(self->state.sockets->udp.get(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&to.address), to.size);
}

void answer_datagram(self_pointer self, const peer& from, std::string_view bytes) {
  const auto question = dns::parse_query(bytes);
  if (!question)
    return;
  ++self->state.waiting;
  look_up(self, *question, [self, from, question](const dns::lookup& found) {
    auto& state = self->state;
    if (state.waiting > 0) // else it has begun anew since
      --state.waiting;
    send_datagram(self, from, dns::answer(*question, found, dns::udp_limit(*question)));
    if (std::exchange(state.is_paused, false))
      state.udp_watch.arm();
  });
}

void datagrams_ready(self_pointer self) {
  auto& state = self->state;
  char buffer[most_question];
  for (int i = 0; i < most_reads && state.waiting < most_waiting; ++i) {
    peer from;
    const auto n = ::recvfrom(state.sockets->udp.get(), buffer, sizeof buffer, MSG_DONTWAIT,
                              reinterpret_cast<sockaddr*>(&from.address), &from.size);
    if (n < 0)
      break;
    answer_datagram(self, from, {buffer, static_cast<std::size_t>(n)});
  }
  state.is_paused = state.waiting >= most_waiting;
  if (!state.is_paused)
    state.udp_watch.arm();
}

// -- TCP

void close_connection(self_pointer self, std::int32_t number) {
  self->state.connections.erase(number);
}

/// Answers are small, and the socket is empty nearly always: who does not read them is let go.
void send_stream(self_pointer self, std::int32_t number, const std::string& bytes) {
  const auto found = self->state.connections.find(number);
  if (found == self->state.connections.end())
    return;
  const auto n =
      ::send(found->second.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n != static_cast<ssize_t>(bytes.size()))
    close_connection(self, number);
}

/// @returns false where it was no question: nobody waits for an answer, but something else is meant
bool answer_message(self_pointer self, std::int32_t number, std::string_view bytes) {
  const auto question = dns::parse_query(bytes);
  if (!question)
    return false;
  ++self->state.connections.at(number).waiting;
  look_up(self, *question, [self, number, question](const dns::lookup& found) {
    const auto connection = self->state.connections.find(number);
    if (connection == self->state.connections.end())
      return;
    const auto is_last = --connection->second.waiting == 0 && connection->second.is_ended;
    if (std::exchange(connection->second.is_paused, false))
      connection->second.watch.arm();
    send_stream(self, number,
                dns::with_tcp_prefix(dns::answer(*question, found, dns::most_tcp_size)));
    if (is_last)
      close_connection(self, number);
  });
  return true;
}

/// Takes the next whole message; nothing where there is none.
std::optional<std::string> next_message(std::string& unread) {
  if (unread.size() < dns::tcp_prefix_size)
    return std::nullopt;
  const auto size = static_cast<std::size_t>(static_cast<unsigned char>(unread[0]) << 8 |
                                             static_cast<unsigned char>(unread[1]));
  if (unread.size() < dns::tcp_prefix_size + size)
    return std::nullopt;
  auto message = unread.substr(dns::tcp_prefix_size, size);
  unread.erase(0, dns::tcp_prefix_size + size);
  return message;
}

/// Reads what there is. @returns false where the stream is broken
bool read_some(dns_connection& x) {
  char buffer[most_question];
  const auto n = ::recv(x.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR;
  x.unread.append(buffer, static_cast<std::size_t>(n));
  x.is_ended = n == 0;
  return true;
}

void stream_ready(self_pointer self, std::int32_t number) {
  auto& all = self->state.connections;
  auto found = all.find(number);
  if (found == all.end())
    return; // of a watch that is over
  auto is_open = read_some(found->second);
  found->second.heard_at_ms = host::unix_ms();
  while (is_open && found != all.end()) {
    const auto message = next_message(found->second.unread);
    if (!message)
      break;
    is_open = answer_message(self, number, *message);
    found = all.find(number); // an answer that could not be sent has closed it
  }
  if (found == all.end())
    return;
  auto& connection = found->second;
  const auto is_over = connection.is_ended && connection.waiting == 0;
  if (!is_open || is_over || connection.unread.size() > most_question) {
    close_connection(self, number);
    return;
  }
  if (connection.is_ended)
    return;
  connection.is_paused = connection.waiting >= most_waiting_each;
  if (!connection.is_paused)
    connection.watch.arm();
}

/// Makes room for another one: the one that has been silent for longest goes.
void close_oldest(self_pointer self) {
  const auto& all = self->state.connections;
  const auto oldest = std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second.heard_at_ms < b.second.heard_at_ms;
  });
  if (oldest != all.end())
    close_connection(self, oldest->first);
}

void sweep_later(self_pointer self) {
  if (!std::exchange(self->state.is_sweep_due, true))
    self->delayed_send(self, idle_limit, step_due{});
}

void connections_ready(self_pointer self) {
  auto& state = self->state;
  for (int i = 0; i < most_reads; ++i) {
    host::unique_fd socket{
        ::accept4(state.sockets->tcp.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket && errno != EAGAIN && errno != ECONNABORTED) {
      sweep_later(self); // no descriptors are left: asked again at once it would say so for ever
      return;
    }
    if (!socket)
      break;
    if (state.connections.size() >= most_connections)
      close_oldest(self);
    const auto number = ++state.last_tag;
    auto& made = state.connections[number];
    made.heard_at_ms = host::unix_ms();
    made.watch = transport::fd_watch{self->system(), socket.get(),
                                     fd_watcher_actor{dns_responder_actor{self}}, number};
    made.socket = std::move(socket);
    sweep_later(self);
  }
  state.tcp_watch.arm();
}

void sweep_connections(self_pointer self) {
  auto& state = self->state;
  state.is_sweep_due = false;
  const auto now = host::unix_ms();
  std::erase_if(state.connections, [now](const auto& x) {
    return x.second.waiting == 0 && now - x.second.heard_at_ms >= idle_limit.count();
  });
  if (!state.connections.empty())
    sweep_later(self);
  state.tcp_watch.arm(); // where it was given up for a while
}

void readable(self_pointer self, const fd_ready& x) {
  switch (x.tag) {
    case udp_tag: datagrams_ready(self); return;
    case tcp_tag: connections_ready(self); return;
    default: stream_ready(self, x.tag); return;
  }
}

} // namespace

void dns_responder_state::begin_anew() {
  connections.clear();
  waiting = 0;
  is_paused = false;
  udp_watch.arm();
  tcp_watch.arm();
}

dns_responder_actor::behavior_type dns_responder(self_pointer self, supervisor_actor supervisor,
                                                 std::shared_ptr<const host::dns_sockets> sockets) {
  auto& state = self->state;
  state.supervisor = std::move(supervisor);
  state.sockets = std::move(sockets);
  state.last_tag = first_connection_tag;
  const fd_watcher_actor us{dns_responder_actor{self}};
  state.udp_watch = transport::fd_watch{self->system(), state.sockets->udp.get(), us, udp_tag};
  state.tcp_watch = transport::fd_watch{self->system(), state.sockets->tcp.get(), us, tcp_tag};
  return {
      guarded<fd_ready>(self, [](self_pointer me, const fd_ready& x) { readable(me, x); }),
      [self](const describe_actor&) {
        const auto& now = self->state;
        return guarded_account_of(self, std::to_string(now.asked) + " asked, " +
                                            counted(now.connections.size(), "connection"));
      },
      guarded<step_due>(self, [](self_pointer me, const step_due&) { sweep_connections(me); }),
  };
}

} // namespace banger::actors
