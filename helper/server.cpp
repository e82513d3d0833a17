#include "helper/server.hpp"

#include "host/unix_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace banger::helper {

namespace {

/// A daemon has one connection a VM that starts or ends, and few of these at a time.
constexpr std::size_t most_clients = 256;

void warn(const result<void>& done) {
  if (!done)
    std::fprintf(stderr, "banger-helper: %s\n", to_string(done.error()).c_str());
}

/// Hears of links that come and go: rtnetlink(7), RTMGRP_LINK.
result<host::unique_fd> hear_links() {
  host::unique_fd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("hear of network links");
  return fd;
}

result<host::unique_fd> hear_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0)
    return fail_errno("hold signals back");
  host::unique_fd fd{::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!fd)
    return fail_errno("hear of signals");
  return fd;
}

/// A link that is up, and has nobody at its other end: a tap that is not open, or a cable.
bool lacks_carrier(const nlmsghdr& x) {
  if (x.nlmsg_type != RTM_NEWLINK || x.nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg)))
    return false;
  ifinfomsg info{};
  std::memcpy(&info, &x + 1, sizeof info);
  return (info.ifi_flags & IFF_UP) != 0 && (info.ifi_flags & IFF_LOWER_UP) == 0;
}

core::helper_reply refusal(const core::helper_request& x, failure why) {
  core::helper_reply reply;
  reply.number = x.number;
  reply.op = x.op;
  reply.why = std::move(why);
  return reply;
}

} // namespace

server::server(host::unique_fd listener, host::unique_fd events, host::unique_fd signals,
               operations all, std::uint32_t owner)
    : listener_(std::move(listener)), events_(std::move(events)), signals_(std::move(signals)),
      operations_(std::move(all)), owner_(owner) {}

result<server> server::open(host::unique_fd listener, std::uint32_t owner) {
  auto events = hear_links();
  if (!events)
    return tl::make_unexpected(events.error());
  auto signals = hear_signals();
  if (!signals)
    return tl::make_unexpected(signals.error());
  auto all = operations::open(owner);
  if (!all)
    return tl::make_unexpected(all.error());
  return server{std::move(listener), std::move(*events), std::move(*signals), std::move(*all),
                owner};
}

void server::accept_all() {
  for (;;) {
    host::unique_fd socket{
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket)
      return;
    auto peer = host::peer_of(socket.get());
    const auto may = peer && (peer->uid == owner_ || peer->uid == 0);
    if (may && clients_.size() < most_clients)
      clients_.push_back({std::move(socket), false, {}});
  }
}

/// A tap that went took its VM's need for NAT with it, whoever removed it; and one that is kept by
/// the kernel goes when nobody has it open any more.
void server::take_events() {
  char buffer[8192];
  auto is_gone = false, is_unheld = false;
  for (;;) {
    auto got = ::recv(events_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == ENOBUFS) { // some were lost: look
      is_gone = true;
      continue;
    }
    if (got <= 0)
      break;
    auto left = static_cast<unsigned>(got);
    for (auto* x = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(x, left);
         x = NLMSG_NEXT(x, left)) {
      is_gone = is_gone || x->nlmsg_type == RTM_DELLINK;
      is_unheld = is_unheld || lacks_carrier(*x);
    }
  }
  if (is_gone)
    warn(operations_.settle());
  else if (is_unheld)
    warn(operations_.remove_unheld()); // which is heard of in its turn
}

/// What it was lent goes with it, unless somebody has opened it.
std::list<server::client>::iterator server::drop(std::list<client>::iterator who) {
  const auto lent = std::move(who->lent_taps);
  const auto next = clients_.erase(who);
  if (!lent.empty())
    warn(operations_.end_loans(lent));
  return next;
}

/// One request of a client's. @returns whether to keep it
bool server::serve(client& who) {
  auto got = host::receive_packet(who.socket.get(), core::helper_request_size + 1);
  if (!got)
    return got.error().code == ec::busy;
  if (got->bytes.empty() || got->is_cut)
    return false;
  auto request = core::decode_helper_request(got->bytes);
  if (!request) { // one answer, for it may be another version that asks
    (void)host::send_packet(who.socket.get(), core::encode(refusal({}, request.error())), {});
    return false;
  }
  const auto is_hello = request->op == core::helper_op::hello;
  if (who.has_greeted == is_hello || got->fds.size() != core::descriptors_to(request->op))
    return false;
  who.has_greeted = true;
  auto done = operations_.perform(*request, got->fds);
  if (done.reply.why.code != ec::none)
    warn(tl::make_unexpected(done.reply.why));
  else if (request->op == core::helper_op::lend_tap)
    who.lent_taps.push_back(request->address_index);
  std::vector<int> fds;
  if (done.fd)
    fds.push_back(done.fd.get());
  return host::send_packet(who.socket.get(), core::encode(done.reply), fds).has_value();
}

result<void> server::run() {
  warn(operations_.settle()); // what happened while nobody looked
  for (;;) {
    std::vector<pollfd> all{
        {signals_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}, {events_.get(), POLLIN, 0}};
    for (const auto& x : clients_)
      all.push_back({x.socket.get(), POLLIN, 0});
    if (::poll(all.data(), all.size(), -1) < 0 && errno != EINTR)
      return fail_errno("wait for requests");
    if (all[0].revents != 0)
      return {};
    auto at = all.begin() + 3;
    for (auto x = clients_.begin(); x != clients_.end(); ++at)
      x = at->revents == 0 || serve(*x) ? std::next(x) : drop(x);
    if (all[2].revents != 0)
      take_events();
    if (all[1].revents != 0)
      accept_all();
  }
}

} // namespace banger::helper
