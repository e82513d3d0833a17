// Commands and attaches of an async_client: what each does with what the daemon sends to it.
#pragma once

#include "client/async_state.hpp"

#include <string>
#include <string_view>

namespace banger::client {

inline constexpr std::uint32_t output_credit = 1U << 20;

/// Input that waits until it may be sent.
class paced_input {
public:
  void add(std::string_view bytes) { unsent_ += is_refused_ ? std::string_view{} : bytes; }
  void allow(std::size_t bytes) { credit_ += bytes; }
  void end() { is_ending_ = true; }
  /// None of it will be taken, nor of what is added.
  void refuse();
  [[nodiscard]] std::size_t unsent() const { return unsent_.size() - sent_; }

  /// @returns the piece that may go now; empty: none
  [[nodiscard]] std::string next();

  /// @returns true once: all is sent, and there is no more
  [[nodiscard]] bool is_end_due();

private:
  std::string unsent_;
  std::size_t sent_ = 0; ///< of these: they are cut off now and then, not with each piece
  std::size_t credit_ = 0;
  bool is_ending_ = false, is_end_told_ = false, is_refused_ = false;
};

class stream {
public:
  enum class kind : std::uint8_t { command, attach };

  stream(kind sort, async_state& all) : what(sort), all_(all) {}
  virtual ~stream() = default;
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  /// A message that carries its number.
  virtual void take(const incoming& message) = 0;
  /// It is over, and why. Closes it.
  virtual void fail(const failure& why) = 0;
  /// Nobody hears of it any more.
  virtual void forgotten() {}
  /// Sends what input may go.
  virtual void feed() = 0;

  void hold() { is_held_ = true; }
  void go_on();

  const kind what;
  stream_id id = 0;         ///< the client's
  std::uint64_t number = 0; ///< the daemon's; 0: it has not opened it yet
  paced_input input;

protected:
  /// Says that so much more output may be sent.
  virtual void pay(std::size_t bytes) = 0;
  void took(std::size_t bytes);

  /// Pays for output when its handler has had it, also where that throws.
  class receipt {
  public:
    receipt(stream& of, std::size_t bytes) : of_(of), bytes_(bytes) {}
    receipt(const receipt&) = delete;
    receipt& operator=(const receipt&) = delete;
    ~receipt() { of_.took(bytes_); }

  private:
    stream& of_;
    std::size_t bytes_;
  };

  async_state& all_;

private:
  bool is_held_ = false;
  std::size_t unpaid_ = 0;
};

class command_stream final : public stream {
public:
  command_stream(async_state& all, command_handlers on)
      : stream(kind::command, all), on_(std::move(on)) {}

  void opened(const exec_opened& x);
  void take(const incoming& message) override;
  void fail(const failure& why) override;
  void feed() override;
  void signal(int which);

private:
  void pay(std::size_t bytes) override;
  void take_output(const exec_output& x);
  void ended(const exec_ended& x);
  void finish(const result<finished_command>& x);

  command_handlers on_;
  int early_signal_ = 0; ///< was asked for before it ran
};

class attach_stream final : public stream {
public:
  attach_stream(async_state& all, attach_session asked, attach_handlers on,
                answer<attach_outcome> then)
      : stream(kind::attach, all), asked_(std::move(asked)), on_(std::move(on)),
        then_(std::move(then)) {}

  void opened(const session_attached& x);
  void take(const incoming& message) override;
  void fail(const failure& why) override;
  void feed() override;

  /// Once its input is sent.
  void leave();
  void forgotten() override;

private:
  void pay(std::size_t bytes) override;
  void take_output(const attach_output& x);
  void take_gap(std::uint64_t from, std::uint64_t to);
  void take_refusal(const failure& why);
  void ended(const attach_ended& x);
  void finish(const result<attach_outcome>& x);

  attach_session asked_;
  attach_handlers on_;
  answer<attach_outcome> then_;
  attach_outcome where_;
  bool is_leaving_ = false, is_leave_sent_ = false;
};

} // namespace banger::client
