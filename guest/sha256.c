#include "sha256.h"

#include "core/sha256_block.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/// A one bit, zeros, and the message's length in bits (FIPS 180-4, section 5.1.1).
static void finish(uint32_t hash[SHA256_WORDS], unsigned char block[SHA256_BLOCK_SIZE], size_t used,
                   uint64_t size) {
  block[used++] = 0x80;
  memset(block + used, 0, SHA256_BLOCK_SIZE - used);
  if (used > SHA256_BLOCK_SIZE - sizeof size) {
    sha256_compress(hash, block);
    memset(block, 0, SHA256_BLOCK_SIZE);
  }
  for (int i = 0; i < 8; ++i)
    block[SHA256_BLOCK_SIZE - 1 - i] = (unsigned char)(size * 8 >> (8 * i));
  sha256_compress(hash, block);
}

int sha256_file(int fd, char out[SHA256_HEX_SIZE]) {
  uint32_t hash[SHA256_WORDS];
  unsigned char block[SHA256_BLOCK_SIZE];
  size_t used = 0;
  uint64_t size = 0;
  sha256_begin(hash);
  for (;;) {
    ssize_t n = read(fd, block + used, SHA256_BLOCK_SIZE - used);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    used += (size_t)n;
    size += (uint64_t)n;
    if (used == SHA256_BLOCK_SIZE) {
      sha256_compress(hash, block);
      used = 0;
    }
  }
  finish(hash, block, used, size);
  for (int i = 0; i < SHA256_WORDS; ++i)
    sprintf(out + 8 * i, "%08x", (unsigned)hash[i]);
  return 0;
}
