#include "core/sha256_block.h"

#include <string.h>

/// FIPS 180-4, section 4.2.2: the fractions of the cube roots of the first 64 primes.
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void sha256_begin(uint32_t hash[SHA256_WORDS]) {
  static const uint32_t start[SHA256_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(hash, start, sizeof start);
}

static uint32_t turn(uint32_t x, int bits) {
  return x >> bits | x << (32 - bits);
}

/// FIPS 180-4, section 6.2.2, step 1: the sixteen words of the block, stretched to 64.
static void schedule(uint32_t w[64], const unsigned char* block) {
  for (int t = 0; t < 16; ++t)
    w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
           (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
  for (int t = 16; t < 64; ++t) {
    uint32_t s0 = turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ (w[t - 15] >> 3);
    uint32_t s1 = turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ (w[t - 2] >> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
}

void sha256_compress(uint32_t hash[SHA256_WORDS], const unsigned char* block) {
  uint32_t w[64], x[8];
  schedule(w, block);
  memcpy(x, hash, sizeof x);
  for (int t = 0; t < 64; ++t) {
    uint32_t s1 = turn(x[4], 6) ^ turn(x[4], 11) ^ turn(x[4], 25);
    uint32_t first = x[7] + s1 + ((x[4] & x[5]) ^ (~x[4] & x[6])) + round_constants[t] + w[t];
    uint32_t s0 = turn(x[0], 2) ^ turn(x[0], 13) ^ turn(x[0], 22);
    uint32_t second = s0 + ((x[0] & x[1]) ^ (x[0] & x[2]) ^ (x[1] & x[2]));
    memmove(x + 1, x, 7 * sizeof x[0]);
    x[4] += first;
    x[0] = first + second;
  }
  for (int i = 0; i < 8; ++i)
    hash[i] += x[i];
}
