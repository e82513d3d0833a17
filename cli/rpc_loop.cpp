#include "cli/rpc_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace banger::cli::rpc {

namespace {

constexpr std::size_t read_size = 64U << 10;
// While the client does not read, this much may wait for it, before we hear neither it nor the
// daemon; and this much before we ask the daemon for no more output.
constexpr std::size_t most_unwritten = 4U << 20;
constexpr std::size_t most_unwritten_to_pay = 256U << 10;
constexpr std::size_t most_unsent = 16U << 20; ///< to the daemon
constexpr std::chrono::seconds patience{10};   ///< with the daemon, when the client has gone

/// As poll(2) takes it.
int milliseconds_until(client::clock::time_point until) {
  if (until == client::clock::time_point::max())
    return -1;
  const auto left = std::chrono::ceil<client::milliseconds>(until - client::clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

/// An answer that nobody waits for any more may have begun something.
void put_away(client::connection& link, const client::incoming& message) {
  if (auto attached = client::decode<session_attached>(message))
    link.send(detach_session{attached->attach});
  else if (auto opened = client::decode<exec_opened>(message))
    link.tell(exec_signal{opened->exec, SIGKILL});
}

} // namespace

int loop::run(line_handler& handler) {
  handler_ = &handler;
  while (!is_done()) {
    wait();
    take_lines();
    for (auto which : ways) {
      pump(which);
      jobs(which).go_on(out_.size() < most_unwritten_to_pay);
    }
    flush();
  }
  for (auto which : ways) // where the daemon was too slow for our patience
    jobs(which).end_all({ec::cancelled, "the request was given up", "its client has gone", {}});
  flush();
  return status_;
}

void loop::write(const record& message) {
  out_.add(to_text(message, -1));
}

/// Blocks while a daemon is started: there is nothing to do without one.
result<client::connection*> loop::link(way which) {
  auto& link = line_of(which).link;
  if (!link) {
    auto made = dial_();
    if (!made)
      return tl::make_unexpected(made.error());
    link.emplace(std::move(*made));
  }
  return &*link;
}

bool loop::may_go_on() const {
  return out_.size() < most_unwritten;
}

bool loop::is_done() {
  if (!is_leaving_)
    return false;
  const auto is_idle = jobs(way::usual).size() + jobs(way::sending).size() == 0;
  return (is_idle && out_.is_empty()) || client::clock::now() >= leave_at_;
}

client::clock::time_point loop::deadline() {
  auto first = leave_at_;
  for (auto which : ways)
    first = std::min(first, jobs(which).deadline());
  return first;
}

void loop::wait() {
  auto reads = !has_ended_ && !is_leaving_ && may_go_on();
  std::vector<pollfd> waiting{
      {-1, POLLIN, 0}, {signals_.fd(), POLLIN, 0}, {out_.is_empty() ? -1 : out_.fd(), POLLOUT, 0}};
  for (auto which : ways) {
    const auto& link = line_of(which).link;
    if (!link)
      continue;
    reads = reads && link->unsent_bytes() < most_unsent;
    waiting.push_back({may_go_on() ? link->fd() : -1,
                       static_cast<short>(POLLIN | (link->wants_write() ? POLLOUT : 0)), 0});
  }
  for (auto which : ways)
    for (auto fd : jobs(which).fds())
      waiting.push_back({fd, POLLIN, 0});
  waiting[0].fd = reads ? STDIN_FILENO : -1;
  (void)::poll(waiting.data(), waiting.size(),
               is_held_ && may_go_on() ? 0 : milliseconds_until(deadline()));
  if (auto signal = signals_.take(); signal != 0)
    signalled(signal);
  if (waiting[0].revents != 0)
    read_input();
  std::vector<int> ready;
  for (const auto& x : waiting)
    if (x.revents != 0)
      ready.push_back(x.fd);
  for (auto which : ways)
    jobs(which).wake(ready);
}

/// The first one is an end in order, as that of stdin; whoever sends a second one wants it now. The
/// daemon cancels what is left when the connection ends.
void loop::signalled(int signal) {
  if (is_leaving_)
    ::_exit(core::exit_signalled + signal);
  status_ = core::exit_signalled + signal;
  leave();
}

void loop::read_input() {
  std::string bytes(read_size, '\0');
  const auto n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (n > 0) {
    lines_.feed({bytes.data(), static_cast<std::size_t>(n)});
    return;
  }
  lines_.finish();
  has_ended_ = true;
}

/// Those that came whole are taken also where the client has gone since.
void loop::take_lines() {
  is_held_ = !is_leaving_ && !may_go_on();
  while (!is_leaving_ && !is_held_) {
    auto next = lines_.next();
    if (next) {
      handler_->take_line(*next);
      is_held_ = !may_go_on();
    } else {
      if (has_ended_)
        leave();
      return;
    }
  }
}

void loop::pump(way which) {
  auto& [link, jobs] = line_of(which);
  if (!link || !may_go_on())
    return;
  const auto ok = link->pump();
  client::incoming message;
  while (ok && link->pop(message)) {
    if (jobs.take(message))
      continue;
    if (auto event = client::decode<event_happened>(message)) {
      handler_->take_event(*event);
      link->tell(event_credit{1});
    } else if (auto missed = client::decode<events_missed>(message)) {
      handler_->take_missed(*missed);
    } else {
      put_away(*link, message);
    }
  }
  if (ok)
    return;
  jobs.end_all(ok.error());
  link.reset();
  if (which == way::usual)
    handler_->lost_daemon(ok.error());
}

void loop::leave() {
  is_leaving_ = true;
  leave_at_ = client::clock::now() + patience;
  for (auto which : ways)
    jobs(which).leave({ec::cancelled, "the request was given up", "its client has gone", {}});
  jobs(way::usual).go_on(true); // what is over counts no more
  if (jobs(way::usual).size() > 0)
    (void)ask(cancel_operations{}, patience, [](const auto&) {});
}

/// Where nobody reads us any more we end, quietly as every tool in a pipe does.
void loop::flush() {
  if (out_.flush())
    return;
  const auto error = errno;
  if (error != EPIPE)
    print_error("banger: write the output: " + std::generic_category().message(error) + "\n");
  ::_exit(error == EPIPE ? core::exit_signalled + SIGPIPE : core::exit_failed);
}

} // namespace banger::cli::rpc
