// Moves a copy along: the connection, the commands in guests that take part in it, Ctrl-C,
// progress.
#pragma once

#include "cli/copy_meter.hpp"
#include "cli/exec_channel.hpp"
#include "cli/session.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace banger::cli {

/// Where an archive goes.
class copy_sink {
public:
  virtual ~copy_sink() = default;
  /// Takes all of it, waiting. @returns false where no more is wanted: finish() says why.
  virtual bool push(std::string_view bytes) = 0;
  /// To be called once. Undoes what is not whole, and waits for that. Errors: what kept it from
  /// being whole.
  virtual result<void> finish() = 0;
};

class copy_flow {
public:
  copy_flow(session& talk, bool shows_progress);

  /// Starts banger-agent in a guest, which is there as long as the flow.
  exec_channel& start_agent(const std::string& vm, std::vector<std::string> arguments);

  /// Waits until something happened: a message, a signal, `fd` is ready. Errors: cancelled by a
  /// signal, unreachable. A second signal ends the program.
  result<void> wait(int fd = -1, short events = 0);
  /// As wait(), without waiting.
  result<void> look();

  /// Counts what goes to the sink, and shows it. @returns as the sink
  bool pass(copy_sink& sink, std::string_view bytes);

  [[nodiscard]] const copy_meter& meter() const { return meter_; }
  [[nodiscard]] copy_figures figures() const;
  [[nodiscard]] bool shows_progress() const { return shows_progress_; }
  /// The signal that ended the copy; 0: none did.
  [[nodiscard]] int signal() const { return signal_; }
  /// From now on a signal leaves at once, and the waiting is for what was begun to be undone.
  void begin_end() { is_ending_ = true; }
  void clear_progress();

private:
  result<void> wait_for(int fd, short events, int timeout_ms);
  void take_messages();
  void draw();

  session& talk_;
  std::vector<std::unique_ptr<exec_channel>> channels_;
  copy_meter meter_;
  bool shows_progress_;
  bool is_drawn_ = false;
  bool is_ending_ = false;
  int signal_ = 0;
  client::clock::time_point since_ = client::clock::now();
  client::clock::time_point drawn_at_ = since_;
};

/// What the agent wrote to its standard error, or its status: why it did not do what was asked.
[[nodiscard]] failure agent_failure(exec_channel& agent, const std::string& what);

} // namespace banger::cli
