#include "core/wire_codec.hpp"

#include <doctest/doctest.h>

#include <utility>

using banger::core::wire_reader;
using banger::core::wire_writer;
using namespace std::string_literals;

namespace {

enum class colour : std::uint8_t { red = 1, blue = 2 };

struct point {
  std::uint16_t x = 0;
  std::string label;
  friend bool operator==(const point&, const point&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, point& p) {
  return f(p.x, p.label);
}

template <class T>
std::string written(const T& x) {
  std::string out;
  wire_writer{out}.put(x);
  return out;
}

/// Reads `bytes` as T; every shorter piece of them must fail and nothing may be left over.
template <class T>
void check_both_ways(const T& x, const std::string& bytes) {
  CHECK(written(x) == bytes);
  T back{};
  wire_reader in{bytes};
  in.get(back);
  CHECK(in.ok());
  CHECK(in.rest().empty());
  CHECK(back == x);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    T ignored{};
    wire_reader cut{std::string_view{bytes}.substr(0, n)};
    cut.get(ignored);
    CHECK_FALSE(cut.ok());
  }
}

} // namespace

TEST_CASE("wire codec: integers are big-endian, of their own width") {
  check_both_ways(std::uint8_t{0xab}, "\xab");
  check_both_ways(std::uint16_t{0x1234}, "\x12\x34");
  check_both_ways(std::uint32_t{0x12345678}, "\x12\x34\x56\x78");
  check_both_ways(std::uint64_t{0x0102030405060708}, "\1\2\3\4\5\6\7\x08");
  check_both_ways(std::int32_t{-2}, "\xff\xff\xff\xfe");
  check_both_ways(std::int64_t{-1}, std::string(8, '\xff'));
}

TEST_CASE("wire codec: bools and enums are their number") {
  check_both_ways(true, "\1");
  check_both_ways(false, "\0"s);
  check_both_ways(colour::blue, "\2");
}

TEST_CASE("wire codec: strings are length and bytes") {
  check_both_ways(""s, "\0"s);
  check_both_ways("ab\0c"s, "\4ab\0c"s);
  check_both_ways(std::string(127, 'x'), "\x7f" + std::string(127, 'x'));
  check_both_ways(std::string(128, 'x'), "\x80\x01" + std::string(128, 'x'));
  check_both_ways(std::string(300, 'x'), "\xac\x02" + std::string(300, 'x'));
}

TEST_CASE("wire codec: sequences are length and items, structs their fields") {
  check_both_ways(std::vector<std::uint16_t>{}, "\0"s);
  check_both_ways(std::vector<std::uint16_t>{1, 2}, "\2\0\1\0\2"s);
  check_both_ways(std::vector<std::string>{"a", ""}, "\2\1a\0"s);
  check_both_ways(point{7, "hi"}, "\0\7\2hi"s);
  check_both_ways(std::vector<point>{{1, "a"}, {2, ""}}, "\2\0\1\1a\0\2\0"s);
}

TEST_CASE("wire codec: a length beyond the input allocates nothing and fails") {
  for (const auto& bytes : {"\xff\xff\xff\xff\x0f"s, "\xff\xff\xff\xff\x7f"s, "\x05"s}) {
    std::string text;
    wire_reader strings{bytes};
    strings.get(text);
    CHECK_FALSE(strings.ok());
    std::vector<std::uint64_t> numbers;
    wire_reader vectors{bytes};
    vectors.get(numbers);
    CHECK_FALSE(vectors.ok());
    CHECK(numbers.capacity() == 0);
  }
}

TEST_CASE("wire codec: a length of more than five bytes fails") {
  const auto bytes = "\x80\x80\x80\x80\x80\x00"s;
  wire_reader in{bytes};
  CHECK(in.get_length() == 0);
  CHECK_FALSE(in.ok());
}

TEST_CASE("wire codec: after a failure nothing is read any more, and targets stay") {
  wire_reader in{"\0\1"s};
  std::uint32_t wide = 5;
  in.get(wide);
  CHECK_FALSE(in.ok());
  std::uint8_t narrow = 6;
  std::string text = "kept";
  std::vector<std::uint8_t> list{1};
  in(narrow, text, list);
  CHECK(wide == 5);
  CHECK(narrow == 6);
  CHECK(text == "kept");
  CHECK(list.size() == 1);
  CHECK(in.take(1).empty());
}
