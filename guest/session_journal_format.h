// What the writer and the readers of a journal share of its format.
#ifndef BANGER_GUEST_SESSION_JOURNAL_FORMAT_H
#define BANGER_GUEST_SESSION_JOURNAL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

extern const char journal_magic[8];

/// Little-endian.
void journal_store(unsigned char* out, uint64_t value, size_t size);
uint64_t journal_load(const unsigned char* at, size_t size);

#endif
