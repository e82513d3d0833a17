#include "core/cpio.hpp"

#include <cstdio>

namespace banger::core {

namespace {

constexpr std::size_t block = 512;

void pad(std::string& out, std::size_t multiple) {
  while (out.size() % multiple != 0)
    out.push_back('\0');
}

void append(std::string& out, std::uint32_t inode, const cpio_entry& entry) {
  constexpr std::size_t head_size = 110; // "070701" and 13 numbers of 8 hex digits
  char head[head_size + 1];
  std::snprintf(head, sizeof head, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
                inode, entry.mode, 0U, 0U, 1U, 0U, static_cast<unsigned>(entry.data.size()), 0U, 0U,
                0U, 0U, static_cast<unsigned>(entry.name.size() + 1), 0U);
  out.append(head, head_size);
  out += entry.name;
  out.push_back('\0');
  pad(out, 4);
  out += entry.data;
  pad(out, 4);
}

} // namespace

std::string cpio_archive(const std::vector<cpio_entry>& entries) {
  std::string out;
  std::uint32_t inode = 1;
  for (const auto& entry : entries)
    append(out, inode++, entry);
  append(out, 0, {"TRAILER!!!", {}, 0});
  pad(out, block);
  return out;
}

} // namespace banger::core
