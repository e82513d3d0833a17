#include "actors/tls_relay.hpp"

#include "actors/account.hpp"
#include "host/clock.hpp"
#include "host/log.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banger::actors {

namespace {

using self_pointer = tls_relay_actor::stateful_pointer<tls_relay_state>;

enum tag : std::int32_t { words_tag = 1, mistakes_tag, process_tag };

constexpr std::int64_t good_run_ms = 60'000; ///< whose end says nothing about the next start
constexpr std::size_t longest_line = 4'096;

/// @returns whether it goes on
template <class Take>
bool read_lines(relay_output& from, Take take) {
  char buffer[4096];
  for (;;) {
    const auto n = ::read(from.pipe.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 && errno == EAGAIN;
    for (const auto& line : from.lines.feed({buffer, static_cast<std::size_t>(n)}))
      take(line);
  }
}

void read_words(self_pointer self) {
  auto& state = self->state;
  const auto goes_on = read_lines(state.words, [&state](const std::string& line) {
    if (auto place = core::parse_listening(line); !place.empty()) {
      state.place = std::move(place);
      host::log_info("other machines are served at " + state.place + ", over TLS");
    }
  });
  if (goes_on)
    state.words.watch.arm();
}

void read_mistakes(self_pointer self) {
  auto& state = self->state;
  const auto goes_on = read_lines(state.mistakes, [&state](const std::string& line) {
    state.last_line = line;
    if (line.starts_with("banger-tls: serves ") || line.starts_with("banger-tls: read "))
      host::log_info(line);
    else
      host::log_warning(line);
  });
  if (goes_on)
    state.mistakes.watch.arm();
}

/// @returns the end to give to the child
result<host::unique_fd> open_output(self_pointer self, relay_output& x, std::int32_t tag) {
  auto pipe = host::make_pipe();
  if (!pipe)
    return tl::make_unexpected(pipe.error());
  x.pipe = std::move(pipe->reader);
  ::fcntl(x.pipe.get(), F_SETFL, O_NONBLOCK);
  x.lines = core::line_buffer{longest_line};
  x.watch = {self->system(), x.pipe.get(), fd_watcher_actor{tls_relay_actor{self}}, tag};
  return std::move(pipe->writer);
}

result<void> start(self_pointer self) {
  auto& state = self->state;
  state.since_ms = host::unix_ms();
  auto out = open_output(self, state.words, words_tag);
  if (!out)
    return tl::make_unexpected(out.error());
  auto err = open_output(self, state.mistakes, mistakes_tag);
  if (!err)
    return tl::make_unexpected(err.error());
  host::spawn_request spawn;
  spawn.argv = core::tls_relay_arguments(state.context.program, state.context.plan,
                                         state.context.socket, ::getpid());
  spawn.fds = {{out->get(), STDOUT_FILENO}, {err->get(), STDERR_FILENO}};
  spawn.has_own_session = true;
  auto child = host::spawn(spawn);
  if (!child)
    return tl::make_unexpected(child.error());
  state.process = std::move(*child);
  state.process_watch = {self->system(), state.process.pidfd.get(),
                         fd_watcher_actor{tls_relay_actor{self}}, process_tag};
  state.last_line.clear();
  return {};
}

void start_later(self_pointer self, const std::string& why) {
  auto& state = self->state;
  if (host::unix_ms() - state.since_ms > good_run_ms)
    state.ends_in_a_row = 0;
  ++state.restarts;
  const auto pause = core::tls_relay_pause(++state.ends_in_a_row);
  host::log_warning("other machines are not served: " + why + "; tried again in " +
                    std::to_string(pause.count()) + " ms");
  self->delayed_send(self, pause, step_due{});
}

void start_or_later(self_pointer self) {
  if (auto ok = start(self); !ok) {
    self->state.last_error = to_string(ok.error());
    start_later(self, self->state.last_error);
  }
}

void ended(self_pointer self) {
  auto& state = self->state;
  const auto status = host::reap(state.process.pidfd);
  if (!status) { // told of too early
    state.process_watch.arm();
    return;
  }
  read_words(self);
  read_mistakes(self);
  state.process = {};
  state.process_watch.stop();
  state.place.clear();
  if (state.is_ending) {
    self->quit(caf::exit_reason::user_shutdown);
    return;
  }
  const auto how = "banger-tls " + host::describe_wait_status(*status);
  state.last_error = WIFEXITED(*status) && !state.last_line.empty() ? state.last_line : how;
  start_later(self, how);
}

void ready(self_pointer self, const fd_ready& x) {
  if (x.tag == words_tag)
    read_words(self);
  else if (x.tag == mistakes_tag)
    read_mistakes(self);
  else if (self->state.process.pidfd)
    ended(self);
}

actor_account describe(self_pointer self) {
  const auto& state = self->state;
  auto account = account_of(self, !state.place.empty()  ? "listens at " + state.place
                                  : state.process.pidfd ? "starts"
                                                        : "waits before it starts again");
  account.restarts = state.restarts;
  account.last_error = state.last_error;
  return account;
}

} // namespace

tls_relay_actor::behavior_type tls_relay(self_pointer self, tls_relay_context context) {
  self->state.context = std::move(context);
  self->set_exit_handler([self](const caf::exit_msg& message) {
    if (!self->state.process.pidfd) {
      self->quit(message.reason);
      return;
    }
    self->state.is_ending = true;
    host::signal_process(self->state.process.pidfd, SIGTERM);
  });
  return {
      [self](const fd_ready& x) { ready(self, x); },
      [self](const describe_actor&) { return describe(self); },
      [self](const step_due&) {
        if (!self->state.process.pidfd && !self->state.is_ending)
          start_or_later(self);
      },
  };
}

} // namespace banger::actors
