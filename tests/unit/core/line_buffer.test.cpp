#include "core/line_buffer.hpp"

#include <doctest/doctest.h>

using banger::core::line_buffer;
using lines = std::vector<std::string>;

TEST_CASE("line buffer: lines come out when they are whole") {
  line_buffer x;
  CHECK(x.feed("").empty());
  CHECK(x.feed("ab").empty());
  CHECK(x.feed("c\nd") == lines{"abc"});
  CHECK(x.feed("\n\nef\n") == lines{"d", "", "ef"});
  CHECK(x.feed("\n") == lines{""});
}

TEST_CASE("line buffer: however the bytes come, the lines are the same") {
  const std::string text = "one\r\ntwo\n\nthree\r\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    line_buffer x;
    lines all;
    for (std::size_t at = 0; at < text.size(); at += step)
      for (auto& line : x.feed(std::string_view{text}.substr(at, step)))
        all.push_back(line);
    CHECK(all == lines{"one", "two", "", "three"});
  }
}

TEST_CASE("line buffer: a carriage return inside a line stays") {
  line_buffer x;
  CHECK(x.feed("a\rb\r\n") == lines{"a\rb"});
}

TEST_CASE("line buffer: a line that is too long is dropped whole, the next one is not") {
  line_buffer x{4};
  CHECK(x.feed("1234\n12345\nok\n") == lines{"1234", "ok"});
  CHECK(x.feed("12345").empty());
  CHECK(x.feed("6\nab\n") == lines{"ab"});
  CHECK(x.feed("123").empty());
  CHECK(x.feed("45678").empty());
  CHECK(x.feed("9").empty());
  CHECK(x.feed("\nz\n") == lines{"z"});
}

TEST_CASE("line buffer: NUL bytes are bytes") {
  line_buffer x;
  CHECK(x.feed(std::string_view{"a\0b\n", 4}) == lines{std::string{"a\0b", 3}});
}
