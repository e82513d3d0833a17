#include "cli/session.hpp"

#include "cli/json.hpp"
#include "cli/render.hpp"
#include "core/exit_code.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace banger::cli {

namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (auto signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN)
      sigaddset(&set, signal);
  }
  return set;
}

} // namespace

signal_watch::signal_watch() {
  auto set = watched();
  ::sigprocmask(SIG_BLOCK, &set, &before_);
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

signal_watch::~signal_watch() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int signal_watch::take() {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                              : 0;
}

void session::interrupted(int signal) {
  progress_.clear();
  if (++interrupts_ > 1 || signal != SIGINT || at_interrupt_ == on_interrupt::leave)
    ::_exit(core::exit_signalled + signal); // the daemon cancels when the connection ends
  link_.send(cancel_operations{});
  constexpr std::chrono::seconds patience{10};
  leave_at_ = client::clock::now() + patience;
  print_error("banger: cancelling; once more to leave at once\n");
}

result<void> session::pass_time(client::clock::time_point deadline) {
  if (client::clock::now() >= leave_at_)
    ::_exit(core::exit_signalled + SIGINT);
  deadline = std::min(deadline, leave_at_);
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - client::clock::now()).count();
  if (left <= 0)
    return fail(ec::timed_out, "the daemon did not answer in time", "", "banger daemon status");
  pollfd waiting[] = {
      {link_.fd(), static_cast<short>(POLLIN | (link_.wants_write() ? POLLOUT : 0)), 0},
      {signals_.fd(), POLLIN, 0}};
  (void)::poll(waiting, 2,
               static_cast<int>(std::min<std::int64_t>(left, progress_.redraw_in_ms())));
  progress_.redraw();
  if (auto signal = signals_.take(); signal != 0)
    interrupted(signal);
  if (waiting[0].revents == 0)
    return {};
  return link_.pump();
}

result<std::vector<client::incoming>> session::wait_for(const std::vector<std::uint64_t>& numbers,
                                                        std::chrono::milliseconds limit) {
  auto deadline = client::clock::now() + limit;
  std::vector<client::incoming> answers(numbers.size());
  auto missing = numbers.size();
  while (missing > 0) {
    client::incoming message;
    if (!link_.pop(message)) {
      if (auto ok = pass_time(deadline); !ok)
        return tl::make_unexpected(ok.error());
      continue;
    }
    auto found = std::find(numbers.begin(), numbers.end(), message.request);
    if (message.request != 0 && found != numbers.end()) {
      answers[static_cast<std::size_t>(found - numbers.begin())] = std::move(message);
      --missing;
    } else if (auto stage = client::decode<stage_entered>(message)) {
      progress_.show(*stage);
    }
  }
  progress_.clear();
  return answers;
}

int report(const failure& why, const options& how) {
  print_error(how.is_json ? json(why) : error_lines(why, wants_colour()));
  return core::exit_code(why.code);
}

} // namespace banger::cli
