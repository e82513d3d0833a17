#include "host/random.hpp"

#include <cstdlib>
#include <cstring>
#include <sys/random.h>

namespace banger::host {

std::string random_bytes(std::size_t n) {
  std::string bytes(n, '\0');
  // Up to 256 bytes come whole once the kernel's pool is up, which it is before any user logs in.
  if (::getrandom(bytes.data(), n, 0) != static_cast<ssize_t>(n))
    std::abort(); // without randomness no key and no token would be worth anything
  return bytes;
}

std::string random_hex(std::size_t n) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (char c : random_bytes(n)) {
    auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::uint64_t random_u64() {
  std::uint64_t x = 0;
  std::memcpy(&x, random_bytes(sizeof x).data(), sizeof x);
  return x;
}

} // namespace banger::host
