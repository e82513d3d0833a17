// The keys that end an attach, among those that are the guest's. Pure.
#pragma once

#include "protocol/result.hpp"

#include <string>
#include <string_view>

namespace banger::cli {

inline constexpr std::string_view default_detach_keys = "ctrl-]";

/// The bytes of keys like "ctrl-],d": letters, "ctrl-" and one of a-z @ [ \ ] ^ _, with commas
/// between. "none": no keys. Errors: bad_request.
[[nodiscard]] result<std::string> parse_detach_keys(std::string_view text);

/// Finds the keys in what is typed, also across reads.
class detach_scanner {
public:
  explicit detach_scanner(std::string keys) : keys_(std::move(keys)) {}

  /// @returns what is to be sent to the guest: the beginning of the keys is held back until it is
  /// known to be none
  [[nodiscard]] std::string feed(std::string_view typed);
  /// The keys were typed; nothing behind them counts.
  [[nodiscard]] bool is_found() const { return is_found_; }

private:
  std::string keys_;
  std::size_t matched_ = 0;
  bool is_found_ = false;
};

} // namespace banger::cli
