#include "tests/unit/archive/archive_bytes.hpp"

#include <algorithm>
#include <cstring>

namespace banger::test {

namespace {

bool append(void* to, const void* bytes, std::size_t size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
  return true;
}

archive_entry entry_of(const char* name, std::uint32_t mode) {
  archive_entry x{};
  x.name = name;
  x.mode = mode;
  x.seconds = made_at;
  x.nanoseconds = made_at_ns;
  return x;
}

bool note(void* to, std::string line) {
  static_cast<reading*>(to)->calls.push_back(std::move(line));
  return true;
}

std::string number(std::uint64_t x) {
  return std::to_string(x);
}

archive_handler noting(reading& to) {
  archive_handler x{};
  x.context = &to;
  x.begin = [](void* self, const archive_totals*) { return note(self, "begin"); };
  x.directory = [](void* self, const archive_entry* e) {
    return note(self, "directory " + std::string{e->name});
  };
  x.up = [](void* self) { return note(self, "up"); };
  x.file = [](void* self, const archive_entry* e) {
    return note(self, "file " + std::string{e->name});
  };
  x.data = [](void* self, std::uint64_t offset, const unsigned char* bytes, std::size_t size) {
    // Pieces of a record come as they do: here they are one again.
    auto& calls = static_cast<reading*>(self)->calls;
    const void* generic = bytes;
    std::string text{static_cast<const char*>(generic), size};
    if (calls.back().starts_with("data ") && offset != 0 &&
        calls.back().ends_with("@" + number(offset))) {
      auto& last = calls.back();
      last.erase(last.rfind('@'));
      last += text + "@" + number(offset + size);
      return true;
    }
    return note(self, "data " + number(offset) + " " + text + "@" + number(offset + size));
  };
  x.file_end = [](void* self, std::uint64_t size) { return note(self, "end " + number(size)); };
  x.link = [](void* self, const archive_entry* e) {
    return note(self, "link " + std::string{e->name} + " " + e->target);
  };
  x.remove = [](void* self, const archive_entry* e) {
    return note(self, "remove " + std::string{e->name});
  };
  x.left_out = [](void* self, const archive_failure* why) {
    return note(self, "left out " + std::string{why->path});
  };
  return x;
}

} // namespace

archive_maker::archive_maker() {
  archive_writer_init(out_.get(), append, &bytes_);
}

archive_maker& archive_maker::begin() {
  archive_put_begin(out_.get(), nullptr);
  return *this;
}

archive_maker& archive_maker::directory(const char* name, std::uint32_t flags, std::uint32_t mode) {
  auto entry = entry_of(name, mode);
  entry.flags = flags;
  archive_put_entry(out_.get(), archive_type_directory, &entry);
  return *this;
}

archive_maker& archive_maker::up() {
  archive_put_up(out_.get());
  return *this;
}

archive_maker& archive_maker::file(const char* name, std::string_view content, std::uint32_t mode) {
  open_file(name, mode);
  if (!content.empty())
    data(0, content);
  return file_end(content.size());
}

archive_maker& archive_maker::open_file(const char* name, std::uint32_t mode) {
  auto entry = entry_of(name, mode);
  archive_put_entry(out_.get(), archive_type_file, &entry);
  return *this;
}

archive_maker& archive_maker::data(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    unsigned char* room = nullptr;
    auto part = std::min(archive_data_room(out_.get(), bytes.size(), &room), bytes.size());
    std::memcpy(room, bytes.data(), part);
    archive_data_put(out_.get(), offset, part);
    bytes.remove_prefix(part);
    offset += part;
  }
  return *this;
}

archive_maker& archive_maker::file_end(std::uint64_t size) {
  archive_put_file_end(out_.get(), size);
  return *this;
}

archive_maker& archive_maker::link(const char* name, const char* target) {
  auto entry = entry_of(name, 0777);
  entry.target = target;
  archive_put_entry(out_.get(), archive_type_link, &entry);
  return *this;
}

archive_maker& archive_maker::removed(const char* name) {
  auto entry = entry_of(name, 0);
  archive_put_entry(out_.get(), archive_type_delete, &entry);
  return *this;
}

std::string archive_maker::end() {
  archive_put_end(out_.get());
  return bytes_;
}

std::string archive_maker::cut() {
  archive_flush(out_.get());
  return bytes_;
}

std::string raw_record(char type, std::string_view payload) {
  unsigned char header[ARCHIVE_HEADER_SIZE];
  archive_store_header(header, static_cast<std::uint8_t>(type),
                       static_cast<std::uint32_t>(payload.size()));
  const void* generic = header;
  return std::string{static_cast<const char*>(generic), sizeof header} + std::string{payload};
}

reading read_archive(std::string_view bytes, std::size_t step) {
  reading out{{}, archive_state_reading};
  auto handler = noting(out);
  auto reader = std::make_unique<archive_reader>();
  archive_reader_init(reader.get(), &handler);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    // A copy of the very size: a sanitizer sees what is read beyond it.
    auto piece = std::make_unique<char[]>(std::min(step, bytes.size()));
    std::memcpy(piece.get(), bytes.data(), std::min(step, bytes.size()));
    archive_read(reader.get(), piece.get(), std::min(step, bytes.size()));
  }
  out.state = reader->state;
  return out;
}

} // namespace banger::test
