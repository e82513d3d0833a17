#include "cli/copy_flow.hpp"

#include "cli/render.hpp"
#include "cli/terminal.hpp"
#include "core/exit_code.hpp"

#include <cerrno>
#include <iterator>
#include <poll.h>
#include <unistd.h>

namespace banger::cli {

namespace {

/// Where every image has it.
constexpr const char* agent_program = "/usr/lib/banger/banger-agent";
constexpr int tick_ms = 100;

} // namespace

copy_flow::copy_flow(session& talk, bool shows_progress)
    : talk_(talk), shows_progress_(shows_progress && is_terminal(STDERR_FILENO)) {}

exec_channel& copy_flow::start_agent(const std::string& vm, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {agent_program, "archive"});
  open_exec request{vm, std::move(arguments), {}, {}, exec_channel::output_credit};
  return *channels_.emplace_back(std::make_unique<exec_channel>(talk_.link(), request));
}

result<void> copy_flow::wait(int fd, short events) {
  constexpr int for_ever = -1;
  return wait_for(fd, events, shows_progress_ ? tick_ms : for_ever);
}

result<void> copy_flow::look() {
  return wait_for(-1, 0, 0);
}

result<void> copy_flow::wait_for(int fd, short events, int timeout_ms) {
  auto& link = talk_.link();
  pollfd waiting[] = {
      {link.fd(), static_cast<short>(POLLIN | (link.wants_write() ? POLLOUT : 0)), 0},
      {talk_.signals().fd(), POLLIN, 0},
      {fd, events, 0}};
  if (::poll(waiting, std::size(waiting), timeout_ms) < 0 && errno != EINTR)
    return fail_errno("wait");
  draw();
  if (waiting[0].revents != 0) {
    auto ok = link.pump();
    take_messages();
    if (!ok)
      return ok;
  }
  if (auto number = waiting[1].revents != 0 ? talk_.signals().take() : 0; number != 0) {
    if (is_ending_ || signal_ != 0)
      ::_exit(core::exit_signalled + number);
    signal_ = number;
  }
  if (signal_ != 0 && !is_ending_)
    return fail(ec::cancelled, "copy", "cancelled", "nothing half-written was left");
  return {};
}

void copy_flow::take_messages() {
  client::incoming message;
  while (talk_.link().pop(message))
    for (auto& channel : channels_)
      if (channel->take(message))
        break;
}

bool copy_flow::pass(copy_sink& sink, std::string_view bytes) {
  meter_.feed(bytes);
  return sink.push(bytes);
}

copy_figures copy_flow::figures() const {
  auto x = meter_.figures();
  x.duration_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(client::clock::now() - since_).count();
  return x;
}

void copy_flow::draw() {
  auto now = client::clock::now();
  if (!shows_progress_ || is_ending_ || now - drawn_at_ < std::chrono::milliseconds{tick_ms})
    return;
  drawn_at_ = now;
  is_drawn_ = true;
  print_error("\r\033[K" + copy_progress_line(figures(), terminal_width()));
}

void copy_flow::clear_progress() {
  if (is_drawn_)
    print_error("\r\033[K");
  is_drawn_ = false;
}

failure agent_failure(exec_channel& agent, const std::string& what) {
  if (agent.problem().code != ec::none)
    return agent.problem();
  auto text = agent.take_errors();
  constexpr int no_such_command = 2, not_started = 126, nowhere = 127;
  if (auto status = agent.status();
      status == no_such_command || status == not_started || status == nowhere)
    return {ec::version_mismatch, what, "the guest's agent is older than this banger",
            "build the image again, and make the VM anew: banger image build"};
  constexpr std::size_t most = 400;
  text = printable(text.substr(0, std::min(text.find('\n'), most)));
  return {ec::failed,
          what,
          "the guest's agent ended with status " + std::to_string(agent.status()) +
              (text.empty() ? "" : ": " + text),
          {}};
}

} // namespace banger::cli
