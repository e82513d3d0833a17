#include "cli/rpc_lines.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using banger::cli::rpc::line_reader;
using strings = std::vector<std::string>;

namespace {

/// All lines that are whole; one that is too long as "!".
strings take(line_reader& from) {
  strings all;
  while (auto x = from.next())
    all.push_back(x->is_too_long ? "!" : x->text);
  return all;
}

} // namespace

TEST_CASE("rpc lines: they come whole, however the bytes are cut") {
  const std::string text = "one\ntwo\r\n\n \t\nthree\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    line_reader lines;
    strings all;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      lines.feed(text.substr(at, piece));
      for (auto& x : take(lines))
        all.push_back(x);
    }
    CHECK(all == strings{"one", "two", "three"});
  }
}

TEST_CASE("rpc lines: the last one needs no end") {
  line_reader lines;
  lines.feed("one\ntw");
  CHECK(take(lines) == strings{"one"});
  lines.feed("o");
  lines.finish();
  CHECK(take(lines) == strings{"two"});
  lines.finish();
  CHECK(take(lines).empty());
}

TEST_CASE("rpc lines: one that is too long is told once, and the next is read") {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    line_reader lines{8};
    strings all;
    const std::string text = "12345678\n123456789\nnext\n" + std::string(100, 'x') + "\nlast";
    for (std::size_t at = 0; at < text.size(); at += piece) {
      lines.feed(text.substr(at, piece));
      for (auto& x : take(lines))
        all.push_back(x);
    }
    lines.finish();
    for (auto& x : take(lines))
      all.push_back(x);
    CHECK(all == strings{"12345678", "!", "next", "!", "last"});
  }
}

TEST_CASE("rpc lines: one that is too long and never ends is told at the end") {
  line_reader lines{8};
  lines.feed(std::string(100, 'x'));
  CHECK(take(lines).empty());
  lines.finish();
  CHECK(take(lines) == strings{"!"});
}
