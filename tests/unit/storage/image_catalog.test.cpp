#include "storage/image_catalog.hpp"

#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace banger;
using namespace banger::storage;
namespace fs = std::filesystem;

namespace {

struct images {
  test::temporary_folder directory;
  const fs::path root = directory / "images";
  const image_catalog catalog{root.string()};

  fs::path add_build(const std::string& name, const std::string& build) const {
    const auto folder = root / name / build;
    fs::create_directories(folder);
    std::ofstream{folder / "manifest.json"}
        << R"({"format": 1, "name": ")" << name
        << R"(", "suite": "bookworm", "init": "banger", "kernel_version": "6.1", "cmdline_extra": "a=b",
        "root": {"file": "root.raw", "format": "raw", "virtual_size": 1048576}, "created_at": 1700000000,
        "packages": 3})";
    for (const char* file : {"vmlinux", "initrd.cpio", "root.raw"})
      std::ofstream{folder / file} << std::string(10'000, 'x');
    return folder;
  }
  void make_current(const std::string& name, const std::string& build) const {
    fs::remove(root / name / "current");
    fs::create_symlink(build, root / name / "current");
  }
  void add(const std::string& name, const std::string& build) const {
    add_build(name, build);
    make_current(name, build);
  }
  [[nodiscard]] bool has(const std::string& path) const { return fs::exists(root / path); }
};

} // namespace

TEST_CASE_FIXTURE(images, "image catalog: without its folder it is empty") {
  CHECK(catalog.list().empty());
  const auto x = catalog.get("debian");
  REQUIRE_FALSE(x);
  CHECK(x.error().code == ec::not_found);
  CHECK(x.error().hint == "banger image build debian");
  CHECK(catalog.get("other").error().hint != "banger image build debian");
  catalog.prune({});
}

TEST_CASE_FIXTURE(images, "image catalog: an image has what its manifest says") {
  add("debian", "b1");
  const auto x = catalog.get("debian");
  REQUIRE(x);
  CHECK(x->name == "debian");
  CHECK(x->build == "b1");
  CHECK(x->suite == "bookworm");
  CHECK(x->init == "banger");
  CHECK(x->kernel_version == "6.1");
  CHECK(x->created_at_ms == 1'700'000'000'000);
  CHECK(x->virtual_bytes == 1'048'576);
  CHECK(x->package_count == 3);
  CHECK(x->directory == (root / "debian" / "b1").string());
  CHECK(x->disk_bytes >= 30'000);
  CHECK(x->disk_bytes < 200'000);
}

TEST_CASE_FIXTURE(images, "image catalog: the list is sorted and has whole images only") {
  add("web", "b1");
  add("debian", "b1");
  add(".build-x", "b1");
  add_build("no-current", "b1");
  add("no-manifest", "b1");
  fs::remove(root / "no-manifest" / "b1" / "manifest.json");
  add("damaged", "b1");
  std::ofstream{root / "damaged" / "b1" / "manifest.json"} << "{";
  add("dangling", "b1");
  make_current("dangling", "b2");
  fs::create_directories(root / "empty");
  std::ofstream{root / "a-file"} << "";
  const auto all = catalog.list();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "debian");
  CHECK(all[1].name == "web");
  for (const char* name : {"no-current", "no-manifest", "dangling", "empty", "a-file", ".build-x"})
    CHECK_MESSAGE(catalog.get(name).error().code == ec::not_found, name);
  CHECK(catalog.get("damaged").error().code == ec::storage_failed);
}

TEST_CASE_FIXTURE(images, "image catalog: no name leads out of the folder") {
  fs::create_directories(root);
  add("../outside", "b1");
  for (const char* name : {"", ".", "..", "../outside", "/etc", "a/b"}) {
    CHECK_MESSAGE(catalog.get(name).error().code == ec::not_found, name);
    CHECK_FALSE(catalog.resolve(name, ""));
    CHECK_FALSE(catalog.remove(name));
  }
  add("debian", "b1");
  for (const char* build : {"..", "../../outside/b1", ".", "/etc"})
    CHECK_MESSAGE(!catalog.resolve("debian", build), build);
  CHECK(has("../outside/b1"));
}

TEST_CASE_FIXTURE(images, "image catalog: a VM finds the files of its own build") {
  add("debian", "b1");
  add("debian", "b2");
  const auto now = catalog.resolve("debian", "");
  REQUIRE(now);
  CHECK(now->build == "b2");
  const auto then = catalog.resolve("debian", "b1");
  REQUIRE(then);
  CHECK(then->name == "debian");
  CHECK(then->build == "b1");
  CHECK(then->kernel == (root / "debian/b1/vmlinux").string());
  CHECK(then->initrd == (root / "debian/b1/initrd.cpio").string());
  CHECK(then->root == (root / "debian/b1/root.raw").string());
  CHECK(then->root_format == "raw");
  CHECK(then->cmdline_extra == "a=b");
  CHECK(catalog.resolve("debian", "b3").error().code == ec::not_found);
  CHECK(catalog.resolve("other", "b1").error().code == ec::not_found);
}

TEST_CASE_FIXTURE(images, "image catalog: a removed image is gone with all its builds") {
  add("debian", "b1");
  add("debian", "b2");
  add("web", "b1");
  const auto x = catalog.remove("debian");
  REQUIRE(x);
  CHECK(x->build == "b2");
  CHECK_FALSE(has("debian"));
  CHECK(has("web/b1/manifest.json"));
  CHECK(catalog.remove("debian").error().code == ec::not_found);
  CHECK(catalog.list().size() == 1);
}

TEST_CASE_FIXTURE(images,
                  "image catalog: an image can be removed where an earlier removal broke off") {
  add("debian", "b1");
  fs::create_directories(root / ".removed-debian" / "old");
  CHECK(catalog.remove("debian"));
  CHECK_FALSE(has("debian"));
}

TEST_CASE_FIXTURE(images, "image catalog: pruning keeps what is current or used") {
  add("debian", "b1");
  add("debian", "b2");
  add("debian", "b3");
  add("web", "b1");
  fs::create_directories(root / ".build-7" / "half");
  fs::create_directories(root / ".removed-old" / "b1");
  fs::create_directories(root / "half" / "b1"); // its builder died before it was current
  fs::create_directory_symlink("b1", root / "half" / ".current-b1");
  catalog.prune({"debian/b1", "web/b2"});
  CHECK_FALSE(has("half"));
  CHECK(has("debian/b1/manifest.json"));
  CHECK_FALSE(has("debian/b2"));
  CHECK(has("debian/b3/manifest.json"));
  CHECK(has("debian/current/manifest.json"));
  CHECK(has("web/b1/manifest.json"));
  CHECK_FALSE(has(".build-7"));
  CHECK_FALSE(has(".removed-old"));
}

TEST_CASE_FIXTURE(images, "image catalog: pruning follows no symlink") {
  add("debian", "b1");
  const fs::path outside = directory / "outside";
  fs::create_directories(outside / "precious");
  fs::create_directory_symlink(outside, root / "debian" / "old");
  fs::create_directory_symlink(outside, root / ".build-link");
  catalog.prune({});
  CHECK(fs::exists(outside / "precious"));
}
