// What bangerd asks banger-helper for, against a helper that does as it is told.
#include "hypervisor/host_resources.hpp"

#include "host/descriptor_socket.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

using namespace banger;

namespace {

constexpr int patience_ms = 10'000;

/// Serves one connection after the other. What it says to each request but hello is given.
class scripted_helper {
public:
  /// @param codes  of the answers, in turn; `link_lost` hangs up instead
  explicit scripted_helper(std::deque<ec> codes) : codes_(std::move(codes)) {
    auto listener = host::listen_packets(socket());
    REQUIRE(listener);
    listener_ = std::move(*listener);
    thread_ = std::thread{[this] {
      while (!codes_.empty())
        serve_one();
    }};
  }
  ~scripted_helper() { thread_.join(); }

  [[nodiscard]] std::string socket() const { return folder_ / "s"; }
  /// Once all codes are said.
  std::vector<core::helper_request> heard;

private:
  static bool is_readable(int fd) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, patience_ms) == 1;
  }

  void serve_one() {
    if (!is_readable(listener_.get()))
      FAIL("nobody asks");
    host::unique_fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    while (is_readable(client.get())) {
      auto got = host::receive_packet(client.get(), 1024);
      if (!got || got->bytes.empty())
        return;
      const auto asked = core::decode_helper_request(got->bytes);
      if (!asked)
        return;
      core::helper_reply reply;
      reply.number = asked->number;
      reply.op = asked->op;
      if (asked->op != core::helper_op::hello) {
        heard.push_back(*asked);
        const auto code = codes_.front();
        codes_.pop_front();
        if (code == ec::link_lost)
          return;
        if (code != ec::none)
          reply.why = {code, "do it", "as told", {}};
      }
      if (!host::send_packet(client.get(), core::encode(reply), {}))
        return;
    }
  }

  test::temporary_folder folder_;
  host::unique_fd listener_;
  std::deque<ec> codes_;
  std::thread thread_;
};

void take_all(hypervisor::resource_request& asked) {
  for (;;) {
    auto is_all = asked.take();
    REQUIRE(is_all);
    if (*is_all)
      return;
    pollfd waiting{asked.fd(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 20'000) == 1);
  }
}

core::vm_handles with_both(const std::string& socket) {
  core::vm_handles x;
  x.vm_id = "0123456789ab";
  x.host = core::host_handles{socket, "bgr-t0007", "10.77.0.9", "bgr-1000-0123456789ab"};
  return x;
}

} // namespace

TEST_CASE("host resources: a release asks for the disk and the tap, again while they are in use") {
  scripted_helper helper{{ec::busy, ec::link_lost, ec::none, ec::busy, ec::none}};
  CHECK(hypervisor::release_blocking(with_both(helper.socket())));
  REQUIRE(helper.heard.size() == 5);
  CHECK(helper.heard[2].op == core::helper_op::release_disk);
  CHECK(helper.heard[2].vm_id == "0123456789ab");
  CHECK(helper.heard[4].op == core::helper_op::release_tap);
}

TEST_CASE("host resources: what is another user's by now was ours no more") {
  scripted_helper helper{{ec::none, ec::bad_request}};
  CHECK(hypervisor::release_blocking(with_both(helper.socket())));
}

TEST_CASE("host resources: a release that fails is told of, and the rest is released") {
  scripted_helper helper{{ec::failed, ec::none}};
  const auto released = hypervisor::release_blocking(with_both(helper.socket()));
  REQUIRE_FALSE(released);
  CHECK(released.error().why == "as told");
  REQUIRE(helper.heard.size() == 2);
  CHECK(helper.heard[1].op == core::helper_op::release_tap);
}

TEST_CASE(
    "host resources: a tap that is lent comes by name, for as long as we keep the connection") {
  scripted_helper helper{{ec::none}};
  host_needs needs;
  needs.network = network_kind::tap;
  needs.has_nat = true;
  needs.helper_socket = helper.socket();
  auto asked = hypervisor::resource_request::begin(needs, "0123456789ab", "/nowhere", "10.77.0.9",
                                                   hypervisor::resource_kind::lent);
  REQUIRE(asked);
  take_all(*asked);
  const auto made = std::move(*asked).finish();
  CHECK(made.loan);
  CHECK_FALSE(made.tap);
  CHECK(made.handles.address == "10.77.0.9");
  REQUIRE(helper.heard.size() == 1);
  CHECK(helper.heard[0].op == core::helper_op::lend_tap);
  CHECK(helper.heard[0].address_index == 7);
  CHECK(helper.heard[0].has_nat);
}

TEST_CASE("host resources: without a helper, and without anything of its, there is nothing to do") {
  CHECK(hypervisor::release_blocking(with_both("/nonexistent/s")));
  CHECK(hypervisor::release_blocking({}));
  CHECK(hypervisor::set_nat_blocking({}, true));
  CHECK_FALSE(hypervisor::set_nat_blocking(with_both("/nonexistent/s"), true));
}

TEST_CASE("host resources: names that were lost follow from the record") {
  vm_record x;
  x.id = "0123456789ab";
  x.address = "10.77.0.9";
  CHECK_FALSE(hypervisor::expected_handles(x, "/s"));
  x.network = network_kind::tap;
  auto found = hypervisor::expected_handles(x, "/s");
  REQUIRE(found);
  CHECK(found->tap == "bgr-t0007");
  CHECK(found->disk.empty());
  x.root_disk = root_disk_kind::snapshot;
  found = hypervisor::expected_handles(x, "/s");
  REQUIRE(found);
  CHECK(found->disk.ends_with("-0123456789ab"));
}
