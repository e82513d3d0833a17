#include "core/module_order.hpp"

#include <doctest/doctest.h>

using namespace banger::core;

namespace {

using paths = std::vector<std::string>;

constexpr std::string_view modules_dep =
    "kernel/virtio/virtio.ko:\n"
    "kernel/virtio/virtio_ring.ko: kernel/virtio/virtio.ko\n"
    "kernel/virtio/virtio_pci.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko\n"
    "kernel/block/virtio_blk.ko.xz: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko\n"
    "kernel/char/virtio-rng.ko: kernel/virtio/virtio.ko\n"
    "kernel/other/unrelated.ko:\n";

} // namespace

TEST_CASE("module order: what a module needs comes before it, and once") {
  CHECK(module_load_order(modules_dep, {"virtio_pci", "virtio_blk"}) ==
        paths{"kernel/virtio/virtio.ko", "kernel/virtio/virtio_ring.ko",
              "kernel/virtio/virtio_pci.ko", "kernel/block/virtio_blk.ko.xz"});
}

TEST_CASE("module order: dashes and underscores are the same in a name") {
  CHECK(module_load_order(modules_dep, {"virtio_rng"}).back() == "kernel/char/virtio-rng.ko");
}

TEST_CASE("module order: a module that is built in is left out") {
  CHECK(module_load_order(modules_dep, {"ext4"}).empty());
}

TEST_CASE("module order: each is there once, however often it is wanted") {
  CHECK(module_load_order(modules_dep, {"unrelated", "virtio", "virtio_ring", "unrelated"}) ==
        paths{"kernel/other/unrelated.ko", "kernel/virtio/virtio.ko",
              "kernel/virtio/virtio_ring.ko"});
}

TEST_CASE("module order: nothing in, or a line without a colon, gives nothing out") {
  CHECK(module_load_order("", {"ext4"}).empty());
  CHECK(module_load_order(modules_dep, {}).empty());
  CHECK(module_load_order("no colon here\n", {"no"}).empty());
}
