#include "host/host_facts.hpp"

#include "host/descriptor_socket.hpp"
#include "host/files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace banger;
using namespace banger::host;

TEST_CASE("host facts: a device can be opened, or is not there") {
  CHECK(probe_device("/dev/null") == core::device_access::usable);
  CHECK(probe_device("/dev/no-such-device") == core::device_access::absent);
}

TEST_CASE("host facts: a module is loaded, built in, to be loaded, or not there") {
  const test::temporary_folder folder;
  const auto sys = folder / "sys", modules = folder / "modules";
  std::filesystem::create_directories(sys + "/bridge");
  std::filesystem::create_directories(modules);
  REQUIRE(write_file(modules + "/modules.builtin", "kernel/drivers/net/tun.ko\n", 0600));
  REQUIRE(write_file(
      modules + "/modules.dep",
      "kernel/net/netfilter/nf_tables.ko: kernel/a.ko\nkernel/drivers/md/dm-snapshot.ko:\n", 0600));
  using core::kernel_feature;
  CHECK(probe_feature("bridge", sys, modules) == kernel_feature::present);
  CHECK(probe_feature("tun", sys, modules) == kernel_feature::present);
  CHECK(probe_feature("nf_tables", sys, modules) == kernel_feature::loadable);
  CHECK(probe_feature("dm_snapshot", sys, modules) == kernel_feature::loadable);
  CHECK(probe_feature("tables", sys, modules) == kernel_feature::absent);
  CHECK(probe_feature("bridge", folder / "no", folder / "no") == kernel_feature::absent);
}

TEST_CASE("host facts: a helper answers, is silent, or is not there") {
  const test::temporary_folder folder;
  const auto path = folder / "helper.sock";
  CHECK(probe_helper(path) == core::helper_state::absent);
  {
    const auto listening = listen_packets(path);
    REQUIRE(listening);
    CHECK(probe_helper(path) == core::helper_state::reachable);
  }
  CHECK(probe_helper(path) == core::helper_state::silent);
  CHECK(probe_helper(std::string(200, 'x')) == core::helper_state::absent);
}
