// One command's talk with the daemon: the connection, the signals that may end it, the progress it
// shows.
#pragma once

#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "client/connection.hpp"
#include "host/paths.hpp"
#include "host/unique_fd.hpp"

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

namespace banger::cli {

/// Takes SIGINT, SIGTERM and SIGHUP as data while it lives; those that our parent ignores (nohup)
/// stay ignored.
class signal_watch {
public:
  signal_watch();
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The next signal; 0 where there is none.
  [[nodiscard]] int take();

private:
  host::unique_fd fd_;
  sigset_t before_{};
};

class session {
public:
  session(client::connection link, const options& how) : link_(std::move(link)), how_(how) {}

  [[nodiscard]] client::connection& link() { return link_; }
  [[nodiscard]] progress& shown() { return progress_; }
  [[nodiscard]] const options& how() const { return how_; }

  /// Sends a request and waits for its answer, showing progress. Ctrl-C asks the daemon to cancel,
  /// and the answer says how that went; a second one ends the program.
  template <class Reply, class Request>
  result<Reply> ask(const Request& request, std::chrono::milliseconds limit) {
    auto number = link_.send(request);
    auto answers = wait_for({number}, limit);
    if (!answers)
      return tl::make_unexpected(answers.error());
    return client::decode<Reply>(answers->front());
  }

  /// Waits for the answers to several requests; they come back in the order of `numbers`. Errors:
  /// of the connection.
  [[nodiscard]] result<std::vector<client::incoming>>
  wait_for(const std::vector<std::uint64_t>& numbers, std::chrono::milliseconds limit);

  /// Ctrl-C was pressed: what comes next should not be begun.
  [[nodiscard]] bool was_interrupted() const { return interrupts_ > 0; }

private:
  result<void> pass_time(client::clock::time_point deadline);
  void interrupted(int signal);
  client::connection link_;
  const options& how_;
  progress progress_;
  signal_watch signals_;
  int interrupts_ = 0;
  client::clock::time_point leave_at_ =
      client::clock::time_point::max(); ///< set by the first Ctrl-C
};

/// Prints a failure as the user wants it (text or JSON) and returns its exit status.
int report(const failure& why, const options& how);

/// The time limits of requests: longer than the daemon's own, which say more when they fire.
inline constexpr std::chrono::milliseconds quick_limit{15'000};
inline constexpr std::chrono::milliseconds operation_limit{3'700'000};

} // namespace banger::cli
