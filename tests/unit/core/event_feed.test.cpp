#include "core/event_feed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

using namespace banger;
using namespace banger::core;

namespace {

event_happened event(std::uint64_t sequence) {
  return {sequence, 0, "kind", std::to_string(sequence), {}};
}

event_page page(std::uint64_t from, std::uint64_t to, std::uint64_t newest) {
  event_page x{newest, {}};
  for (auto i = from; i <= to; ++i)
    x.events.push_back(event(i));
  return x;
}

std::vector<std::uint64_t> sequences(const event_batch& x) {
  std::vector<std::uint64_t> all;
  for (const auto& each : x.events)
    all.push_back(each.sequence);
  return all;
}

using numbers = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("event_feed: a subscription begins where it wants") {
  const event_feed feed{3, page(8, 10, 10)};
  CHECK(feed.place({events_from::now, 0, 5})->next == 11);
  CHECK(feed.place({events_from::last, 4, 5})->next == 7);
  CHECK(feed.place({events_from::last, 99, 5})->next == 1);
  CHECK(feed.place({events_from::after, 0, 5})->next == 1);
  CHECK(feed.place({events_from::after, 10, 5})->next == 11);
  CHECK_FALSE(feed.place({events_from::after, 11, 5}));
  CHECK(feed.place({events_from::now, 0, 5})->credit == 5);
}

TEST_CASE("event_feed: sends no more than is paid for, and forgets nothing") {
  event_feed feed{10, {}};
  auto at = *feed.place({events_from::now, 0, 2});
  feed.add(page(1, 5, 5).events);
  CHECK(sequences(feed.take(at)) == numbers{1, 2});
  CHECK(feed.take(at).events.empty());
  at.credit += 9;
  CHECK(sequences(feed.take(at)) == numbers{3, 4, 5});
  CHECK_FALSE(feed.wanted(at));
}

TEST_CASE("event_feed: who is behind memory reads from disk") {
  event_feed feed{2, page(1, 6, 6)}; // 5 and 6 stay
  auto at = *feed.place({events_from::after, 1, 4});
  CHECK(feed.take(at).events.empty());
  auto wanted = feed.wanted(at);
  REQUIRE(wanted);
  CHECK(wanted->after == 1);
  CHECK(wanted->limit == 4);
  CHECK_FALSE(feed.wanted(at)); // it is on its way
  feed.add({event(7)});
  CHECK(feed.take(at).events.empty()); // would overtake it
  CHECK(sequences(feed.take_loaded(at, page(2, 4, 7))) == numbers{2, 3, 4});
  CHECK(feed.wanted(at)); // 5 is out of memory meanwhile
  CHECK(sequences(feed.take_loaded(at, page(5, 5, 7))) == numbers{5});
  at.credit = 9;
  CHECK(sequences(feed.take(at)) == numbers{6, 7});
}

TEST_CASE("event_feed: what is no longer kept is told") {
  event_feed feed{2, page(9, 10, 10)};
  SUBCASE("the rest is on disk") {
    auto at = *feed.place({events_from::after, 0, 9});
    REQUIRE(feed.wanted(at));
    const auto batch = feed.take_loaded(at, page(4, 8, 10));
    REQUIRE(batch.missed);
    CHECK(*batch.missed == events_missed{1, 3});
    CHECK(sequences(batch) == numbers{4, 5, 6, 7, 8});
  }
  SUBCASE("the rest is in memory") {
    auto at = *feed.place({events_from::after, 0, 9});
    REQUIRE(feed.wanted(at));
    const auto batch = feed.take_loaded(at, page(1, 0, 10));
    REQUIRE(batch.missed);
    CHECK(*batch.missed == events_missed{1, 8});
    CHECK(sequences(feed.take(at)) == numbers{9, 10});
  }
  SUBCASE("nothing is left at all") {
    const event_feed empty{2, {10, {}}};
    auto at = *empty.place({events_from::after, 3, 9});
    REQUIRE(empty.wanted(at));
    CHECK(*empty.take_loaded(at, {10, {}}).missed == events_missed{4, 10});
    CHECK(at.next == 11);
  }
}

TEST_CASE("event_feed: a gap in what is saved is read from disk, not skipped") {
  event_feed feed{10, page(1, 3, 3)};
  feed.add({event(6)});
  auto at = *feed.place({events_from::after, 2, 9});
  CHECK(feed.take(at).events.empty());
  CHECK(feed.wanted(at)->after == 2);
  CHECK(sequences(feed.take_loaded(at, page(3, 6, 6))) == numbers{3, 4, 5, 6});
}

TEST_CASE("event_feed: in any interleaving each event comes once, in order, or is told missed") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    auto below = [&](std::uint64_t n) { return random() % n; };
    event_feed feed{1 + below(6), {}};
    std::vector<event_happened> disk;
    std::uint64_t pruned = 0; // so many of the oldest are gone
    event_cursor at{1, 0, false};
    std::optional<load_events> asked;
    std::uint64_t expected = 1;
    auto got = [&](const event_batch& x) {
      if (x.missed) {
        CHECK(x.missed->from == expected);
        CHECK(x.missed->to <= pruned);
        expected = x.missed->to + 1;
      }
      for (const auto& each : x.events)
        CHECK(each.sequence == expected++);
    };
    for (int step = 0; step < 200; ++step) {
      switch (below(5)) {
        case 0: {
          std::vector<event_happened> fresh;
          for (auto i = below(4); i > 0; --i) {
            fresh.push_back(event(disk.size() + 1));
            disk.push_back(fresh.back());
          }
          feed.add(fresh);
          break;
        }
        case 1: at.credit += below(5); break;
        case 2: got(feed.take(at)); break;
        case 3:
          if (asked) {
            event_page found{disk.size(), {}};
            for (const auto& x : disk)
              if (x.sequence > std::max(asked->after, pruned) && found.events.size() < asked->limit)
                found.events.push_back(x);
            got(feed.take_loaded(at, found));
            asked.reset();
          } else {
            asked = feed.wanted(at);
          }
          break;
        default:
          if (below(10) == 0 && disk.size() > 8) // never what memory still has
            pruned = std::max<std::uint64_t>(pruned, below(disk.size() - 7));
      }
    }
  }
}
