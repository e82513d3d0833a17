// One command in a guest as its client holds it: what it may be sent, what it wrote, how it ended.
#pragma once

#include "client/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace banger::cli {

/// Never waits. What it gets comes from take(), what it sends is queued on the connection. Output
/// that is not paid for is not sent by the daemon in the end, and the command in the guest waits.
class exec_channel {
public:
  static constexpr std::uint32_t output_credit = 1U << 20;

  /// Asks for the command. The connection outlives this.
  exec_channel(client::connection& link, const open_exec& request);
  /// One that was asked for.
  exec_channel(client::connection& link, const exec_opened& opened);

  /// Takes a message, if it is about this command.
  bool take(const client::incoming& message);

  [[nodiscard]] bool is_over() const { return is_over_; }
  /// Why it could not be run, or broke off; code none where it ended by itself.
  [[nodiscard]] const failure& problem() const { return problem_; }
  /// Of the command that ended: its own, or 128 plus a signal.
  [[nodiscard]] int status() const { return status_; }

  /// How much can be sent now.
  [[nodiscard]] std::size_t room() const;
  /// @param bytes  at most room()
  void send(std::string bytes);
  void end_input();
  [[nodiscard]] bool input_ended() const { return input_ended_; }
  void signal(int number);

  /// What it wrote since the last call. To be paid for once it is used.
  [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }
  [[nodiscard]] std::string take_errors() { return std::exchange(errors_, {}); }
  void pay(std::size_t bytes);

private:
  client::connection& link_;
  std::uint64_t request_ = 0; ///< the daemon's answer to it is still to come; 0: it has come
  std::uint64_t number_ = 0;
  std::uint32_t input_credit_ = 0;
  std::uint32_t unpaid_ = 0; ///< used, but not told yet: the daemon is told in steps
  std::string output_;
  std::string errors_;
  bool input_ended_ = false;
  bool is_over_ = false;
  int status_ = 0;
  failure problem_{ec::none, {}, {}, {}};
};

} // namespace banger::cli
