#include "core/sha1.hpp"

#include "core/sha1_blocks.hpp"
#include "core/sha_blocks.hpp"

namespace banger::core {

std::string sha1(std::string_view message) {
  auto hash = sha1_blocks::initial;
  const auto text = sha_blocks::padded(message);
  for (std::size_t at = 0; at < text.size(); at += sha_blocks::block_size)
    sha1_blocks::compress(hash, sha_blocks::words_of(text, at));
  return sha_blocks::bytes_of(hash);
}

std::string hmac_sha1(std::string_view key, std::string_view message) {
  std::string block = key.size() > sha_blocks::block_size ? sha1(key) : std::string(key);
  block.resize(sha_blocks::block_size, '\0');
  std::string inner = block;
  std::string outer = block;
  for (char& c : inner)
    c = static_cast<char>(c ^ 0x36);
  for (char& c : outer)
    c = static_cast<char>(c ^ 0x5c);
  inner += message;
  return sha1(outer + sha1(inner));
}

} // namespace banger::core
