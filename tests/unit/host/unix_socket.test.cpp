#include "host/unix_socket.hpp"

#include "host/files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace host = banger::host;
using banger::ec;
using banger::test::temporary_folder;

namespace {

/// Says one word from one end to the other.
void check_connected(int from, int to) {
  REQUIRE(::write(from, "word", 4) == 4);
  char got[8] = {};
  CHECK(::read(to, got, sizeof got) == 4);
  CHECK(std::string{got} == "word");
}

void check_serves(const std::string& path) {
  auto listener = host::listen_unix(path);
  REQUIRE(listener);
  auto client = host::connect_unix(path);
  REQUIRE(client);
  host::unique_fd accepted{::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC)};
  REQUIRE(accepted);
  check_connected(client->get(), accepted.get());
}

} // namespace

TEST_CASE("unix_socket: a client reaches the listener") {
  temporary_folder folder;
  check_serves(folder / "s");
}

TEST_CASE("unix_socket: paths far beyond the 107 bytes of an address work") {
  temporary_folder folder;
  auto deep = folder / (std::string(100, 'a') + "/" + std::string(100, 'b'));
  REQUIRE(host::make_private_directory(deep));
  check_serves(deep + "/qmp.sock");
}

TEST_CASE("unix_socket: a name that does not fit is refused") {
  temporary_folder folder;
  auto path = folder / std::string(120, 'n');
  CHECK_FALSE(host::listen_unix(path));
  CHECK_FALSE(host::connect_unix(path));
}

TEST_CASE("unix_socket: the socket is private, whatever the umask") {
  temporary_folder folder;
  auto old = ::umask(0);
  auto listener = host::listen_unix(folder / "s");
  ::umask(old);
  REQUIRE(listener);
  struct stat info {};
  REQUIRE(::lstat((folder / "s").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0600);
}

TEST_CASE("unix_socket: a stale socket is replaced") {
  temporary_folder folder;
  REQUIRE(host::listen_unix(folder / "s"));
  CHECK(host::exists(folder / "s"));
  CHECK_FALSE(host::connect_unix(folder / "s"));
  check_serves(folder / "s");
}

TEST_CASE("unix_socket: a file in the place of the socket is not replaced") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "s", "precious", 0600));
  CHECK_FALSE(host::listen_unix(folder / "s"));
  CHECK(host::read_file(folder / "s", 100) == "precious");
}

TEST_CASE("unix_socket: connecting to nothing is not_found, and never waits for an accept") {
  temporary_folder folder;
  CHECK(host::connect_unix(folder / "s").error().code == ec::not_found);
  CHECK(host::connect_unix(folder / "none/s").error().code == ec::not_found);
  auto listener = host::listen_unix(folder / "s");
  REQUIRE(listener);
  CHECK(host::connect_unix(folder / "s"));
  CHECK(host::connect_unix(folder / "s"));
}

TEST_CASE("unix_socket: the kernel says who is at the other end") {
  auto pair = host::socket_pair();
  REQUIRE(pair);
  check_connected(pair->first.get(), pair->second.get());
  auto peer = host::peer_of(pair->first.get());
  REQUIRE(peer);
  CHECK(peer->pid == ::getpid());
  CHECK(peer->uid == ::geteuid());
  CHECK_FALSE(host::peer_of(-1));
}

TEST_CASE("unix_socket: neither a folder nor a link is replaced") {
  temporary_folder folder;
  REQUIRE(::mkdir((folder / "folder").c_str(), 0700) == 0);
  REQUIRE(::symlink((folder / "elsewhere").c_str(), (folder / "link").c_str()) == 0);
  for (const char* name : {"folder", "link"}) {
    CHECK_FALSE(host::listen_unix(folder / name));
    CHECK(host::exists(folder / name));
  }
  CHECK_FALSE(host::exists(folder / "elsewhere"));
}

TEST_CASE("unix_socket: a pair is connected both ways") {
  const auto pair = host::socket_pair();
  REQUIRE(pair);
  check_connected(pair->first.get(), pair->second.get());
  check_connected(pair->second.get(), pair->first.get());
}
