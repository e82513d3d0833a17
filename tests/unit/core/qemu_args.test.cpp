#include "core/qemu_args.hpp"

#include "tests/golden/golden_file.hpp"

#include <doctest/doctest.h>

using namespace banger::core;

namespace {

qemu_launch sample() {
  qemu_launch x;
  x.program = "/usr/bin/qemu-system-x86_64";
  x.vm_id = "0123456789ab";
  x.vm_name = "box";
  x.directory = "/vms/0123456789ab";
  x.kernel = "/images/debian/1/vmlinux";
  x.initrd = x.directory + "/initrd.cpio";
  x.root_disk = x.directory + "/root.qcow2";
  x.work_disk = x.directory + "/work.ext4";
  x.console_log = x.directory + "/console.log";
  x.mac = guest_mac(x.vm_id);
  return x;
}

void check(const std::string& name, const qemu_launch& x) {
  std::string text;
  for (const auto& argument : qemu_arguments(x))
    text += argument + "\n";
  banger::test::check_golden("qemu_args/" + name + ".txt", text);
}

} // namespace

TEST_CASE("qemu args: a VM without hardware support") {
  check("tcg", sample());
}

TEST_CASE("qemu args: a VM with KVM keeps emulation as its second choice") {
  auto x = sample();
  x.has_kvm = true;
  check("kvm", x);
}

TEST_CASE("qemu args: what a VM runs with is read back from them") {
  auto x = sample();
  x.vcpu_count = 4;
  x.memory_mib = 2048;
  CHECK(sizes_in(qemu_arguments(x)) == banger::vm_sizes{4, 2048, 0});
  CHECK(sizes_in({}) == banger::vm_sizes{});
  CHECK(sizes_in({"qemu", "-smp", "cpus=4", "-m"}) == banger::vm_sizes{});
}

TEST_CASE("qemu args: several processors are emulated in threads") {
  auto x = sample();
  x.vcpu_count = 4;
  x.memory_mib = 2048;
  check("four_vcpus", x);
}

TEST_CASE("qemu args: the image's kernel arguments come last") {
  auto x = sample();
  x.cmdline_extra = "init=/lib/systemd/systemd quiet";
  check("cmdline_extra", x);
}

TEST_CASE("qemu args: a tap and a device come as descriptors") {
  auto x = sample();
  x.has_tap = true;
  x.has_root_device = true;
  check("tap_and_device", x);
}

TEST_CASE("qemu args: other descriptors go to other places") {
  auto x = sample();
  x.fds = {10, 11, 12};
  check("other_fds", x);
}

TEST_CASE("qemu args: a comma in a path does not end the option") {
  auto x = sample();
  x.directory = "/home/a,b/vms/0123456789ab";
  x.kernel = "/home/a,b/vmlinux";
  x.initrd = x.directory + "/initrd.cpio";
  x.root_disk = x.directory + "/root.qcow2";
  x.work_disk = x.directory + "/work.ext4";
  x.console_log = x.directory + "/console.log";
  check("path_with_comma", x);
}

TEST_CASE("qemu args: a guest's network address follows from its id") {
  CHECK(guest_mac("0123456789ab") == "52:54:01:23:45:67");
  CHECK(guest_mac("0123456789ab") != guest_mac("0123467789ab"));
  CHECK(guest_mac("").size() == 17);
}
