#include "ssh/known_hosts_cache.hpp"

#include "tests/support/known_hosts_folder.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

using banger::ec;
using namespace banger::test;
using banger::ssh::known_hosts_cache;
using banger::ssh::owned_file;
using std::chrono::milliseconds;

namespace {

struct fixture : known_hosts_folder {
  /// What the cache gives `milliseconds_later` than the start of the test.
  auto read(int milliseconds_later) {
    const auto file = owned_file::open(path, owned_file::mode::read);
    REQUIRE(file);
    const auto found = cache.read(*file, start + milliseconds(milliseconds_later));
    REQUIRE(found);
    return *found;
  }
  void overwrite(char byte, off_t offset) const {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(::pwrite(fd, &byte, 1, offset) == 1);
    ::close(fd);
  }

  known_hosts_cache cache;
  known_hosts_cache::clock::time_point start = known_hosts_cache::clock::now();
};

} // namespace

TEST_CASE_FIXTURE(fixture, "known_hosts_cache: the same file is parsed once") {
  write(pin_line("a.vm"));
  const auto first = read(0);
  CHECK(first->index.lines()->size() == 1);
  CHECK(read(50) == first);
  CHECK(read(100) == first);
  CHECK(read(1000) == first);
}

TEST_CASE_FIXTURE(fixture, "known_hosts_cache: every change of others is seen, whenever it comes") {
  write(pin_line("a.vm"));
  for (const int since : {0, 1000, 2000}) {
    for (const int later : {0, 100, 200})
      REQUIRE(read(since + later)->text == text());
    append_like_ssh(path, pin_line("b.vm"));
    CHECK(read(since + 300)->text == text());
  }
  std::filesystem::rename(path, path.string() + ".old");
  std::filesystem::copy(path.string() + ".old", path);
  ::chmod(path.c_str(), 0600);
  append_like_ssh(path, pin_line("c.vm"));
  CHECK(read(4000)->text == text());
  const auto last = read(5000);
  CHECK(read(6000) == last);
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_cache: one byte changed within a tick of the file system is seen") {
  write(pin_line("a.vm"));
  for (int round = 0; round < 200; ++round) {
    overwrite('x', 0);
    REQUIRE(read(1)->text.front() == 'x');
    overwrite('#', 0);
    REQUIRE(read(2)->text.front() == '#');
  }
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_cache: a file is relied on only once its stamp has settled") {
  write(pin_line("a.vm"));
  CHECK(read(0)->text.front() == 'a');
  CHECK(read(99)->text.front() == 'a');
  // Not a change that a stamp tells: the content under it, as in the same tick.
  const auto file = owned_file::open(path, owned_file::mode::read);
  REQUIRE(file);
  overwrite('#', 0);
  CHECK((*cache.read(*file, start + milliseconds(99)))->text.front() == '#');
  CHECK((*cache.read(*file, start + milliseconds(100)))->text.front() == '#');
  overwrite('x', 0);
  CHECK((*cache.read(*file, start + milliseconds(101)))->text.front() == '#');
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_cache: a cached file is checked at every call all the same") {
  write(pin_line("box.vm"));
  known_hosts_file file(path);
  const auto status = [&file] { return file.check("box.vm", 22, key_a); };
  const auto until = known_hosts_file::clock::now() + 3 * known_hosts_cache::settle_time;
  while (known_hosts_file::clock::now() < until)
    REQUIRE(status()->status == kh::outcome::trusted);
  ::chmod(path.c_str(), 0620);
  CHECK(status().error().code == ec::unsafe_path);
  ::chmod(path.c_str(), 0600);
  CHECK(status()->status == kh::outcome::trusted);
  ::chmod(folder.c_str(), 0770);
  CHECK(status().error().code == ec::unsafe_path);
  ::chmod(folder.c_str(), 0700);
  std::filesystem::rename(path, folder / "target");
  CHECK(status()->status == kh::outcome::unknown);
  std::filesystem::create_symlink(folder / "target", path);
  CHECK(status().error().code == ec::unsafe_path);
}
