// The one poll loop of banger rpc and banger mcp: lines from stdin, lines to stdout, the daemon,
// and what is under way between them.
#pragma once

#include "cli/json_values.hpp"
#include "cli/output_stream.hpp"
#include "cli/rpc_jobs.hpp"
#include "cli/rpc_lines.hpp"
#include "cli/session.hpp"
#include "client/connection.hpp"

#include <functional>
#include <optional>
#include <string>
#include <unistd.h>

namespace banger::cli::rpc {

/// Who understands the lines.
class line_handler {
public:
  virtual ~line_handler() = default;
  virtual void take_line(const line& x) = 0;
  virtual void take_event(const event_happened& x) = 0;
  virtual void take_missed(const events_missed& x) = 0;
  virtual void lost_daemon(const failure& why) = 0;
};

/// A connection attaches to a session once: who sends to one that this client watches needs
/// another.
enum class way : std::uint8_t { usual, sending };

class loop {
public:
  using dialer = std::function<result<client::connection>()>;

  explicit loop(dialer dial) : dial_(std::move(dial)) {}

  /// Until stdin ends or a signal comes. Then operations are cancelled, and what there is to say of
  /// them is said. @returns the exit status
  int run(line_handler& handler);

  /// Writes a line, in its turn.
  void write(const record& message);

  /// The connection to the daemon, which is made, and the daemon started, where there is none.
  result<client::connection*> link(way which = way::usual);

  [[nodiscard]] job_list& jobs(way which = way::usual) { return line_of(which).jobs; }

  /// Sends a request. @param limit  for its answer
  template <class Request>
  result<question*> ask(const Request& request, client::milliseconds limit, question::answer then,
                        way which = way::usual) {
    auto to = link(which);
    if (!to)
      return tl::make_unexpected(to.error());
    auto& made = jobs(which).add(std::make_unique<question>((*to)->send(request), std::move(then)));
    made.deadline = client::clock::now() + limit;
    made.ends_with_client = false;
    return &made;
  }

private:
  [[nodiscard]] bool may_go_on() const;
  [[nodiscard]] bool is_done();
  [[nodiscard]] client::clock::time_point deadline();
  void wait();
  void signalled(int signal);
  void read_input();
  void take_lines();
  void pump(way which);
  void leave();
  void flush();

  /// A connection and what is under way on it: numbers of requests are its own.
  struct daemon_line {
    std::optional<client::connection> link;
    job_list jobs;
  };
  static constexpr way ways[] = {way::usual, way::sending};
  [[nodiscard]] daemon_line& line_of(way which) { return lines_to_[static_cast<int>(which)]; }

  dialer dial_;
  line_handler* handler_ = nullptr;
  daemon_line lines_to_[2];
  line_reader lines_;
  output_stream out_{STDOUT_FILENO};
  signal_watch signals_;
  bool has_ended_ = false; ///< stdin
  bool is_held_ = false;   ///< lines wait until stdout has room
  bool is_leaving_ = false;
  int status_ = core::exit_ok;
  client::clock::time_point leave_at_ = client::clock::time_point::max();
};

} // namespace banger::cli::rpc
