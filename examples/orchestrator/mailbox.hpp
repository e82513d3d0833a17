// Messages from any thread to one. The only place of the program where threads share something.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace orchestrator {

template <class Message>
class mailbox {
public:
  void post(Message x) {
    const std::lock_guard lock{mutex_};
    waiting_.push_back(std::move(x));
    is_filled_.notify_one();
  }

  /// Waits for the next one.
  Message take() {
    std::unique_lock lock{mutex_};
    is_filled_.wait(lock, [this] { return !waiting_.empty(); });
    return pop();
  }

  /// @returns nothing where none came in that time
  std::optional<Message> take_within(std::chrono::milliseconds time) {
    std::unique_lock lock{mutex_};
    if (!is_filled_.wait_for(lock, time, [this] { return !waiting_.empty(); }))
      return std::nullopt;
    return pop();
  }

private:
  Message pop() {
    auto x = std::move(waiting_.front());
    waiting_.pop_front();
    return x;
  }

  std::mutex mutex_;
  std::condition_variable is_filled_;
  std::deque<Message> waiting_;
};

} // namespace orchestrator
