#include "core/session_output.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <variant>

using namespace banger;
using namespace banger::core;

namespace {

struct piece {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool is_gap = false;
};

using output = session_output<piece>;

std::string span(std::uint64_t from, std::uint64_t to) {
  return std::to_string(from) + "-" + std::to_string(to);
}

std::string text_of(const open_source& x) {
  const auto from = x.origin == output_origin::now    ? std::string{"now"}
                    : x.origin == output_origin::last ? "last " + std::to_string(x.from)
                                                      : "at " + std::to_string(x.from);
  return "open " + std::to_string(x.source) + " " + from + (x.follows ? "" : " to the present") +
         ", credit " + std::to_string(x.credit);
}

std::string text_of(const deliver_piece<piece>& x) {
  return std::string{x.piece->is_gap ? "gap " : "give "} + std::to_string(x.reader) + " " +
         span(x.from, x.to);
}

std::string text_of(const place_reader& x) {
  return "place " + std::to_string(x.reader) + " at " + std::to_string(x.offset);
}

std::string text_of(const end_reader& x) {
  return "end " + std::to_string(x.reader) + " at " + std::to_string(x.offset);
}

std::string text_of(const pay_source& x) {
  return "pay " + std::to_string(x.source) + " " + std::to_string(x.bytes);
}

std::string text_of(const close_source& x) {
  return "close " + std::to_string(x.source);
}

/// A ring of 100 bytes, of which 20 are kept when all have them; sources are paid 10 at least.
struct readers {
  output x{100, 20, 10};

  readers() { x.connect(); }

  /// What is to be done since the last call.
  std::string said() {
    std::string all;
    for (const auto& action : x.take_actions())
      std::visit([&](const auto& each) { all += (all.empty() ? "" : "; ") + text_of(each); },
                 action);
    return all;
  }
  void arrive(source_id source, std::uint64_t from, std::uint64_t to) {
    CHECK(x.arrived(source, std::make_shared<const piece>(piece{from, to, false})));
  }
  void arrive_gap(source_id source, std::uint64_t from, std::uint64_t to) {
    CHECK(x.arrived(source, std::make_shared<const piece>(piece{from, to, true})));
  }
  bool is_refused(source_id source, std::uint64_t from, std::uint64_t to) {
    return !x.arrived(source, std::make_shared<const piece>(piece{from, to, false}));
  }
  /// A reader that follows from an offset; its source is the next one, and begins there.
  void join(reader_id id, std::uint64_t from, std::uint64_t credit) {
    x.join(id, output_origin::offset, from, true, credit);
  }
  void join_alone(reader_id id, std::uint64_t from, std::uint64_t credit) {
    join(id, from, credit);
    x.begins(id, from);
    (void)said();
  }
  /// Reader 1 has all up to 120; reader 2 has only 10, which its own source 2 is to go on from.
  void leave_one_behind() {
    join_alone(1, 0, 1000);
    join(2, 0, 10);
    arrive(1, 0, 40);
    arrive(1, 40, 80);
    arrive(1, 80, 110);
    arrive(1, 110, 119);
    arrive(1, 119, 120);
    (void)said();
  }
};

} // namespace

TEST_CASE_FIXTURE(readers, "session output: a reader is told where it begins, then gets output") {
  join(1, 7, 30);
  CHECK(said() == "open 1 at 7, credit 30");
  CHECK_FALSE(x.cursor_of(1));
  x.begins(1, 7);
  CHECK(said() == "place 1 at 7");
  CHECK(x.cursor_of(1) == 7);
  arrive(1, 7, 17);
  arrive(1, 17, 20);
  CHECK(said() == "give 1 7-17; give 1 17-20");
  CHECK(x.cursor_of(1) == 20);
  CHECK(x.head() == 20);
}

TEST_CASE_FIXTURE(readers, "session output: a reader begins where the guest says") {
  join(1, 5000, 30);
  CHECK(said() == "open 1 at 5000, credit 30");
  x.begins(1, 12); // the end, which is before what was asked for
  CHECK(said() == "place 1 at 12");
  x.begins(1, 99); // nobody is placed twice
  CHECK(said() == "");
  arrive(1, 12, 13);
  CHECK(said() == "give 1 12-13");
}

TEST_CASE_FIXTURE(readers, "session output: so many bytes before the end") {
  x.join(1, output_origin::last, 50, true, 30);
  CHECK(said() == "open 1 last 50, credit 30");
  x.begins(1, 450);
  CHECK(said() == "place 1 at 450");
  // Another one that wants the same needs to ask the guest: here nobody knows where the end is.
  x.join(2, output_origin::last, 50, true, 30);
  CHECK(said() == "open 2 last 50, credit 30");
}

TEST_CASE_FIXTURE(readers, "session output: readers that are close together share a source") {
  join_alone(1, 0, 1000);
  arrive(1, 0, 10);
  CHECK(said() == "give 1 0-10; pay 1 10");
  join(2, 4, 1000);
  CHECK(said() == "place 2 at 4; give 2 4-10");
  join(3, 10, 5); // what comes next
  CHECK(said() == "place 3 at 10");
  CHECK(x.source_count() == 1);
  CHECK(x.reader_count() == 3);
  arrive(1, 10, 18);
  CHECK(said() == "give 1 10-18; give 2 10-18; give 3 10-15");
}

TEST_CASE_FIXTURE(readers, "session output: a reader from beyond the ring has its own source") {
  join_alone(1, 50, 1000);
  arrive(1, 50, 60);
  (void)said();
  join(2, 49, 20);
  CHECK(said() == "open 2 at 49, credit 20");
  join(3, 61, 30);
  CHECK(said() == "open 3 at 61, credit 30");
  CHECK(x.source_count() == 3);
}

TEST_CASE_FIXTURE(readers, "session output: credit is never exceeded, whatever comes") {
  join_alone(1, 0, 5);
  join(2, 0, 15);
  CHECK(said() == "place 2 at 0; pay 1 10");
  arrive(1, 0, 15);
  CHECK(said() == "give 1 0-5; give 2 0-15");
  x.pay(1, 3);
  CHECK(said() == "give 1 5-8"); // out of the ring: the source need not send it again
  x.pay(1, 10);
  CHECK(said() == "give 1 8-15; pay 1 3");
  x.pay(77, 10); // nobody
  CHECK(said() == "");
}

TEST_CASE_FIXTURE(readers, "session output: a source is paid for the reader that can take most") {
  join_alone(1, 0, 5);
  x.pay(1, 4); // less than a step more, and the source still has some
  CHECK(said() == "");
  x.pay(1, 6);
  CHECK(said() == "pay 1 10");
  arrive(1, 0, 15);
  CHECK(said() == "give 1 0-15");
  x.pay(1, 1); // an idle source is paid at once
  CHECK(said() == "pay 1 1");
  x.pay(1, 5000); // a ring full is the most
  CHECK(said() == "pay 1 99");
}

TEST_CASE_FIXTURE(readers, "session output: credit without end is no more than plenty") {
  join(1, 5, UINT64_MAX);
  CHECK(said() == "open 1 at 5, credit 100");
  x.begins(1, 5);
  arrive(1, 5, 15);
  CHECK(said() == "place 1 at 5; give 1 5-15; pay 1 10");
  x.pay(1, UINT64_MAX);
  arrive(1, 15, 25);
  CHECK(said() == "give 1 15-25; pay 1 10");
}

TEST_CASE_FIXTURE(readers, "session output: who falls behind the ring lags alone") {
  join_alone(1, 0, 1000);
  join(2, 0, 10);
  arrive(1, 0, 40);
  arrive(1, 40, 80);
  CHECK(x.source_count() == 1);
  CHECK(x.held_bytes() == 80);
  (void)said();
  arrive(1, 80, 120);
  CHECK(said() == "give 1 80-120; pay 1 40"); // reader 2 cannot take anything
  CHECK(x.source_count() == 2);
  CHECK(x.held_bytes() <= 100);
  x.pay(2, 20);
  CHECK(said() == "open 2 at 10, credit 20");
  x.begins(2, 10); // it is known where it is
  CHECK(said() == "");
  arrive(2, 10, 30);
  CHECK(said() == "give 2 10-30");
}

TEST_CASE_FIXTURE(readers, "session output: who comes up to the ring of others joins them") {
  leave_one_behind();
  CHECK(x.held_bytes() == 10); // from 110: all who are left have it
  x.pay(2, 105);
  CHECK(said() == "open 2 at 10, credit 100");
  arrive(2, 10, 99);
  CHECK(said() == "give 2 10-99");
  CHECK(x.source_count() == 2);
  arrive(2, 99, 110);
  CHECK(said() == "give 2 99-110; give 2 110-115; close 2");
  CHECK(x.source_count() == 1);
  x.pay(2, 5);
  CHECK(said() == "give 2 115-119; give 2 119-120");
  arrive(1, 120, 121);
  CHECK(said() == "give 1 120-121");
}

TEST_CASE_FIXTURE(readers, "session output: what is in the ring of others is not fetched again") {
  join_alone(1, 0, 1000);
  join(2, 0, 5);
  join(3, 0, 10);
  arrive(1, 0, 40);
  arrive(1, 40, 80);
  arrive(1, 80, 120); // 2 and 3 are behind, alone, at 5 and at 10
  CHECK(x.source_count() == 3);
  (void)said();
  x.pay(2, 20);
  CHECK(said() == "open 2 at 5, credit 20");
  arrive(2, 5, 15);
  CHECK(said() == "give 2 5-15");
  x.pay(3, 2); // where 2 has been
  CHECK(said() == "give 3 10-12");
  CHECK(x.source_count() == 2);
}

TEST_CASE_FIXTURE(readers, "session output: now is where the guest is when it is asked") {
  x.join(1, output_origin::now, 0, true, 30);
  CHECK(said() == "open 1 now, credit 30");
  x.begins(1, 700);
  CHECK(said() == "place 1 at 700");
  arrive(1, 700, 710);
  CHECK(said() == "give 1 700-710");
}

TEST_CASE_FIXTURE(readers, "session output: now is not where others wait to be able to take more") {
  join_alone(1, 0, 10);
  arrive(1, 0, 10);
  (void)said();
  x.join(2, output_origin::now, 0, true, 30);
  CHECK(said() == "open 2 now, credit 30");
}

TEST_CASE_FIXTURE(readers, "session output: now is not where another is only catching up") {
  // Its source has credit left, and may have all that was ever written before it.
  join_alone(1, 0, 1000);
  x.join(2, output_origin::now, 0, true, 30);
  CHECK(said() == "open 2 now, credit 30");
}

TEST_CASE_FIXTURE(readers,
                  "session output: who does not follow is alone, and ends at the present") {
  join_alone(1, 0, 1000);
  arrive(1, 0, 10);
  (void)said();
  x.join(2, output_origin::offset, 0, false, 50);
  CHECK(said() == "open 2 at 0 to the present, credit 50");
  x.begins(2, 0);
  arrive(2, 0, 10);
  x.ended(2);
  CHECK(said() == "place 2 at 0; give 2 0-10; end 2 at 10");
  CHECK(x.reader_count() == 1);
  CHECK(x.source_count() == 1);
}

TEST_CASE_FIXTURE(readers, "session output: nobody joins a source that ends at the present") {
  x.join(1, output_origin::offset, 0, false, 50);
  x.begins(1, 0);
  arrive(1, 0, 10);
  (void)said();
  join(2, 5, 50);
  CHECK(said() == "open 2 at 5, credit 50");
  x.join(3, output_origin::now, 0, true, 50);
  CHECK(said() == "open 3 now, credit 50");
}

TEST_CASE_FIXTURE(readers, "session output: a gap costs no credit, and is told whole") {
  join_alone(1, 0, 10);
  arrive(1, 0, 10);
  arrive_gap(1, 10, 5000);
  CHECK(said() == "give 1 0-10; gap 1 10-5000");
  CHECK(x.held_bytes() == 10);
  x.pay(1, 2);
  CHECK(said() == "pay 1 2");
  arrive(1, 5000, 5002);
  CHECK(said() == "give 1 5000-5002");
}

TEST_CASE_FIXTURE(readers, "session output: a gap behind what cannot be taken yet waits with it") {
  join_alone(1, 0, 1000);
  join(2, 0, 4);
  arrive(1, 0, 10);
  arrive_gap(1, 10, 20);
  arrive(1, 20, 30);
  CHECK(said() ==
        "place 2 at 0; give 1 0-10; give 2 0-4; pay 1 10; gap 1 10-20; give 1 20-30; pay 1 10");
  x.pay(2, 6);
  CHECK(said() == "give 2 4-10; gap 2 10-20");
}

TEST_CASE_FIXTURE(readers, "session output: nobody who has the bytes is moved to a gap instead") {
  // The ring of source 1 has [15, 45), and reader 2 is at 20. Source 2 comes from before that, but
  // only after all up to 50 was dropped in the guest.
  join_alone(1, 15, 30);
  join(2, 15, 5);
  arrive(1, 15, 45);
  x.join(3, output_origin::last, 100, true, 60);
  x.begins(2, 10);
  arrive_gap(2, 10, 50);
  CHECK(said() == "place 2 at 15; give 1 15-45; give 2 15-20; open 2 last 100, credit 60; "
                  "place 3 at 10; gap 3 10-50");
  x.pay(1, 1); // sees to all readers of source 1
  CHECK(said().find("gap 2") == std::string::npos);
  x.pay(2, 25);
  CHECK(said().find("give 2 20-45") != std::string::npos);
}

TEST_CASE_FIXTURE(readers, "session output: nothing is asked of the guest before there is a way") {
  x.disconnect();
  join(1, 0, 30);
  CHECK(said() == "");
  x.connect();
  CHECK(said() == "open 1 at 0, credit 30");
  x.connect(); // it is open
  CHECK(said() == "");
}

TEST_CASE_FIXTURE(readers,
                  "session output: where the way breaks each source goes on where it was") {
  leave_one_behind();
  x.pay(2, 20);
  arrive(2, 10, 15);
  x.join(3, output_origin::last, 50, true, 30);
  (void)said();
  x.disconnect();
  x.pay(2, 10);
  x.pay(3, 10);
  CHECK(said() == "");
  x.connect();
  CHECK(said() == "open 1 at 120, credit 100; open 2 at 15, credit 25; open 3 last 50, credit 40");
  arrive(1, 120, 130);
  arrive(2, 15, 20);
  x.begins(3, 80);
  CHECK(said() == "give 1 120-130; pay 1 10; give 2 15-20; place 3 at 80");
}

TEST_CASE_FIXTURE(readers, "session output: what was to be sent when the way broke is not sent") {
  join_alone(1, 0, 100);
  arrive(1, 0, 50);
  join(2, 7000, 5);
  x.leave(2);
  x.disconnect();
  CHECK(said() == "give 1 0-50"); // no open, pay or close any more
  x.connect();
  CHECK(said() == "open 1 at 50, credit 50");
}

TEST_CASE_FIXTURE(readers, "session output: a source that breaks is opened again by connect") {
  leave_one_behind();
  x.pay(2, 20);
  CHECK(said() == "open 2 at 10, credit 20");
  x.broke(1);
  x.pay(1, 50);
  CHECK(said() == ""); // not at once: that would go on for ever
  arrive(2, 10, 20);
  CHECK(said() == "give 2 10-20"); // the other one is not affected
  x.connect();
  CHECK(said() == "open 1 at 120, credit 100");
  x.broke(77); // a source that was given up
  CHECK(said() == "");
}

TEST_CASE_FIXTURE(readers, "session output: a source that is broken is not closed as well") {
  join_alone(1, 0, 100);
  x.broke(1);
  x.leave(1);
  CHECK(said() == "");
  CHECK(x.source_count() == 0);
}

TEST_CASE_FIXTURE(readers, "session output: who can take nothing is not served by the guest") {
  leave_one_behind();
  x.disconnect();
  x.connect();
  CHECK(said() == "open 1 at 120, credit 100"); // reader 2 has no credit
  // But where it begins is to be told, credit or not.
  join(3, 5000, 0);
  CHECK(said() == "open 3 at 5000, credit 0");
}

TEST_CASE_FIXTURE(readers, "session output: each ends when it has all") {
  join_alone(1, 0, 1000);
  join(2, 0, 4);
  arrive(1, 0, 10);
  (void)said();
  x.ended(1);
  CHECK(said() == "end 1 at 10");
  CHECK(x.reader_count() == 1);
  x.pay(2, 5);
  CHECK(said() == "give 2 4-9");
  x.disconnect(); // nothing more is needed of the guest
  x.connect();
  CHECK(said() == "");
  x.pay(2, 5);
  CHECK(said() == "give 2 9-10; end 2 at 10");
  CHECK(x.source_count() == 0);
  x.ended(1);
  CHECK(said() == "");
}

TEST_CASE_FIXTURE(readers, "session output: one that was behind at the end gets all the same") {
  leave_one_behind();
  x.ended(1);
  CHECK(said() == "end 1 at 120");
  x.pay(2, 110);
  CHECK(said() == "open 2 at 10, credit 100");
  arrive(2, 10, 120);
  x.ended(2);
  CHECK(said() == "give 2 10-120; end 2 at 120");
  CHECK(x.source_count() == 0);
}

TEST_CASE_FIXTURE(readers, "session output: a session without output has an end as well") {
  join(1, 0, 0);
  x.begins(1, 0);
  x.ended(1);
  CHECK(said() == "open 1 at 0, credit 0; place 1 at 0; end 1 at 0");
}

TEST_CASE_FIXTURE(readers, "session output: the last reader to leave closes the source") {
  join_alone(1, 0, 1000);
  join(2, 0, 1000);
  (void)said();
  x.leave(1);
  CHECK(said() == "");
  arrive(1, 0, 10);
  CHECK(said() == "give 2 0-10; pay 1 10");
  x.leave(2);
  CHECK(said() == "close 1");
  CHECK(x.source_count() == 0);
  CHECK(x.reader_count() == 0);
  CHECK(x.held_bytes() == 0);
  x.leave(2);
  CHECK(said() == "");
}

TEST_CASE_FIXTURE(readers, "session output: what still comes from a closed source is for nobody") {
  join_alone(1, 0, 1000);
  x.leave(1);
  (void)said();
  arrive(1, 0, 10);
  x.begins(1, 0);
  x.ended(1);
  x.broke(1);
  CHECK(said() == "");
  // The number of a source is never used again: the next one is not taken for it.
  join(1, 0, 30);
  CHECK(said() == "open 2 at 0, credit 30");
}

TEST_CASE_FIXTURE(readers, "session output: what does not follow is refused") {
  join(1, 10, 1000);
  CHECK(is_refused(1, 10, 20)); // before it was said where it begins
  x.begins(1, 10);
  CHECK(is_refused(1, 9, 20));
  CHECK(is_refused(1, 11, 20));
  CHECK(is_refused(1, 10, 10));
  CHECK(is_refused(1, 10, 9));
  arrive(1, 10, 20);
  CHECK(is_refused(1, 10, 20));
}

TEST_CASE_FIXTURE(readers, "session output: no more than the ring is kept, and little at rest") {
  join_alone(1, 0, 100'000);
  join(2, 0, 100'000);
  join(3, 0, 1);
  for (std::uint64_t at = 0; at < 1000; at += 10) {
    arrive(1, at, at + 10);
    CHECK(x.held_bytes() <= 100);
  }
  CHECK(x.held_bytes() == 20); // the two that keep up have all of it
  CHECK(x.head() == 1000);
  CHECK(x.cursor_of(3) == 1);
}
