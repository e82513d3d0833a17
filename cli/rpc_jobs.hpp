// What was asked of the daemon and is not over: each a small machine that is moved by messages and
// never waits.
#pragma once

#include "cli/exec_channel.hpp"
#include "cli/rpc_input.hpp"
#include "client/connection.hpp"
#include "protocol/attach.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace banger::cli::rpc {

class job {
public:
  virtual ~job() = default;

  /// Takes a message. @returns false where it is not for this job
  virtual bool take(const client::incoming& message) = 0;
  /// Nothing more will come: its connection broke, its time is over, or nobody wants it any more.
  virtual void end(const failure& why) = 0;
  /// Input moves where it can. @param pays  output that was told may be paid for
  virtual void go_on(bool /*pays*/) {}
  /// A descriptor that is readable once wake() is to be called; -1: none.
  [[nodiscard]] virtual int fd() const { return -1; }
  virtual void wake() {}
  /// The stages of its operation, if it has one, are told here.
  [[nodiscard]] virtual bool is_of(const stage_entered& /*x*/, bool /*is_exact*/) const {
    return false;
  }
  virtual void entered(const stage_entered& /*x*/) {}

  bool is_over = false;
  bool ends_with_client = true; ///< else its answer is waited for when the client has gone
  bool hides_early = false;     ///< what comes for nobody may be for it, once it is answered
  client::clock::time_point deadline = client::clock::time_point::max();
};

/// One request and its answer.
class question final : public job {
public:
  using answer = std::function<void(const result<client::incoming>&)>;
  question(std::uint64_t number, answer then) : number_(number), then_(std::move(then)) {}

  bool take(const client::incoming& message) override;
  void end(const failure& why) override;
  bool is_of(const stage_entered& x, bool is_exact) const override;
  void entered(const stage_entered& x) override { told(x); }

  std::string operation, subject; ///< whose stages are this one's
  std::function<void(const stage_entered&)> told = [](const auto&) {};

private:
  std::uint64_t number_;
  answer then_;
};

/// How a command in a guest ended.
struct exec_end {
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  failure why{ec::none, {}, {}, {}};
};

struct exec_hooks {
  std::function<void()> opened = [] {};
  std::function<void(bool is_stderr, std::string bytes)> output;
  std::function<void(const exec_end&)> ended;
};

/// A command in a guest.
class command final : public job {
public:
  command(client::connection& link, const open_exec& request, exec_hooks hooks)
      : channel_(link, request), hooks_(std::move(hooks)) {}

  bool take(const client::incoming& message) override;
  void end(const failure& why) override;
  void go_on(bool pays) override;

  [[nodiscard]] input_queue& input() { return input_; }
  void signal(int number) { channel_.signal(number); }

private:
  exec_channel channel_;
  exec_hooks hooks_;
  input_queue input_;
  std::size_t owed_ = 0; ///< bytes of output that were told
  bool is_open_ = false;
};

struct attach_hooks {
  std::function<void(const session_attached&)> attached;
  std::function<void(const failure&)> refused; ///< it could not begin
  std::function<void(const attach_output&)> output = [](const auto&) {};
  std::function<void(const attach_gap&)> gap = [](const auto&) {};
  std::function<void(const std::string&)> noticed = [](const auto&) {};
  std::function<void(const failure&)> input_refused = [](const auto&) {};
  std::function<void(const attach_ended&)> ended;
};

/// An attach to a session.
class attachment final : public job {
public:
  static constexpr std::uint64_t output_credit = 512U << 10;

  /// @param request  without credit and client
  attachment(client::connection& link, attach_session request, attach_hooks hooks);

  bool take(const client::incoming& message) override;
  void end(const failure& why) override;
  void go_on(bool pays) override;

  [[nodiscard]] input_queue& input() { return input_; }
  [[nodiscard]] std::uint64_t number() const { return number_; } ///< the daemon's; 0: none yet
  void resize(const window_size& x) { link_.tell(attach_resized{number_, x}); }

private:
  bool take_answer(const client::incoming& message);
  bool take_output(const client::incoming& message);
  bool take_rest(const client::incoming& message);

  client::connection& link_;
  attach_hooks hooks_;
  std::uint64_t request_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t offset_ = 0; ///< behind the last byte that came
  std::uint64_t owed_ = 0;
  std::uint64_t credit_ = 0; ///< of input
  bool tells_end_ = false;   ///< the end of input was told
  input_queue input_;
};

/// All that are under way. Hooks may add to it.
class job_list {
public:
  template <class Job>
  Job& add(std::unique_ptr<Job> made) {
    auto& x = *made;
    all_.push_back(std::move(made));
    return x;
  }

  /// @returns false where it is for nobody
  bool take(const client::incoming& message);
  void end_all(const failure& why);
  /// The client has gone: those end that would wait for others.
  void leave(const failure& why);
  /// Ends those whose time is over, moves the others, and forgets what is over.
  void go_on(bool pays);
  void wake(const std::vector<int>& ready);
  [[nodiscard]] std::vector<int> fds() const;
  [[nodiscard]] client::clock::time_point deadline() const;
  [[nodiscard]] std::size_t size() const { return all_.size(); }

private:
  bool give(const client::incoming& message);
  bool tell_stage(const stage_entered& x);
  std::vector<std::unique_ptr<job>> all_;
  std::vector<client::incoming> early_; ///< of attaches that are not answered yet
};

} // namespace banger::cli::rpc
