// An archive in memory: made record by record, and what a reader sees of it, as text.
#pragma once

#include "archive/reader.h"
#include "archive/writer.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace banger::test {

/// Writes into a string.
class archive_maker {
public:
  archive_maker();
  archive_maker(const archive_maker&) = delete;

  archive_writer* get() { return out_.get(); }
  archive_maker& begin();
  archive_maker& directory(const char* name, std::uint32_t flags = 0, std::uint32_t mode = 0755);
  archive_maker& up();
  archive_maker& file(const char* name, std::string_view content, std::uint32_t mode = 0644);
  archive_maker& open_file(const char* name, std::uint32_t mode = 0644);
  archive_maker& data(std::uint64_t offset, std::string_view bytes);
  archive_maker& file_end(std::uint64_t size);
  archive_maker& link(const char* name, const char* target);
  archive_maker& removed(const char* name);
  /// With the trailer. @returns all
  std::string end();
  /// Without. @returns all so far
  std::string cut();

private:
  std::string bytes_;
  std::unique_ptr<archive_writer> out_ = std::make_unique<archive_writer>();
};

/// Seconds and nanoseconds that every entry of a maker has.
inline constexpr std::int64_t made_at = 1'000'000'000;
inline constexpr std::uint32_t made_at_ns = 123'456'789;

/// One record of any type and content, as it is on the wire.
std::string raw_record(char type, std::string_view payload);

/// What a reader makes of bytes that come in pieces of `step`: one line a call of its handler, and
/// its state in the end.
struct reading {
  std::vector<std::string> calls;
  archive_state state;
};
reading read_archive(std::string_view bytes, std::size_t step = 1U << 20);

} // namespace banger::test
