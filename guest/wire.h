// Puts numbers and strings into frames, and takes them out: big-endian, nothing allocated.
// For C11 and C++.
#ifndef BANGER_GUEST_WIRE_H
#define BANGER_GUEST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Takes a payload apart from the front. After an error everything it returns is empty.
struct wire_reader {
  const unsigned char* at;
  size_t left;
  bool is_bad;
};

uint8_t wire_take_u8(struct wire_reader* reader);
uint16_t wire_take_u16(struct wire_reader* reader);
uint32_t wire_take_u32(struct wire_reader* reader);
uint64_t wire_take_u64(struct wire_reader* reader);

/// @returns `size` bytes of the payload, or NULL
const unsigned char* wire_take_bytes(struct wire_reader* reader, size_t size);

/// A string with its NUL. @returns it, inside the payload
const char* wire_take_string(struct wire_reader* reader);

/// `count` strings back to back, each with its NUL.
struct wire_strings {
  const char* first;
  uint32_t count;
};

/// u32 count, and so many strings.
struct wire_strings wire_take_strings(struct wire_reader* reader);

/// @returns true where all of the payload was taken, and nothing missing
bool wire_is_done(const struct wire_reader* reader);

/// Fills a buffer from the front. What does not fit is left out, and told by is_full.
struct wire_writer {
  unsigned char* at;
  size_t left;
  bool is_full;
};

void wire_put_u8(struct wire_writer* writer, uint8_t value);
void wire_put_u16(struct wire_writer* writer, uint16_t value);
void wire_put_u32(struct wire_writer* writer, uint32_t value);
void wire_put_u64(struct wire_writer* writer, uint64_t value);
void wire_put_bytes(struct wire_writer* writer, const void* bytes, size_t size);
/// With its NUL.
void wire_put_string(struct wire_writer* writer, const char* text);

/// As wire_take_strings has it.
void wire_put_strings(struct wire_writer* writer, struct wire_strings strings);

/// The four bytes at `at`, and into them.
uint32_t wire_load_u32(const unsigned char* at);
void wire_store_u32(unsigned char* out, uint32_t value);

#ifdef __cplusplus
}
#endif

#endif
