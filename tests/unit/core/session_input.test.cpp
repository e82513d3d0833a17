#include "core/session_input.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

using banger::core::session_input;
using banger::core::writer_id;

namespace {

/// 20 bytes may be under way, 8 go out in one piece.
struct writers {
  session_input x{20, 8};

  writers() {
    for (auto id : {writer_id{1}, writer_id{2}, writer_id{3}})
      x.join(id, false);
    x.join(9, true); // whole
  }

  /// All that can be sent, "|" behind each piece, "$" for the end of the input.
  std::string sent() {
    std::string all;
    while (auto piece = x.next())
      all += (piece->bytes.empty() ? "$" : piece->bytes) + "|";
    return all;
  }
  /// The same, where all of it is taken at once.
  std::string sent_and_taken() {
    std::string all;
    for (auto more = sent(); !more.empty(); more = sent()) {
      all += more;
      taken_ += 20;
      (void)x.taken(taken_); // more than is under way is no harm
    }
    return all;
  }

private:
  std::uint64_t taken_ = 0;
};

/// "1:5 2:3" for five bytes of writer 1, then three of writer 2.
std::string text_of(const std::vector<session_input::share>& all) {
  std::string text;
  for (const auto& x : all)
    text += (text.empty() ? "" : " ") + std::to_string(x.writer) + ":" + std::to_string(x.bytes);
  return text;
}

} // namespace

TEST_CASE_FIXTURE(writers, "session input: what came first goes out first, whoever it is from") {
  x.push(2, "a");
  x.push(1, "b");
  x.push(2, "c");
  x.push(3, "d");
  x.push(1, "e");
  CHECK(sent() == "a|b|c|d|e|");
  CHECK(sent() == "");
}

TEST_CASE_FIXTURE(writers, "session input: nothing is sent where there is nothing") {
  CHECK_FALSE(x.next());
  x.push(1, "");
  CHECK_FALSE(x.next()); // an empty piece would be the end
  CHECK(x.is_drained(1));
  x.push(77, "nobody's");
  x.push_end(77);
  CHECK_FALSE(x.next());
}

TEST_CASE_FIXTURE(writers, "session input: a large piece goes out in parts, and none is between") {
  x.push(1, "0123456789abcdef!!!");
  x.push(2, "xy");
  CHECK(sent() == "01234567|89abcdef|!!!|x|"); // 20 bytes under way
  CHECK(text_of(x.taken(1)) == "1:1");
  CHECK(sent() == "y|");
}

TEST_CASE_FIXTURE(writers, "session input: no more than the limit is under way") {
  x.push(1, std::string(50, 'a'));
  CHECK(sent() == "aaaaaaaa|aaaaaaaa|aaaa|");
  CHECK_FALSE(x.next());
  CHECK(text_of(x.taken(3)) == "1:3");
  CHECK(sent() == "aaa|");
  CHECK(text_of(x.taken(3)).empty()); // the same total again
  CHECK(text_of(x.taken(2)).empty());
  CHECK_FALSE(x.next());
  CHECK(text_of(x.taken(23)) == "1:5 1:8 1:4 1:3");
  CHECK(sent() == "aaaaaaaa|aaaaaaaa|aaaa|");
}

TEST_CASE_FIXTURE(writers, "session input: each hears of its own bytes that were taken") {
  x.push(1, "aaaaa");
  x.push(2, "bbb");
  x.push(1, "cc");
  CHECK(sent() == "aaaaa|bbb|cc|");
  CHECK(x.taken_of(1) == 0);
  CHECK(text_of(x.taken(6)) == "1:5 2:1");
  CHECK(text_of(x.taken(10)) == "2:2 1:2");
  CHECK(x.taken_of(1) == 7);
  CHECK(x.taken_of(2) == 3);
  CHECK(x.taken_of(3) == 0);
  CHECK(x.taken_of(77) == 0);
}

TEST_CASE_FIXTURE(writers, "session input: more taken than was sent is no more than all of it") {
  x.push(1, "abc");
  CHECK(sent() == "abc|");
  CHECK(text_of(x.taken(1000)) == "1:3");
  x.push(1, "d");
  CHECK(sent() == "d|");
  CHECK(text_of(x.taken(4)) == "1:1"); // it goes on with what was really sent
}

TEST_CASE_FIXTURE(writers, "session input: the end has its place among the pieces") {
  x.push(1, "a");
  x.push_end(1);
  x.push(2, "b"); // of a terminal the end is a character, and more may follow
  CHECK_FALSE(x.is_drained(1));
  CHECK(sent() == "a|$|b|");
  CHECK_FALSE(x.is_drained(1));
  CHECK(text_of(x.taken(2)) == "1:1 2:1"); // the end has no bytes
  CHECK(x.is_drained(1));
}

TEST_CASE_FIXTURE(writers, "session input: the end waits too where enough is under way") {
  x.push(1, std::string(20, 'a'));
  x.push_end(1);
  CHECK(sent() == "aaaaaaaa|aaaaaaaa|aaaa|");
  CHECK(text_of(x.taken(1)) == "1:1");
  CHECK(sent() == "$|");
}

TEST_CASE_FIXTURE(writers, "session input: a writer is drained when all of it was taken") {
  CHECK(x.is_drained(1));
  x.push(1, "abc");
  CHECK_FALSE(x.is_drained(1));
  CHECK(sent() == "abc|");
  CHECK_FALSE(x.is_drained(1));
  (void)x.taken(2);
  CHECK_FALSE(x.is_drained(1));
  (void)x.taken(3);
  CHECK(x.is_drained(1));
  CHECK(x.is_drained(77)); // one that is not there has nothing left
}

TEST_CASE_FIXTURE(writers, "session input: who has finished gives nothing more") {
  x.push(1, "a");
  x.finish(1);
  x.push(1, "b");
  x.push_end(1);
  CHECK(sent() == "a|");
  x.finish(77);
}

TEST_CASE_FIXTURE(writers, "session input: what a writer left behind still goes out") {
  x.push(1, std::string(10, 'a'));
  x.push_end(1);
  x.push(2, "b");
  CHECK(x.next()->bytes == "aaaaaaaa");
  x.leave(1);
  CHECK_FALSE(x.is_drained(1));
  CHECK(sent() == "aa|$|b|");
  CHECK(text_of(x.taken(11)) == "1:8 1:2 2:1");
  CHECK(x.is_drained(1));
  CHECK(x.taken_of(1) == 0); // it is forgotten
  x.leave(77);
}

TEST_CASE_FIXTURE(writers, "session input: who has left with nothing under way is forgotten") {
  x.push(1, "abc");
  CHECK(sent() == "abc|");
  (void)x.taken(3);
  CHECK(x.taken_of(1) == 3);
  x.leave(1);
  CHECK(x.taken_of(1) == 0);
  x.push(1, "more");
  CHECK(sent() == "");
}

// -- whole writers
// ----------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(writers, "session input: nobody's comes between what a whole writer gives") {
  x.push(1, "a");
  x.push(9, "one ");
  x.push(2, "b");
  x.push(9, "two ");
  CHECK(sent() == "a|one |two |");
  x.push(3, "c");
  CHECK(sent() == "");
  x.push(9, "three");
  CHECK(sent() == "three|");
  x.finish(9);
  CHECK(sent() == "b|c|");
}

TEST_CASE_FIXTURE(writers, "session input: a whole writer's turn begins with its first piece") {
  x.push(1, "a");
  CHECK(sent() == "a|"); // before that it is nobody's
  CHECK_FALSE(x.is_held_up());
  x.push(9, "b");
  x.push(9, "c");
  x.finish(9);
  x.push(1, "d");
  CHECK(sent() == "b|c|d|");
}

TEST_CASE_FIXTURE(writers, "session input: a piece that has begun is not split by a whole writer") {
  x.push(1, std::string(12, 'a'));
  CHECK(x.next()->bytes == "aaaaaaaa");
  x.push(9, "b");
  x.finish(9);
  CHECK(sent() == "aaaa|b|");
}

TEST_CASE_FIXTURE(writers, "session input: of two whole writers one comes after the other") {
  x.join(8, true);
  x.push(9, "1");
  x.push(8, "2");
  x.push(9, "3");
  CHECK(sent() == "1|3|");
  CHECK(x.is_held_up());
  x.finish(9);
  CHECK(sent() == "2|");
  CHECK_FALSE(x.is_held_up());
}

TEST_CASE_FIXTURE(writers, "session input: the end that a whole writer gives is part of its turn") {
  x.push(9, "a");
  x.push(1, "b");
  CHECK(sent() == "a|");
  x.push_end(9);
  x.finish(9);
  CHECK(sent() == "$|b|");
}

TEST_CASE_FIXTURE(writers, "session input: a turn ends where its writer leaves") {
  x.push(9, "a");
  x.push(1, "b");
  CHECK(sent() == "a|");
  SUBCASE("with all of it taken") {
    (void)x.taken(1);
    x.leave(9);
    CHECK(sent() == "b|");
  }
  SUBCASE("with some under way") {
    x.leave(9);
    CHECK(sent() == "b|");
    CHECK(text_of(x.taken(2)) == "9:1 1:1");
  }
  SUBCASE("with some still to be sent, which goes first") {
    x.push(9, "c");
    x.leave(9);
    CHECK(sent() == "c|b|");
  }
  CHECK_FALSE(x.is_held_up());
}

TEST_CASE_FIXTURE(writers, "session input: a turn that gives nothing can be broken") {
  x.push(9, "a");
  CHECK(sent() == "a|");
  CHECK_FALSE(x.is_held_up()); // nobody waits
  x.push(1, "b");
  CHECK(x.is_held_up());
  CHECK(sent() == "");
  x.push(9, "c");
  CHECK_FALSE(x.is_held_up()); // it does give something
  CHECK(sent() == "c|");
  CHECK(x.is_held_up());
  CHECK(x.break_turn() == 9);
  CHECK_FALSE(x.is_held_up());
  x.push(9, "d"); // as others' from now on
  x.push(2, "e");
  x.push(9, "f");
  CHECK(sent() == "b|d|e|f|");
  CHECK(x.break_turn() == 0);
}

TEST_CASE_FIXTURE(writers, "session input: what is under way does not hold others up") {
  x.push(9, std::string(30, 'a'));
  x.push(1, "b");
  CHECK(sent() == "aaaaaaaa|aaaaaaaa|aaaa|");
  CHECK_FALSE(x.is_held_up()); // the command is slow, not the writer
}

// -- when it goes wrong
// -------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(writers, "session input: refused is what is under way, and what waits") {
  x.push(1, "aaaaa");
  x.push(2, "bbb");
  CHECK(sent() == "aaaaa|bbb|");
  x.push(2, std::string(30, 'c'));
  CHECK(x.next()->bytes == "cccccccc");
  x.push(3, "ddd");
  x.push_end(3);
  (void)x.taken(4);
  CHECK(text_of(x.refuse()) == "1:1 2:3 2:8 2:22 3:3");
  for (auto id : {writer_id{1}, writer_id{2}, writer_id{3}})
    CHECK(x.is_drained(id));
  CHECK_FALSE(x.next());
  CHECK(text_of(x.refuse()).empty());
  CHECK(x.taken_of(1) == 4); // what was taken is not undone
}

TEST_CASE_FIXTURE(writers,
                  "session input: after a refusal the count goes on, for the way is the same") {
  x.push(1, "aaaaa");
  CHECK(sent() == "aaaaa|");
  (void)x.taken(2);
  (void)x.refuse();
  x.push(1, "bbb");
  CHECK(sent() == "bbb|");
  CHECK(text_of(x.taken(4)) == "1:2");
  CHECK(text_of(x.taken(5)) == "1:1");
}

TEST_CASE_FIXTURE(writers, "session input: a refusal ends the turn of who has finished") {
  x.push(9, std::string(30, 'a'));
  CHECK(sent() == "aaaaaaaa|aaaaaaaa|aaaa|");
  x.leave(9);
  x.push(1, "b");
  CHECK(text_of(x.refuse()) == "9:8 9:8 9:4 1:1 9:10");
  CHECK_FALSE(x.is_held_up());
  x.push(1, "c");
  CHECK(sent() == "c|");
}

TEST_CASE_FIXTURE(writers, "session input: where the way breaks the rest waits for another") {
  x.push(1, "aaaaa");
  x.push(2, std::string(20, 'b'));
  CHECK(sent() == "aaaaa|bbbbbbbb|bbbbbbb|");
  (void)x.taken(2);
  CHECK(text_of(x.reset()) == "1:3 2:8 2:7");
  CHECK(x.is_drained(1));
  CHECK_FALSE(x.is_drained(2));
  CHECK(sent() == "bbbbb|");
  CHECK(text_of(x.taken(5)) == "2:5"); // counted anew
  CHECK(x.is_drained(2));
  CHECK(text_of(x.reset()).empty());
}

TEST_CASE_FIXTURE(writers, "session input: a turn outlives the way") {
  x.push(9, "a");
  x.push(1, "b");
  CHECK(sent() == "a|");
  CHECK(text_of(x.reset()) == "9:1");
  CHECK(x.is_held_up());
  x.push(9, "c");
  x.finish(9);
  CHECK(sent() == "c|b|");
}

TEST_CASE_FIXTURE(writers, "session input: who has left is forgotten with its last byte") {
  x.push(1, "abc");
  CHECK(sent() == "abc|");
  (void)x.taken(1);
  SUBCASE("that is lost") {
    x.leave(1);
    CHECK_FALSE(x.is_drained(1));
    CHECK(x.taken_of(1) == 1);
    CHECK(text_of(x.reset()) == "1:2");
    CHECK(text_of(x.taken(3)).empty());
  }
  SUBCASE("that is refused") {
    x.push(1, "def");
    x.leave(1);
    CHECK(x.taken_of(1) == 1);
    CHECK(text_of(x.refuse()) == "1:2 1:3");
  }
  SUBCASE("or its end, if that is what is left") {
    (void)x.taken(3);
    x.push_end(1);
    x.leave(1);
    CHECK(x.taken_of(1) == 3);
    CHECK(sent() == "$|");
  }
  CHECK(x.is_drained(1));
  CHECK(x.taken_of(1) == 0);
}

// -- at random
// ----------------------------------------------------------------------------------------------

namespace {

/// One that pushes texts like "<2:7:xxxx>", which are found again in what is sent.
struct author {
  bool is_whole = false;
  int pushed = 0;
  std::size_t bytes = 0;
};

std::string text_by(writer_id id, int number, std::size_t filling) {
  return "<" + std::to_string(id) + ":" + std::to_string(number) + ":" + std::string(filling, 'x') +
         ">";
}

class crowd {
public:
  explicit crowd(std::uint64_t seed) : random_(seed), x_(1 + random_() % 60, 1 + random_() % 30) {
    for (writer_id id = 1; id <= 5; ++id) {
      authors_[id].is_whole = id > 3;
      x_.join(id, id > 3);
    }
  }

  void run() {
    for (int i = 0; i < 300; ++i) {
      auto& [id, who] = *std::next(authors_.begin(), static_cast<std::ptrdiff_t>(random_() % 5));
      const auto what = random_() % 10;
      if (what < 4 && !finished_.contains(id))
        push(id, who);
      else if (what < 9)
        what < 7 ? send() : take(random_() % 40);
      else if (who.is_whole && random_() % 4 == 0)
        finish(id);
    }
    for (const auto& [id, who] : authors_)
      finish(id);
    for (int round = 0; sent_ < pushed_ && round < 10'000; ++round) {
      send();
      take(1 + random_() % 40);
    }
    take(sent_);
  }

  /// Each text is there, whole, in its writer's order; between those of a whole writer is nobody's.
  void check() {
    std::map<writer_id, int> last;
    writer_id before = 0;
    for (std::size_t at = 0; at < all_.size();) {
      const auto end = all_.find('>', at);
      REQUIRE(end != std::string::npos);
      const auto id = static_cast<writer_id>(all_[at + 1] - '0');
      REQUIRE(authors_.contains(id));
      const auto text = all_.substr(at, end + 1 - at);
      const auto number = last[id] + 1;
      REQUIRE(text == text_by(id, number, text.size() - text_by(id, number, 0).size()));
      if (id != before && authors_[id].is_whole)
        REQUIRE(last[id] == 0); // its only turn
      last[id] = number;
      before = id;
      at = end + 1;
    }
    for (const auto& [id, who] : authors_) {
      CHECK(last[id] == who.pushed);
      CHECK(told_[id] == who.bytes); // each heard of all of its bytes
      CHECK(x_.taken_of(id) == who.bytes);
      CHECK(x_.is_drained(id));
    }
  }

private:
  void push(writer_id id, author& who) {
    const auto text = text_by(id, ++who.pushed, random_() % 50);
    who.bytes += text.size();
    pushed_ += text.size();
    x_.push(id, text);
  }
  void send() {
    for (auto count = random_() % 4 + 1; count > 0; --count)
      if (auto piece = x_.next()) {
        all_ += piece->bytes;
        sent_ += piece->bytes.size();
      }
  }
  void take(std::uint64_t most) {
    taken_ += std::min(most, sent_ - taken_);
    for (const auto& share : x_.taken(taken_))
      told_[share.writer] += share.bytes;
  }
  void finish(writer_id id) {
    finished_[id] = true;
    x_.finish(id);
  }

  std::mt19937_64 random_;
  session_input x_;
  std::map<writer_id, author> authors_;
  std::map<writer_id, bool> finished_;
  std::map<writer_id, std::uint64_t> told_;
  std::string all_;
  std::uint64_t pushed_ = 0, sent_ = 0, taken_ = 0;
};

} // namespace

TEST_CASE("session input: whatever comes when, each piece arrives whole and in order") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed ", seed);
    crowd x{seed};
    x.run();
    x.check();
  }
}
