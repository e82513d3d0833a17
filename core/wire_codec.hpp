// Writes and reads inspectable structs in the binary format of CAF 0.17 (binary_serializer):
// integers big-endian, bool as one byte, strings and sequences behind a LEB128 length, structs
// field by field. It lets a client talk to the daemon without loading CAF; golden tests hold both
// sides to one format.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace banger::core {

class wire_writer;
class wire_reader;

template <class T>
concept inspectable_struct = std::is_class_v<T> && requires(wire_writer& w, T& x) {
  inspect(w, x);
};

/// Appends values to a byte string. Never fails.
class wire_writer {
public:
  using result_type = void;

  explicit wire_writer(std::string& out) : out_(out) {}

  template <class... Ts>
  void operator()(const Ts&... xs) {
    (put(xs), ...);
  }

  template <std::integral T>
  void put(T x) {
    using wide = std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>;
    auto bits = static_cast<wide>(x);
    for (auto shift = static_cast<int>(sizeof(wide)) * 8 - 8; shift >= 0; shift -= 8)
      out_.push_back(static_cast<char>(static_cast<std::uint8_t>(bits >> shift)));
  }

  template <class T>
  requires std::is_enum_v<T>
  void put(T x) { put(static_cast<std::underlying_type_t<T>>(x)); }

  void put(std::string_view x) {
    put_length(x.size());
    out_.append(x);
  }

  void put(const std::string& x) { put(std::string_view{x}); }

  template <class T>
  void put(const std::vector<T>& xs) {
    put_length(xs.size());
    for (const auto& x : xs)
      put(x);
  }

  template <inspectable_struct T>
  void put(const T& x) {
    inspect(*this, const_cast<T&>(x)); // inspect takes T& for readers' sake; a writer only reads
  }

  /// LEB128, as CAF writes the length of strings and sequences.
  void put_length(std::size_t n) {
    auto rest = static_cast<std::uint32_t>(n);
    while (rest > 0x7F) {
      out_.push_back(static_cast<char>(static_cast<std::uint8_t>((rest & 0x7F) | 0x80)));
      rest >>= 7;
    }
    out_.push_back(static_cast<char>(static_cast<std::uint8_t>(rest)));
  }

private:
  std::string& out_;
};

/// Takes values off a byte string. After the first malformed or missing byte every read leaves its
/// target unchanged and ok() is false; nothing is allocated beyond what the input can hold.
class wire_reader {
public:
  using result_type = void;

  explicit wire_reader(std::string_view in) : in_(in) {}

  template <class... Ts>
  void operator()(Ts&... xs) {
    (get(xs), ...);
  }

  template <std::integral T>
  void get(T& x) {
    using wide = std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>;
    if (!need(sizeof(wide)))
      return;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(wide); ++i)
      bits = bits << 8 | static_cast<std::uint8_t>(in_[i]);
    in_.remove_prefix(sizeof(wide));
    x = static_cast<T>(bits);
  }

  template <class T>
  requires std::is_enum_v<T>
  void get(T& x) {
    auto number = static_cast<std::underlying_type_t<T>>(x);
    get(number);
    x = static_cast<T>(number);
  }

  void get(std::string& x) {
    auto bytes = take(get_length());
    if (ok_)
      x = std::string{bytes};
  }

  template <class T>
  void get(std::vector<T>& xs) {
    auto n = get_length();
    if (!need(n)) // every element takes a byte or more
      return;
    xs.clear();
    for (std::size_t i = 0; i < n && ok_; ++i)
      get(xs.emplace_back());
  }

  template <inspectable_struct T>
  void get(T& x) {
    inspect(*this, x);
  }

  [[nodiscard]] std::size_t get_length() {
    std::uint64_t n = 0;
    for (int shift = 0;; shift += 7) {
      std::uint8_t byte = 0;
      get(byte);
      if (!ok_ || shift > 28) {
        ok_ = false;
        return 0;
      }
      n |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0)
        return static_cast<std::size_t>(n);
    }
  }

  /// The next `n` bytes, a view into the input; empty where there are fewer.
  [[nodiscard]] std::string_view take(std::size_t n) {
    if (!need(n))
      return {};
    auto head = in_.substr(0, n);
    in_.remove_prefix(n);
    return head;
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::string_view rest() const { return in_; }

private:
  bool need(std::size_t n) {
    ok_ = ok_ && in_.size() >= n;
    return ok_;
  }

  std::string_view in_;
  bool ok_ = true;
};

} // namespace banger::core
