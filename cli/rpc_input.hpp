// Input that waits until a command takes it. Pure.
#pragma once

#include "protocol/result.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace banger::cli::rpc {

/// Who adds is told once all of it is on its way, or that it never will be.
class input_queue {
public:
  using done = std::function<void(const result<void>&)>;

  static constexpr std::size_t most = 8U << 20; ///< that may wait

  /// @returns false where there is too much already, or nothing may come any more
  bool add(std::string_view bytes, bool is_end, done then);

  /// Tells `then` once all that was added so far is on its way.
  void after(done then) { marks_.push_back({taken_ + bytes_.size(), std::move(then)}); }

  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }
  [[nodiscard]] bool is_ended() const { return is_ended_; }
  /// The next bytes, at most `count`.
  [[nodiscard]] std::string take(std::size_t count);
  /// Tells those whose bytes are all taken.
  void settle();
  /// Tells all others that it is over.
  void fail_all(const failure& why);

private:
  struct mark {
    std::uint64_t end = 0;
    done then;
  };
  std::string bytes_;
  std::uint64_t taken_ = 0;
  std::deque<mark> marks_;
  bool is_ended_ = false;
};

} // namespace banger::cli::rpc
