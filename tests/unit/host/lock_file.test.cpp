#include "host/lock_file.hpp"

#include "host/files.hpp"
#include "host/random.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <set>
#include <sys/file.h>
#include <unistd.h>

namespace host = banger::host;
using banger::ec;
using banger::test::temporary_folder;

TEST_CASE("lock_file: the second to ask hears who holds it") {
  temporary_folder folder;
  auto first = host::take_lock(folder / "lock");
  REQUIRE(first);
  auto second = host::take_lock(folder / "lock");
  REQUIRE(!second);
  CHECK(second.error().code == ec::already_exists);
  CHECK(second.error().why == "process " + std::to_string(::getpid()) + " holds it");
}

TEST_CASE("lock_file: it is free again once its descriptor is closed") {
  temporary_folder folder;
  auto first = host::take_lock(folder / "lock");
  REQUIRE(first);
  first->reset();
  CHECK(host::take_lock(folder / "lock"));
}

TEST_CASE("lock_file: the text of a longer pid is replaced whole") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "lock", "99999999999999", 0600));
  REQUIRE(host::take_lock(folder / "lock"));
  CHECK(host::read_file(folder / "lock", 32) == std::to_string(::getpid()));
}

TEST_CASE("lock_file: a removed lock file does not give two holders") {
  temporary_folder folder;
  auto first = host::take_lock(folder / "lock");
  REQUIRE(first);
  host::remove_file(folder / "lock");
  auto second = host::take_lock(folder / "lock"); // a new file: free
  REQUIRE(second);
  first->reset();
  CHECK_FALSE(host::take_lock(folder / "lock"));
}

TEST_CASE("lock_file: no lock through a symbolic link, and none in a missing folder") {
  temporary_folder folder;
  REQUIRE(::symlink("victim", (folder / "lock").c_str()) == 0);
  CHECK(host::take_lock(folder / "lock").error().code == ec::failed);
  CHECK_FALSE(host::exists(folder / "victim"));
  CHECK(host::take_lock(folder / "none/lock").error().code == ec::not_found);
}

TEST_CASE("random: ids have the wanted length, only hex digits, and are not repeated") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    auto id = host::random_hex(6);
    CHECK(id.size() == 12);
    CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
  CHECK(host::random_bytes(256).size() == 256);
  CHECK(host::random_u64() != host::random_u64());
}

TEST_CASE("lock_file: a program that we start does not hold it") {
  temporary_folder folder;
  auto held = host::take_lock(folder / "lock");
  REQUIRE(held);
  CHECK((::fcntl(held->get(), F_GETFD) & FD_CLOEXEC) != 0);
}
