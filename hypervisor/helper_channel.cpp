#include "hypervisor/helper_channel.hpp"

#include "host/descriptor_socket.hpp"

#include <cerrno>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace banger::hypervisor {

namespace {

tl::unexpected<failure> nobody_listens(const std::string& socket) {
  const auto uid = std::to_string(::getuid());
  return fail(ec::missing_program, "reach banger-helper",
              "nobody listens at " + socket + ": taps and snapshots need it",
              "systemctl enable --now banger-helper@" + uid +
                  ".socket, or: sudo banger-helper --uid " + uid);
}

} // namespace

result<helper_channel> helper_channel::connect(const std::string& socket) {
  auto fd = host::connect_packets(socket);
  if (!fd && fd.error().code == ec::not_found)
    return nobody_listens(socket);
  if (!fd)
    return tl::make_unexpected(fd.error());
  helper_channel x{std::move(*fd), socket};
  if (auto sent = x.send({}); !sent)
    return tl::make_unexpected(sent.error());
  return x;
}

result<void> helper_channel::send(core::helper_request x, const std::vector<int>& fds) {
  x.number = ++number_;
  return host::send_packet(socket_.get(), core::encode(x), fds);
}

result<std::optional<helper_answer>> helper_channel::receive_one() {
  auto got = host::receive_packet(socket_.get(), core::helper_reply_size + 1);
  if (!got && got.error().code == ec::busy)
    return std::nullopt;
  if (!got)
    return tl::make_unexpected(got.error());
  if (got->bytes.empty())
    return fail(ec::link_lost, "talk to banger-helper", "it ended the connection at " + path_,
                "its log says why: journalctl -u 'banger-helper@*'");
  auto reply = core::decode_helper_reply(got->bytes);
  if (!reply)
    return tl::make_unexpected(reply.error());
  if (reply->why.code != ec::none)
    return tl::make_unexpected(reply->why);
  if (got->is_cut || got->fds.size() != core::descriptors_from(reply->op))
    return fail(ec::failed, "talk to banger-helper", "an answer has not the descriptors it must");
  helper_answer x{std::move(*reply), {}};
  if (!got->fds.empty())
    x.fd = std::move(got->fds.front());
  return std::optional{std::move(x)};
}

result<std::optional<helper_answer>> helper_channel::receive() {
  if (!is_greeted_) {
    if (auto hello = receive_one(); !hello || !*hello)
      return hello;
    is_greeted_ = true;
  }
  return receive_one();
}

result<core::helper_reply> ask_helper_blocking(const std::string& socket,
                                               const core::helper_request& x,
                                               std::chrono::milliseconds limit) {
  using clock = std::chrono::steady_clock;
  auto channel = helper_channel::connect(socket);
  if (!channel)
    return tl::make_unexpected(channel.error());
  if (auto sent = channel->send(x); !sent)
    return tl::make_unexpected(sent.error());
  const auto until = clock::now() + limit;
  for (;;) {
    auto answer = channel->receive();
    if (!answer)
      return tl::make_unexpected(answer.error());
    if (*answer)
      return std::move((*answer)->reply);
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now()).count();
    pollfd waiting{channel->fd(), POLLIN, 0};
    if (left <= 0 || (::poll(&waiting, 1, static_cast<int>(left)) < 0 && errno != EINTR))
      return fail(ec::timed_out, "talk to banger-helper",
                  "no answer within " + std::to_string(limit.count()) + " ms");
  }
}

} // namespace banger::hypervisor
