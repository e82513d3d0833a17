#include "cli/rpc_input.hpp"

#include <algorithm>
#include <utility>

namespace banger::cli::rpc {

bool input_queue::add(std::string_view bytes, bool is_end, done then) {
  if (is_ended_ || bytes_.size() + bytes.size() > most)
    return false;
  bytes_ += bytes;
  is_ended_ = is_end;
  marks_.push_back({taken_ + bytes_.size(), std::move(then)});
  return true;
}

std::string input_queue::take(std::size_t count) {
  auto piece = bytes_.substr(0, count);
  bytes_.erase(0, piece.size());
  taken_ += piece.size();
  return piece;
}

void input_queue::settle() {
  while (!marks_.empty() && marks_.front().end <= taken_) {
    const auto then = std::move(marks_.front().then);
    marks_.pop_front();
    then({});
  }
}

void input_queue::fail_all(const failure& why) {
  is_ended_ = true;
  for (auto& x : std::exchange(marks_, {}))
    x.then(tl::make_unexpected(why));
}

} // namespace banger::cli::rpc
