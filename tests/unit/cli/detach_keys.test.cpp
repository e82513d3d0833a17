#include "cli/detach_keys.hpp"

#include <doctest/doctest.h>

#include <random>

using banger::ec;
using banger::cli::detach_scanner;
using banger::cli::parse_detach_keys;

namespace {

/// What a scanner lets through of something typed at once, "!" behind it where the keys were found.
std::string fed(const std::string& keys, const std::string& typed) {
  detach_scanner x{keys};
  auto out = x.feed(typed);
  return x.is_found() ? out + "!" : out;
}

/// The same, told without a scanner: what is before the keys, or without them all that cannot be
/// their beginning any more.
std::string expected(const std::string& keys, const std::string& typed) {
  if (keys.empty())
    return typed;
  if (const auto at = typed.find(keys); at != std::string::npos)
    return typed.substr(0, at) + "!";
  auto held = std::min(keys.size() - 1, typed.size());
  while (!typed.ends_with(keys.substr(0, held)))
    --held;
  return typed.substr(0, typed.size() - held);
}

} // namespace

TEST_CASE("detach keys: keys are letters or with ctrl, commas between") {
  struct {
    const char *text, *keys;
  } const cases[] = {
      {"ctrl-]", "\x1d"},
      {"ctrl-],d", "\x1d"
                   "d"},
      {"ctrl-p,ctrl-q", "\x10\x11"},
      {"a", "a"},
      {"~,.", "~."},
      {"ctrl-a,ctrl-z", "\x01\x1a"},
      {"ctrl-[,ctrl-\\", "\x1b\x1c"},
      {"ctrl-^,ctrl-_", "\x1e\x1f"},
      {"n,o,n,e", "none"},
      {"-", "-"},
  };
  for (const auto& x : cases)
    CHECK_MESSAGE(parse_detach_keys(x.text) == std::string{x.keys}, x.text);
  CHECK(parse_detach_keys("ctrl-@") == std::string(1, '\0'));
  CHECK(parse_detach_keys(banger::cli::default_detach_keys) == std::string{"\x1d"});
}

TEST_CASE("detach keys: there may be none") {
  CHECK(parse_detach_keys("none") == std::string{});
  CHECK(fed("", "a\x1d\x03") == "a\x1d\x03");
}

TEST_CASE("detach keys: what is no key is refused by name, with what one looks like") {
  for (const char* bad : {"", "ctrl-", "ctrl", "ctrl-ab", "ctrl-1", "ctrl-?", "ctrl--", "Ctrl-a",
                          "esc", "^]", "ab", " ", "\t", "\x7f", "\xc3\xa4", "NONE"}) {
    const auto x = parse_detach_keys(bad);
    REQUIRE_FALSE_MESSAGE(x, bad);
    CHECK(x.error().code == ec::bad_request);
    CHECK(x.error().what == "--detach-keys: '" + std::string{bad} + "' is no key");
    CHECK(x.error().hint.find("ctrl-]") != std::string::npos);
  }
  for (const char* bad : {",", "a,", ",a", "a,,b"})
    CHECK(parse_detach_keys(bad).error().what == "--detach-keys: '' is no key");
  CHECK(parse_detach_keys("a,none").error().what == "--detach-keys: 'none' is no key");
}

TEST_CASE("detach keys: one key ends it, and all before it goes to the guest") {
  CHECK(fed("\x1d", "") == "");
  CHECK(fed("\x1d", "ls\r") == "ls\r");
  CHECK(fed("\x1d", "\x1d") == "!");
  CHECK(fed("\x1d", "ls\x1drm\x1d") == "ls!"); // nothing behind it counts
}

TEST_CASE("detach keys: nothing more goes out once they were typed") {
  detach_scanner x{"\x1d"};
  CHECK_FALSE(x.is_found());
  CHECK(x.feed("a\x1d"
               "b") == "a");
  CHECK(x.is_found());
  CHECK(x.feed("rm\x1d") == "");
  CHECK(x.is_found());
}

TEST_CASE("detach keys: their beginning is held back until it is known to be none") {
  detach_scanner x{"\x10\x11"};
  CHECK(x.feed("a\x10") == "a");
  CHECK(x.feed("b") == "\x10"
                       "b");
  CHECK(x.feed("\x10") == "");
  CHECK(x.feed("\x10") == "\x10"); // of the two only the second can begin them
  CHECK(x.feed("") == "");
  CHECK(x.feed("\x11") == "");
  CHECK(x.is_found());
}

TEST_CASE("detach keys: a false start comes out as it was typed") {
  CHECK(fed("ab", "aab") == "a!");
  CHECK(fed("ab", "aaab") == "aa!");
  CHECK(fed("ab", "aac") == "aac");
  CHECK(fed("aab", "aaab") == "a!");
  CHECK(fed("aab", "aaaa") == "aa");
  CHECK(fed("aab", "aac") == "aac");
  CHECK(fed("abac", "ababac") == "ab!");
  CHECK(fed("abac", "abaab") == "aba");
  CHECK(fed("abcabd", "abcabcabd") == "abc!");
  CHECK(fed("aaa", "aabaaa") == "aab!");
}

TEST_CASE("detach keys: a NUL is a key as others") {
  const std::string nul(1, '\0');
  CHECK(fed(nul, "a" + nul + "b") == "a!");
  CHECK(fed(nul + nul, "a" + nul + "b") == "a" + nul + "b");
}

TEST_CASE("detach keys: however it comes out of reads, it is the same") {
  std::mt19937_64 random(11); // NOLINT: the same every time
  for (int round = 0; round < 3000; ++round) {
    auto text = [&](std::size_t most) {
      std::string all;
      for (auto count = random() % (most + 1); count > 0; --count)
        all.push_back(static_cast<char>('a' + random() % 2));
      return all;
    };
    const auto keys = text(5), typed = text(20);
    CAPTURE(keys);
    CAPTURE(typed);
    detach_scanner x{keys};
    std::string out;
    for (std::size_t at = 0; at < typed.size();) {
      const auto count = 1 + random() % 4;
      out += x.feed(std::string_view{typed}.substr(at, count));
      // Never more than has to be is held back.
      const auto so_far = typed.substr(0, at + count);
      REQUIRE((x.is_found() ? out + "!" : out) == expected(keys, so_far));
      at += count;
    }
    CHECK(fed(keys, typed) == expected(keys, typed));
  }
}
