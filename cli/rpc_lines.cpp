#include "cli/rpc_lines.hpp"

namespace banger::cli::rpc {

void line_reader::feed(std::string_view bytes) {
  bytes_.erase(0, start_);
  looked_ -= start_;
  start_ = 0;
  bytes_ += bytes;
}

void line_reader::finish() {
  if (start_ < bytes_.size() || is_dropping_)
    bytes_ += '\n';
}

std::optional<line> line_reader::next() {
  for (;;) {
    const auto end = bytes_.find('\n', looked_);
    if (end == std::string::npos) {
      looked_ = bytes_.size();
      if (bytes_.size() - start_ > longest_) {
        is_dropping_ = true;
        start_ = looked_;
      }
      return std::nullopt;
    }
    line found{bytes_.substr(start_, end - start_), is_dropping_ || end - start_ > longest_};
    start_ = looked_ = end + 1;
    is_dropping_ = false;
    if (found.is_too_long)
      return line{{}, true};
    if (found.text.ends_with('\r'))
      found.text.pop_back();
    if (found.text.find_first_not_of(" \t") != std::string::npos)
      return found;
  }
}

} // namespace banger::cli::rpc
