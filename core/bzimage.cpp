#include "core/bzimage.hpp"

#include <cstdint>

namespace banger::core {

namespace {

constexpr std::size_t sectors_at = 0x1F1, magic_at = 0x202, payload_at = 0x248, sector = 512;
constexpr std::size_t head_size = 0x250;

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t x = 0;
  for (std::size_t i = 4; i-- > 0;)
    x = x << 8 | static_cast<unsigned char>(bytes[at + i]);
  return x;
}

} // namespace

result<kernel_payload> find_kernel_payload(std::string_view image) {
  auto wrong = [](const char* why) { return fail(ec::bad_request, "read the kernel", why); };
  if (image.size() < head_size || image.substr(magic_at, 4) != "HdrS")
    return wrong("it is no bzImage");
  auto sectors = static_cast<unsigned char>(image[sectors_at]);
  auto base = (std::size_t{sectors == 0 ? 4U : sectors} + 1) * sector;
  std::size_t offset = little_endian(image, payload_at),
              size = little_endian(image, payload_at + 4);
  constexpr std::size_t size_field = 4; // the uncompressed size is appended
  if (size < 2 * size_field || base + offset > image.size() || size > image.size() - base - offset)
    return wrong("its header points outside of it");
  auto payload = image.substr(base + offset, size);
  struct magic {
    std::string_view start;
    const char* tool;
    bool drops_size;
  };
  using namespace std::string_view_literals;
  for (const auto& [start, tool, drops_size] :
       {magic{"\x02\x21"sv, "lz4", true}, magic{"\x28\xB5"sv, "zstd", true},
        magic{"\xFD"
              "7z"sv,
              "xz", false},
        magic{"\x1F\x8B"sv, "gzip", false}})
    if (payload.starts_with(start))
      return kernel_payload{drops_size ? payload.substr(0, size - size_field) : payload, tool};
  return wrong("its compression is none of lz4, zstd, xz and gzip");
}

} // namespace banger::core
