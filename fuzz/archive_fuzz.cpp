// The reader of archives and what unpacks them, fed with anything: what a hostile guest may send.
// Nothing may crash, hang, or be made outside of the destination.
#include "archive/remove.h"
#include "archive/unpack.h"
#include "archive/writer.h"
#include "fuzz/changed.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unistd.h>

namespace {

/// "box" in a folder of our own; all else in that must stay as it is: nothing.
class sandbox {
public:
  sandbox() {
    const std::filesystem::path memory =
        "/dev/shm"; // many small files: a disk would be the bottleneck
    const auto base =
        std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
    std::string pattern = base / "banger-fuzz.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      std::abort();
    path_ = pattern;
  }
  ~sandbox() { archive_remove(AT_FDCWD, path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

  void check_only_box() const {
    for (const auto& x : std::filesystem::directory_iterator{path_})
      if (x.path().filename() != "box") {
        std::fprintf(stderr, "made outside: %s\n", x.path().c_str());
        std::abort();
      }
  }

private:
  std::string path_;
};

void run(std::string_view text) {
  static const sandbox world;
  static const auto unpacker = std::make_unique<archive_unpacker>();
  const auto box = world.path() + "/box";
  const std::size_t step = text.empty() ? 1 : 1 + static_cast<unsigned char>(text.front()) % 61;
  archive_report report;
  if (archive_unpack_begin(unpacker.get(), (box + "/").c_str(), ARCHIVE_UNPACK_DELETE))
    for (std::size_t at = 0; at < text.size(); at += step) {
      const auto part = text.substr(at, step);
      const std::string exact{part}; // a sanitizer sees what is read beyond it
      if (!archive_unpack(unpacker.get(), exact.data(), exact.size()))
        break;
    }
  archive_unpack_finish(unpacker.get(), &report);
  world.check_only_box();
  archive_remove(AT_FDCWD, box.c_str());
  (void)archive_read_report(text.data(), text.size(), &report);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifdef BANGER_FUZZ_MAIN

namespace {

std::string seed() {
  std::string bytes;
  auto writer = std::make_unique<archive_writer>();
  archive_writer_init(
      writer.get(),
      [](void* to, const void* from, std::size_t size) {
        static_cast<std::string*>(to)->append(static_cast<const char*>(from), size);
        return true;
      },
      &bytes);
  archive_entry entry{};
  entry.name = "name";
  entry.mode = 0644;
  archive_put_begin(writer.get(), nullptr);
  archive_put_entry(writer.get(), archive_type_directory, &entry);
  for (int i = 0; i < 3; ++i) {
    archive_put_entry(writer.get(), archive_type_file, &entry);
    unsigned char* room = nullptr;
    archive_data_room(writer.get(), 4, &room);
    room[0] = room[1] = room[2] = room[3] = 'x';
    archive_data_put(writer.get(), 0, 4);
    archive_put_file_end(writer.get(), 4);
    entry.name = i == 0 ? "other" : "third";
  }
  entry.name = "link";
  entry.target = "../..";
  archive_put_entry(writer.get(), archive_type_link, &entry);
  entry.target = nullptr;
  archive_put_entry(writer.get(), archive_type_delete, &entry);
  archive_put_up(writer.get());
  archive_put_end(writer.get());
  return bytes;
}

} // namespace

int main() {
  const auto good = seed();
  std::mt19937 random{1};       // the same inputs each time: a failure can be looked at
  constexpr int rounds = 5'000; // each makes files
  for (int i = 0; i < rounds; ++i)
    run(banger::fuzz::changed(good, random, 3, [](auto&) { return '.'; }));
  return 0;
}

#endif
