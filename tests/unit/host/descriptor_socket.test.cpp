#include "host/descriptor_socket.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

using namespace banger;

namespace {

struct both_ends {
  host::unique_fd listener, client, server;
};

both_ends connect_at(const std::string& path) {
  both_ends x;
  auto listener = host::listen_packets(path);
  REQUIRE(listener);
  x.listener = std::move(*listener);
  auto client = host::connect_packets(path);
  REQUIRE(client);
  x.client = std::move(*client);
  x.server.reset(::accept4(x.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  REQUIRE(x.server);
  return x;
}

} // namespace

TEST_CASE("descriptor socket: packets keep their bounds, and bring descriptors") {
  test::temporary_folder folder;
  auto x = connect_at(folder.path() + "/s");
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  host::unique_fd read_end{ends[0]}, write_end{ends[1]};
  REQUIRE(host::send_packet(x.client.get(), "one", {write_end.get()}));
  REQUIRE(host::send_packet(x.client.get(), "two", {}));
  auto first = host::receive_packet(x.server.get(), 64);
  REQUIRE(first);
  CHECK(first->bytes == "one");
  REQUIRE(first->fds.size() == 1);
  CHECK((::fcntl(first->fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(::write(first->fds[0].get(), "x", 1) == 1);
  char got = 0;
  CHECK(::read(read_end.get(), &got, 1) == 1);
  CHECK(got == 'x');
  auto second = host::receive_packet(x.server.get(), 64);
  REQUIRE(second);
  CHECK(second->bytes == "two");
  CHECK(second->fds.empty());
}

TEST_CASE("descriptor socket: nothing there yet is busy, the end is an empty packet") {
  test::temporary_folder folder;
  auto x = connect_at(folder.path() + "/s");
  CHECK(host::receive_packet(x.server.get(), 64).error().code == ec::busy);
  x.client.reset();
  auto end = host::receive_packet(x.server.get(), 64);
  REQUIRE(end);
  CHECK(end->bytes.empty());
  CHECK(host::send_packet(x.server.get(), "x", {}).error().code == ec::link_lost);
}

TEST_CASE("descriptor socket: what is more than we take is told, and none of it leaks") {
  test::temporary_folder folder;
  auto x = connect_at(folder.path() + "/s");
  REQUIRE(host::send_packet(x.client.get(), std::string(65, 'x'), {}));
  CHECK(host::receive_packet(x.server.get(), 64)->is_cut);
  const std::vector<int> too_many(host::most_descriptors + 1, x.client.get());
  CHECK(host::send_packet(x.client.get(), "x", too_many).error().code == ec::bad_request);
}

TEST_CASE("descriptor socket: only its owner may connect, and nobody there is not_found") {
  test::temporary_folder folder;
  auto path = folder.path() + "/s";
  CHECK(host::connect_packets(path).error().code == ec::not_found);
  {
    auto x = connect_at(path);
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
  }
  CHECK(host::connect_packets(path).error().code == ec::not_found); // the file is left
  CHECK(connect_at(path).client);                                   // and replaced
}
