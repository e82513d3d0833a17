// One command's talk with the daemon: the connection, the signals that may end it, the progress it
// shows.
#pragma once

#include "cli/json.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "client/connection.hpp"
#include "core/exit_code.hpp"
#include "host/paths.hpp"
#include "host/unique_fd.hpp"

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

namespace banger::cli {

/// Takes SIGINT, SIGTERM, SIGHUP and SIGQUIT as data while it lives; those that our parent ignores
/// (nohup) stay ignored.
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

/// The time limits of requests: longer than the daemon's own, which say more when they fire.
inline constexpr std::chrono::milliseconds quick_limit{15'000};
inline constexpr std::chrono::milliseconds operation_limit{3'700'000};

enum class on_interrupt : std::uint8_t { cancel, leave };

class session {
public:
  session(client::connection link, const options& how) : link_(std::move(link)), how_(how) {}

  [[nodiscard]] client::connection& link() { return link_; }
  [[nodiscard]] progress& shown() { return progress_; }
  [[nodiscard]] const options& how() const { return how_; }
  [[nodiscard]] signal_watch& signals() { return signals_; }

  /// Sends a request and waits for its answer, showing progress. Ctrl-C asks the daemon to cancel,
  /// and the answer says how that went; a second one ends the program. Where nothing can be
  /// cancelled, the first one does.
  template <class Reply, class Request>
  result<Reply> ask(const Request& request, std::chrono::milliseconds limit,
                    on_interrupt at_once = on_interrupt::cancel) {
    at_interrupt_ = at_once;
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

  /// Waits for the answers to requests of which each was for one of `refs`, in their order. Errors:
  /// of the connection.
  template <class T>
  result<std::vector<outcome<T>>> outcomes(const std::vector<std::string>& refs,
                                           const std::vector<std::uint64_t>& numbers) {
    auto answers = wait_for(numbers, operation_limit);
    if (!answers)
      return tl::make_unexpected(answers.error());
    std::vector<outcome<T>> all;
    for (std::size_t i = 0; i < answers->size(); ++i)
      all.push_back({refs[i], client::decode<T>((*answers)[i])});
    return all;
  }

  /// From now on the first Ctrl-C ends the program: nothing is begun that could be cancelled.
  void leave_at_interrupt() { at_interrupt_ = on_interrupt::leave; }

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
  on_interrupt at_interrupt_ = on_interrupt::cancel;
  client::clock::time_point leave_at_ =
      client::clock::time_point::max(); ///< set by the first Ctrl-C
};

/// Prints a failure as the user wants it (text or JSON) and returns its exit status.
int report(const failure& why, const options& how);

/// Tells how each of several went, in their order: `show` prints those that went well, failures go
/// to stderr; or all as one JSON record. @returns the exit status: that of the first failure
template <class T, class Show>
int tell(const std::vector<outcome<T>>& outcomes, const options& how, Show show) {
  if (how.is_json)
    print(json(outcomes));
  int status = core::exit_ok;
  for (const auto& x : outcomes) {
    if (x.value && !how.is_json)
      show(*x.value);
    if (x.value)
      continue;
    auto code = how.is_json ? core::exit_code(x.value.error().code) : report(x.value.error(), how);
    if (status == core::exit_ok)
      status = code;
  }
  return status;
}

/// As tell(), for what is shown whole: one alone is its own JSON record, and texts of several have
/// an empty line between them.
template <class T, class Details>
int show_each(const std::vector<outcome<T>>& outcomes, const options& how, Details details) {
  if (how.is_json && outcomes.size() == 1) {
    const auto& only = outcomes.front().value;
    if (!only)
      return report(only.error(), how);
    print(json(*only));
    return core::exit_ok;
  }
  bool is_first = true;
  return tell(outcomes, how, [&](const T& x) {
    print((is_first ? "" : "\n") + details(x));
    is_first = false;
  });
}

} // namespace banger::cli
