// A process that is killed in the middle of a change leaves the known_hosts file as it was before
// or as it is after.
#include "tests/support/known_hosts_folder.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <random>
#include <set>
#include <string>

using namespace banger::test;

namespace {

constexpr int kills = 150;
constexpr int longest_life_us = 60'000; // of a victim: a few changes, each waits for the disk

/// A change that has been made, as the victim tells it: what it is about, or a start of one.
struct report {
  char what; // '+' pinned, '-' removed, '>' a pin starts, '<' a removal starts
  int number;
};

std::string name_of(int number) {
  return "vm" + std::to_string(number);
}

/// Changes the file until it is killed, and tells each change before it starts and when it is done.
[[noreturn]] void change_for_ever(const std::filesystem::path& path, int first, int out) {
  const auto tell = [out](char what, int number) {
    const report each{what, number};
    if (::write(out, &each, sizeof each) != sizeof each)
      ::_exit(2);
  };
  known_hosts_file file(path);
  if (!file.prepare())
    ::_exit(3);
  for (int number = first;; ++number) {
    tell('>', number);
    if (!file.pin({name_of(number)}, key_a, "to be killed"))
      ::_exit(4);
    tell('+', number);
    if (number % 3 != 0) {
      tell('<', number);
      if (!file.remove({name_of(number)}))
        ::_exit(5);
      tell('-', number);
    }
    if (number % 2 == 0 && !file.compact(0))
      ::_exit(6);
  }
}

struct fixture : known_hosts_folder {
  /// Runs a victim for a while.
  void kill_one(int life_us) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    const auto first = next;
    const auto victim = in_child([this, first, &ends]() -> int {
      ::fcntl(ends[1], F_SETFL, 0);
      change_for_ever(path, first, ends[1]);
    });
    ::close(ends[1]);
    ::usleep(static_cast<useconds_t>(life_us));
    REQUIRE(::kill(victim, SIGKILL) == 0);
    REQUIRE(exit_status_of(victim) == -1);
    for (report each{}; ::read(ends[0], &each, sizeof each) == sizeof each;)
      take(each);
    ::close(ends[0]);
  }

  void take(const report& from) {
    next = from.number + 1;
    in_doubt.clear();
    if (from.what == '+')
      pinned.insert(name_of(from.number));
    else if (from.what == '-')
      pinned.erase(name_of(from.number));
    else
      in_doubt = name_of(from.number);
  }

  /// All acknowledged changes are there; one that was cut short is there or not, and is from now on
  /// what it is.
  void check_left() {
    CHECK(mode_of(path) == 0600);
    const auto left = text();
    CHECK((left.empty() || left.back() == '\n'));
    std::set<std::string> found;
    for (const auto& each : kh::parse(left)) {
      CHECK_MESSAGE(each.is_valid, left);
      CHECK(found.insert(each.hosts).second);
    }
    if (found.contains(in_doubt))
      pinned.insert(in_doubt);
    else
      pinned.erase(in_doubt);
    CHECK(found == pinned);
  }

  int next = 0;
  std::set<std::string> pinned;
  std::string in_doubt;
};

} // namespace

TEST_CASE_FIXTURE(fixture, "known_hosts_file: a kill at any moment loses and brings back nothing") {
  REQUIRE(known_hosts_file(path).prepare());
  std::mt19937 random(5); // NOLINT: the same moments every time, as far as the machine allows
  for (int i = 0; i < kills; ++i) {
    kill_one(static_cast<int>(random() % longest_life_us));
    check_left();
  }
  std::ofstream(path.string() + ".new") << "of a process that died\n";
  REQUIRE(known_hosts_file(path).prepare());
  check_left();
  std::set<std::string> names;
  for (const auto& each : std::filesystem::directory_iterator(folder))
    names.insert(each.path().filename().string());
  CHECK(names == std::set<std::string>{"known_hosts", "known_hosts.lock"});
  CHECK(next > kills / 2); // else the victims have not come to change much
}
