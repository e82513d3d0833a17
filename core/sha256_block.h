// One block of SHA-256. C, because the guest's agent and the daemon compute the same digests.
// Source: FIPS 180-4.
#ifndef BANGER_CORE_SHA256_BLOCK_H
#define BANGER_CORE_SHA256_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SHA256_WORDS = 8, SHA256_BLOCK_SIZE = 64 };

/// What a digest begins with (section 5.3.3).
void sha256_begin(uint32_t hash[SHA256_WORDS]);

/// Takes in SHA256_BLOCK_SIZE bytes (section 6.2.2). The padding is the caller's.
void sha256_compress(uint32_t hash[SHA256_WORDS], const unsigned char* block);

#ifdef __cplusplus
}
#endif

#endif
