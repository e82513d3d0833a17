#include "storage/vm_folder.hpp"

#include "host/files.hpp"
#include "host/process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <fstream>

using namespace banger;
using namespace banger::storage;
namespace fs = std::filesystem;

namespace {

constexpr int patience_ms = 60'000;

struct world {
  world() {
    std::ofstream{image} << "";
    fs::resize_file(image, 16U << 20);
  }
  [[nodiscard]] make_vm_files request() const {
    return {folder, "box", image, "raw", 64, false, root_disk_kind::overlay, {}};
  }
  static std::string output_of(const std::string& program, std::vector<std::string> arguments) {
    const auto path = host::find_program(program, host::search_path());
    REQUIRE_MESSAGE(path, program << " is not installed");
    arguments.insert(arguments.begin(), *path);
    host::spawn_request spawn;
    spawn.argv = std::move(arguments);
    const auto output = host::run_blocking(spawn, patience_ms);
    REQUIRE_MESSAGE(output, program << " failed: " << output.error().why);
    return *output;
  }
  test::temporary_folder directory;
  const std::string image = directory / "image.raw";
  const std::string folder = directory / "vms/0123456789ab";
};

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE_MESSAGE(::lstat(path.c_str(), &info) == 0, path);
  return info.st_mode & 0777;
}

bool contains(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

} // namespace

TEST_CASE_FIXTURE(world, "vm folder: it has a host key, an overlay of the image and a work disk") {
  const auto key = make_vm_folder(request());
  REQUIRE_MESSAGE(key, key.error().why);
  CHECK(key->starts_with("ssh-ed25519 AAAA"));
  CHECK(std::count(key->begin(), key->end(), ' ') == 1);
  CHECK(key->find('\n') == std::string::npos);
  CHECK(mode_of(folder) == 0700);
  CHECK(mode_of(folder + "/ssh_host_ed25519_key") == 0600);
  const auto root = output_of("qemu-img", {"info", "--output=json", folder + "/root.qcow2"});
  CHECK(contains(root, "\"format\": \"qcow2\""));
  CHECK(contains(root, image));
  CHECK(contains(root, "\"backing-filename-format\": \"raw\""));
  const auto work = output_of("dumpe2fs", {"-h", folder + "/work.ext4"});
  CHECK(contains(work, "banger-work"));
  CHECK(fs::file_size(folder + "/work.ext4") == 64U << 20);
  CHECK(mode_of(folder + "/work.ext4") == 0600);
  output_of("e2fsck", {"-fn", folder + "/work.ext4"});
}

TEST_CASE_FIXTURE(world,
                  "vm folder: a raw root disk is the image's, whole, sparse and of its own") {
  const auto some = std::string(4096, 'x');
  std::fstream{image, std::ios::in | std::ios::out}.seekp(8 << 20) << some;
  auto x = request();
  x.is_root_raw = true;
  REQUIRE(make_vm_folder(x));
  const auto root = folder + "/root.raw";
  CHECK_FALSE(host::exists(folder + "/root.qcow2"));
  CHECK(host::read_file(root, 32U << 20) == host::read_file(image, 32U << 20));
  CHECK(mode_of(root) == 0600);
  struct stat info {};
  REQUIRE(::stat(root.c_str(), &info) == 0);
  CHECK(info.st_blocks * 512 < 1 << 20);
  std::ofstream{root} << "the VM's";
  CHECK(fs::file_size(image) == 16U << 20);
}

TEST_CASE_FIXTURE(world, "vm folder: a raw root disk of an image that is none") {
  output_of("qemu-img", {"create", "-q", "-f", "qcow2", directory / "image.qcow2", "16M"});
  auto x = request();
  x.root_path = directory / "image.qcow2";
  x.root_format = "qcow2";
  x.is_root_raw = true;
  REQUIRE(make_vm_folder(x));
  CHECK(fs::file_size(folder + "/root.raw") == 16U << 20);
}

TEST_CASE_FIXTURE(world, "vm folder: the work disk takes no more of the host than it must") {
  auto x = request();
  x.disk_mib = 8192;
  REQUIRE(make_vm_folder(x));
  struct stat info {};
  REQUIRE(::stat((folder + "/work.ext4").c_str(), &info) == 0);
  CHECK(info.st_size == off_t{8} << 30);
  CHECK(info.st_blocks * 512 < 16 << 20);
}

TEST_CASE_FIXTURE(world, "vm folder: paths may hold spaces, quotes and commas") {
  auto x = request();
  x.directory = directory / "a, b 'c'/vm";
  x.root_path = directory / "im, age.raw";
  fs::copy_file(image, x.root_path);
  const auto key = make_vm_folder(x);
  REQUIRE_MESSAGE(key, key.error().why);
  CHECK(
      contains(output_of("qemu-img", {"info", "-U", x.directory + "/root.qcow2"}), "im, age.raw"));
}

TEST_CASE_FIXTURE(world, "vm folder: each VM has a host key of its own") {
  auto first = request(), second = request();
  second.directory += "2";
  const auto a = make_vm_folder(first), b = make_vm_folder(second);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(*a != *b);
}

TEST_CASE_FIXTURE(world, "vm folder: of a failure nothing is left") {
  auto missing_image = request();
  missing_image.root_path += ".missing";
  auto no_disk = request();
  no_disk.disk_mib = 0;
  auto wrong_format = request();
  wrong_format.root_format = "nonsense";
  for (const auto& x : {missing_image, no_disk, wrong_format}) {
    const auto key = make_vm_folder(x);
    REQUIRE_FALSE(key);
    CHECK_FALSE(key.error().why.empty());
    CHECK_FALSE(fs::exists(folder));
  }
}

TEST_CASE_FIXTURE(world, "vm folder: a folder that was there before is not removed by a failure") {
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::owner_all);
  std::ofstream{folder + "/precious"} << "x";
  auto x = request();
  x.root_path += ".missing";
  REQUIRE_FALSE(make_vm_folder(x));
  CHECK(fs::exists(folder + "/precious"));
}

TEST_CASE_FIXTURE(world, "vm folder: the boot archive is the image's and then the VM's own") {
  REQUIRE(make_vm_folder(request()));
  const auto base = directory / "base.cpio";
  const std::string base_bytes(1024, 'b');
  REQUIRE(host::write_file(base, base_bytes, 0600));
  REQUIRE(write_boot_archive({folder, "box", base, "ssh-ed25519 USER key"}));
  const auto archive = host::read_file(folder + "/initrd.cpio", 16U << 20);
  REQUIRE(archive);
  CHECK(archive->starts_with(base_bytes));
  CHECK(mode_of(folder + "/initrd.cpio") == 0600);
  const auto own = directory / "own.cpio";
  REQUIRE(host::write_file(own, archive->substr(base_bytes.size()), 0600));
  CHECK(output_of("cpio", {"-t", "--quiet", "-F", own}) ==
        "banger\nbanger/hostname\nbanger/authorized_keys\nbanger/ssh_host_ed25519_key\n"
        "banger/config\n");
  CHECK(contains(*archive, "box\n"));
  CHECK(contains(*archive, "ssh-ed25519 USER key\n"));
  CHECK(contains(*archive, host::read_file(folder + "/ssh_host_ed25519_key", 4096).value_or("?")));
  CHECK(contains(*archive, "\naddress=10.0.2.15/24\ngateway=10.0.2.2\ndns=10.0.2.3\nseed="));
}

TEST_CASE_FIXTURE(world, "vm folder: every boot has another seed") {
  REQUIRE(make_vm_folder(request()));
  const auto base = directory / "base.cpio";
  REQUIRE(host::write_file(base, "", 0600));
  const auto seed = [&] {
    REQUIRE(write_boot_archive({folder, "box", base, "k"}));
    const auto archive = host::read_file(folder + "/initrd.cpio", 16U << 20).value_or("");
    return archive.substr(archive.find("seed="), 69);
  };
  const auto first = seed();
  CHECK(first.size() == 69);
  CHECK(seed() != first);
}

TEST_CASE_FIXTURE(world, "vm folder: without the image's archive there is a failure") {
  REQUIRE(make_vm_folder(request()));
  CHECK(write_boot_archive({folder, "box", folder + "/none", "k"}).error().code == ec::not_found);
}

TEST_CASE_FIXTURE(world, "vm folder: modules for another hypervisor are behind the image's") {
  REQUIRE(make_vm_folder(request()));
  const auto base = directory / "base.cpio", more = directory / "more.cpio";
  REQUIRE(host::write_file(base, "the base", 0600));
  REQUIRE(host::write_file(more, "the modules", 0600));
  REQUIRE(write_boot_archive({folder, "box", base, "k", 0, more}));
  const auto archive = host::read_file(folder + "/initrd.cpio", 16U << 20);
  REQUIRE(archive);
  CHECK(archive->starts_with("the basethe modules070701"));
  const auto missing = write_boot_archive({folder, "box", base, "k", 0, directory / "none"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ec::not_found);
  CHECK(contains(missing.error().hint, "banger image build"));
}

TEST_CASE("vm folder: the handles are in it") {
  CHECK(handles_path("/vms/x") == "/vms/x/handles.json");
}

TEST_CASE_FIXTURE(world, "log piece: offsets from both ends, and beyond them") {
  const auto path = directory / "log";
  REQUIRE(host::write_file(path, "0123456789", 0600));
  struct {
    std::uint64_t offset;
    std::uint32_t most;
    bool from_end;
    std::uint64_t start;
    const char* bytes;
  } const cases[] = {{0, 0, false, 0, "0123456789"},
                     {0, 3, false, 0, "012"},
                     {8, 5, false, 8, "89"},
                     {10, 5, false, 10, ""},
                     {99, 5, false, 10, ""},
                     {3, 0, true, 7, "789"},
                     {3, 2, true, 7, "78"},
                     {10, 0, true, 0, "0123456789"},
                     {99, 4, true, 0, "0123"},
                     {0, 4, true, 10, ""},
                     {~std::uint64_t{0}, 4, false, 10, ""}};
  for (const auto& x : cases) {
    const auto piece = read_log_piece({path, x.offset, x.most, x.from_end});
    REQUIRE(piece);
    CHECK(piece->offset == x.start);
    CHECK(piece->bytes == x.bytes);
    CHECK(piece->next_offset == x.start + piece->bytes.size());
  }
}

TEST_CASE_FIXTURE(world, "log piece: no piece is longer than 64 KiB") {
  const auto path = directory / "log";
  REQUIRE(host::write_file(path, std::string(100'000, 'x'), 0600));
  for (std::uint32_t most : {0U, 65'536U, 65'537U, 4'000'000'000U})
    CHECK(read_log_piece({path, 0, most, false})->bytes.size() == 65'536);
}

TEST_CASE_FIXTURE(world, "log piece: without a file it is empty") {
  const auto piece = read_log_piece({directory / "none", 5, 0, false});
  REQUIRE(piece);
  CHECK(piece->bytes.empty());
  CHECK(piece->next_offset == 0);
}

TEST_CASE_FIXTURE(world, "work disk: it grows, sparse, and never becomes smaller") {
  REQUIRE(make_vm_folder(request()));
  const auto path = folder + "/work.ext4";
  const auto allocated = [&path] {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_blocks;
  };
  const auto before = allocated();
  REQUIRE(grow_work_disk({folder, 1024}));
  CHECK(host::file_size(path) == 1024ULL << 20);
  CHECK(allocated() == before);
  REQUIRE(grow_work_disk({folder, 64}));
  CHECK(host::file_size(path) == 1024ULL << 20);
  // What was on it is whole.
  (void)output_of("e2fsck", {"-fn", path});
}

TEST_CASE_FIXTURE(world, "work disk: one that is gone, or too large for its file system, is told") {
  CHECK(grow_work_disk({folder, 64}).error().code == ec::not_found);
  REQUIRE(make_vm_folder(request()));
  const auto huge = grow_work_disk({folder, UINT32_MAX}); // 4 PiB
  if (!huge)
    CHECK(huge.error().what.find("work.ext4") != std::string::npos);
  CHECK((huge || host::file_size(folder + "/work.ext4") == 64ULL << 20));
}

TEST_CASE_FIXTURE(world, "vm folder: a snapshot has a sparse file that can hold all of the image") {
  auto x = request();
  x.root_disk = root_disk_kind::snapshot;
  REQUIRE(make_vm_folder(x));
  CHECK_FALSE(fs::exists(folder + "/root.qcow2"));
  CHECK(mode_of(folder + "/root.cow") == 0600);
  CHECK(fs::file_size(folder + "/root.cow") > (16U << 20));
  struct stat info {};
  REQUIRE(::stat((folder + "/root.cow").c_str(), &info) == 0);
  CHECK(info.st_blocks == 0);
}

TEST_CASE_FIXTURE(world,
                  "vm folder: a snapshot of what is no raw disk is refused, and leaves nothing") {
  auto x = request();
  x.root_disk = root_disk_kind::snapshot;
  x.root_format = "qcow2";
  CHECK(make_vm_folder(x).error().code == ec::bad_request);
  x.root_format = "raw";
  x.root_path = directory / "none";
  CHECK(make_vm_folder(x).error().code == ec::not_found);
  CHECK_FALSE(fs::exists(folder));
}

TEST_CASE_FIXTURE(world, "vm folder: a guest on the bridge is told its address and the host's") {
  REQUIRE(make_vm_folder(request()));
  std::ofstream{directory / "base"} << "base";
  REQUIRE(write_boot_archive({folder, "box", directory / "base", "key", 0, {}, "10.77.0.9"}));
  const auto text = host::read_file(folder + "/initrd.cpio", 1U << 20);
  REQUIRE(text);
  CHECK(contains(*text, "address=10.77.0.9/16\ngateway=10.77.0.1\n"));
  CHECK_FALSE(contains(*text, "10.0.2."));
}
