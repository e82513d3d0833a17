// Bytes on their way, at most so many. Memory that was never needed is never touched.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>

namespace banger::tls {

class byte_queue {
public:
  static constexpr std::size_t capacity = 256U << 10;

  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] const char* data() const { return bytes_.get() + begin_; }
  void consume(std::size_t count) {
    begin_ += count;
    if (empty())
      begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }

  /// How many bytes may be written to `space()`; 0 where it is full.
  [[nodiscard]] std::size_t room() const { return capacity - size(); }

  /// Where to write to, in one piece; then commit() them.
  [[nodiscard]] char* space() {
    if (!bytes_)
      bytes_.reset(new char[capacity]);
    if (begin_ > 0 && end_ + capacity / 4 > capacity) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    return bytes_.get() + end_;
  }

  /// How long that piece is. @pre space() was called
  [[nodiscard]] std::size_t space_size() const { return capacity - end_; }
  void commit(std::size_t count) { end_ += count; }

private:
  std::unique_ptr<char[]> bytes_;
  std::size_t begin_ = 0, end_ = 0;
};

} // namespace banger::tls
