#include "core/line_buffer.hpp"

namespace banger::core {

std::vector<std::string> line_buffer::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    auto end = bytes.find('\n');
    auto piece = bytes.substr(0, end);
    if (!is_dropping_)
      buffer_ += piece;
    if (buffer_.size() > max_line_) {
      buffer_.clear();
      is_dropping_ = true;
    }
    if (end == std::string_view::npos)
      break;
    if (!is_dropping_) {
      while (!buffer_.empty() && buffer_.back() == '\r')
        buffer_.pop_back();
      lines.push_back(std::move(buffer_));
    }
    buffer_.clear();
    is_dropping_ = false;
    bytes.remove_prefix(end + 1);
  }
  return lines;
}

} // namespace banger::core
