#include "tests/unit/guest/session_tester.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <sys/stat.h>

using namespace banger;
using namespace banger::test;

namespace {

std::uint64_t little_endian(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

struct record {
  int type = 0;
  std::uint64_t offset = 0, time_ms = 0;
  std::string payload;
};

/// The file as its format is specified, without any code of the program.
std::vector<record> parse(const std::string& file) {
  constexpr std::size_t header = 24;
  REQUIRE(file.substr(0, 8) == "BANGERJ1");
  std::vector<record> all;
  for (auto at = little_endian(file, 8, 8); at + header <= file.size();) {
    auto size = little_endian(file, at, 4);
    REQUIRE(file.substr(at + 5, 3) == std::string(3, '\0'));
    all.push_back({file[at + 4], little_endian(file, at + 8, 8), little_endian(file, at + 16, 8),
                   file.substr(at + header, size)});
    at += header + size;
    REQUIRE(at <= file.size());
  }
  REQUIRE(!all.empty());
  REQUIRE(all.front().offset == little_endian(file, 16, 8));
  return all;
}

std::uint64_t bytes_on_disk(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

/// What `seq` from ten million on writes, from an offset.
bool is_sequence(std::uint64_t offset, const std::string& bytes) {
  constexpr std::uint64_t line = 9, first = 10'000'000;
  auto text = std::to_string(first + offset / line) + "\n";
  auto at = static_cast<std::size_t>(offset % line);
  for (char byte : bytes) {
    if (byte != text[at])
      return false;
    if (++at < line)
      continue;
    at = 0;
    for (auto digit = text.rbegin() + 1; digit != text.rend() && ++*digit > '9'; ++digit)
      *digit = '0';
  }
  return true;
}

/// A script that writes chunks of random sizes to both streams, and so the bytes of each.
struct script {
  std::string text, output, error_output;
};

script random_script(std::mt19937& random, int chunks) {
  script made;
  for (int i = 0; i < chunks; ++i) {
    std::size_t size = random() % 8 == 0 ? random() % 20'000 : 1 + random() % 50;
    std::string bytes(size, static_cast<char>('a' + random() % 26));
    bytes += std::to_string(i);
    bool is_error = random() % 3 == 0;
    made.text += "printf %s " + bytes + (is_error ? " >&2\n" : "\n");
    (is_error ? made.error_output : made.output) += bytes;
  }
  return made;
}

/// Reads to the end with credits of random sizes.
void read_with_credits(attachment& reader, std::mt19937& random, std::uint64_t credit) {
  auto limit = reader.next + credit;
  while (!reader.ended) {
    if (reader.next >= limit) {
      auto more = 1 + random() % (random() % 4 == 0 ? 100'000 : 300);
      limit += more;
      reader.give_credit(more);
    }
    REQUIRE(reader.step() != 0);
  }
}

} // namespace

TEST_CASE("session journal: any offset, any credits: exactly the bytes that it holds") {
  session_tester tester;
  std::mt19937 random{20240607};
  for (int round = 0; round < 6; ++round) {
    CAPTURE(round);
    auto made = random_script(random, 200);
    auto file = tester.agent.folder() / "script";
    std::ofstream{file} << made.text;
    auto what = tester.spec({"sh", file});
    tester.start(what);
    auto live = tester.attach(what.id, 0, 0, 5); // while it runs
    read_with_credits(live, random, 5);
    CHECK((live.output == made.output));
    CHECK((live.error_output == made.error_output));
    REQUIRE(tester.wait_for_state(what.id, "exited"));

    std::string truth, types;
    auto records = parse(read_whole_file(tester.path(what.id, "journal")));
    for (const auto& x : records) {
      CHECK(x.offset == truth.size());
      if (x.type == 1 || x.type == 2) {
        truth += x.payload;
        types.append(x.payload.size(), x.type == 1 ? 'o' : 'e');
      }
    }
    CHECK(records.back().type == 4);
    CHECK((live.all == truth));
    for (int i = 0; i < 12; ++i) {
      auto from = random() % (truth.size() + 1);
      auto reader = tester.attach(what.id, from, 0, 0);
      CHECK(reader.here.oldest == 0);
      CHECK(reader.here.end == truth.size());
      read_with_credits(reader, random, 0);
      CHECK((reader.all == truth.substr(from)));
      CHECK(reader.output.size() ==
            static_cast<std::size_t>(
                std::count(types.begin() + static_cast<std::ptrdiff_t>(from), types.end(), 'o')));
    }
  }
}

TEST_CASE("session journal: standard output and standard error keep their order") {
  session_tester tester;
  auto what = tester.shell("for i in 1 2 3 4 5 6 7 8 9; do echo out$i; read -r x; echo err$i >&2; "
                           "read -r x; done");
  tester.start(what);
  auto writer = tester.attach(what.id);
  std::string expected;
  for (int i = 1; i <= 9; ++i)
    for (const char* stream : {"out", "err"}) {
      expected += stream + std::to_string(i) + "\n";
      writer.read_until_size(expected.size());
      writer.send_input("\n");
    }
  writer.read_to_end();
  CHECK(writer.all == expected);
}

TEST_CASE("session journal: a reader far behind is told what was dropped, and gets the rest") {
  session_tester tester;
  auto what = tester.shell("seq 10000000 10100000; read -r x; seq 10100001 11000000");
  what.cap = 1 << 16;
  tester.start(what);
  auto reader = tester.attach(what.id, 0, 0, 1000);
  reader.read_until_size(1000); // in the middle of a record
  constexpr std::uint64_t total = 9 * 1'000'001;
  reader.send_input("\n");
  REQUIRE(tester.wait_for_state(what.id, "exited"));
  auto path = tester.path(what.id, "journal");
  CHECK(bytes_on_disk(path) <= (1U << 16) + 3 * 4096);
  reader.give_credit(attachment::endless / 2);
  reader.read_to_end();
  REQUIRE(reader.ended);
  CHECK(reader.next == total);
  REQUIRE(!reader.gaps.empty());
  for (const auto& [offset, bytes] : reader.pieces)
    CHECK(is_sequence(offset, bytes));
  CHECK(reader.all.size() >= (1U << 15));

  auto late = tester.attach(what.id, 500);
  CHECK(late.here.oldest > 500);
  late.read_to_end();
  CHECK(late.gaps == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{500, late.here.oldest}});
  auto middle = tester.attach(what.id, late.here.oldest + 7);
  middle.read_to_end();
  CHECK(middle.gaps.empty());
  CHECK(is_sequence(late.here.oldest + 7, middle.all));
}

TEST_CASE("session journal: readers beside one that drops all the time see no wrong byte") {
  session_tester tester;
  auto what = tester.shell("seq 10000000 13000000");
  what.cap = 1 << 16;
  tester.start(what);
  std::mt19937 random{5};
  int rounds = 0;
  for (bool goes_on = true; goes_on; ++rounds) {
    auto reader = tester.attach(what.id, random() % 27'000'000, SESSION_FLAG_NO_FOLLOW);
    goes_on = reader.here.phase == session_phase_running;
    reader.read_to_end();
    CHECK((reader.ended || reader.quiet));
    for (const auto& [offset, bytes] : reader.pieces)
      CHECK(is_sequence(offset, bytes));
  }
  CHECK(rounds > 1);
}

TEST_CASE("session journal: a reader that stands still does not slow the command") {
  session_tester tester;
  auto what = tester.shell("read -r x; seq 10000000 21111110"); // 100 MB
  tester.start(what);
  auto stopped = tester.attach(what.id);
  auto begin = std::chrono::steady_clock::now();
  stopped.send_input("\n");
  REQUIRE(tester.wait_for_state(what.id, "exited"));
  auto took = std::chrono::steady_clock::now() - begin;
  MESSAGE("100 MB without a reader: "
          << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
  stopped.read_to_end();
  constexpr std::uint64_t total = 9ULL * 11'111'111;
  CHECK(stopped.next == total);
  CHECK(stopped.ended->offset == total);
  CHECK(!stopped.gaps.empty());
  CHECK(stopped.all.size() > (40U << 20)); // the journal holds 64 MiB
  for (const auto& [offset, bytes] : stopped.pieces)
    CHECK(is_sequence(offset, bytes));
}

TEST_CASE("session journal: a grandchild's late output is kept, and numbered on") {
  session_tester tester;
  auto gate = tester.agent.folder() / "gate";
  REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
  auto what = tester.shell("(read -r x < gate; echo late) & echo early; exit 2");
  tester.start(what);
  auto reader = tester.read_all(what.id);
  CHECK(reader.all == "early\n");
  CHECK(reader.ended->code == 2);
  CHECK(reader.ended->offset == 6);
  REQUIRE(tester.wait_for_state(what.id, "exited"));
  auto host = tester.host(what.id);
  CHECK(is_alive(host));
  std::ofstream{gate} << "go\n";
  CHECK(wait_for([&] { return !is_alive(host); }));
  auto late = tester.attach(what.id, 6);
  late.read_to_end();
  CHECK(late.all == "late\n");
  CHECK(late.ended->code == 2);
  CHECK(late.ended->offset == 6);
  CHECK(late.next == 11);
}

TEST_CASE("session journal: deleting one whose grandchild lives on ends its host") {
  session_tester tester;
  auto what = tester.shell("sleep 1000 & echo $!");
  tester.start(what);
  auto reader = tester.read_all(what.id);
  REQUIRE(tester.wait_for_state(what.id, "exited"));
  auto host = tester.host(what.id);
  CHECK(is_alive(host));
  CHECK(tester.remove(what.id).type == 'd');
  CHECK(!is_alive(host));
  CHECK(tester.list().empty());
  ::kill(std::atoi(reader.all.c_str()), SIGKILL);
}

TEST_CASE("session journal: binary output, zeros too, is what it was") {
  session_tester tester;
  auto what =
      tester.shell("head -c 3000000 /dev/zero; printf '\\377\\0\\1'; head -c 100 /dev/zero >&2");
  tester.start(what);
  auto reader = tester.read_all(what.id);
  CHECK((reader.output == std::string(3'000'000, '\0') + std::string{"\xff\0\1", 3}));
  CHECK(reader.error_output == std::string(100, '\0'));
}
