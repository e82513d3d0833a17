#include "guest/wire.h"

#include <string.h>

static uint64_t take(struct wire_reader* reader, size_t size) {
  const unsigned char* at = wire_take_bytes(reader, size);
  uint64_t value = 0;
  for (size_t i = 0; at != NULL && i < size; ++i)
    value = value << 8 | at[i];
  return value;
}

uint8_t wire_take_u8(struct wire_reader* reader) {
  return (uint8_t)take(reader, 1);
}

uint16_t wire_take_u16(struct wire_reader* reader) {
  return (uint16_t)take(reader, 2);
}

uint32_t wire_take_u32(struct wire_reader* reader) {
  return (uint32_t)take(reader, 4);
}

uint64_t wire_take_u64(struct wire_reader* reader) {
  return take(reader, 8);
}

const unsigned char* wire_take_bytes(struct wire_reader* reader, size_t size) {
  if (reader->is_bad || reader->left < size) {
    reader->is_bad = true;
    return NULL;
  }
  const unsigned char* at = reader->at;
  reader->at += size;
  reader->left -= size;
  return at;
}

const char* wire_take_string(struct wire_reader* reader) {
  const unsigned char* end = reader->is_bad ? NULL : memchr(reader->at, '\0', reader->left);
  if (end == NULL) {
    reader->is_bad = true;
    return "";
  }
  return (const char*)wire_take_bytes(reader, (size_t)(end + 1 - reader->at));
}

struct wire_strings wire_take_strings(struct wire_reader* reader) {
  struct wire_strings strings = {.count = wire_take_u32(reader)};
  strings.first = (const char*)reader->at;
  for (uint32_t i = 0; i < strings.count && !reader->is_bad; ++i)
    wire_take_string(reader);
  return strings;
}

bool wire_is_done(const struct wire_reader* reader) {
  return !reader->is_bad && reader->left == 0;
}

static void put(struct wire_writer* writer, uint64_t value, size_t size) {
  unsigned char bytes[8];
  for (size_t i = 0; i < size; ++i)
    bytes[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
  wire_put_bytes(writer, bytes, size);
}

void wire_put_u8(struct wire_writer* writer, uint8_t value) {
  put(writer, value, 1);
}

void wire_put_u16(struct wire_writer* writer, uint16_t value) {
  put(writer, value, 2);
}

void wire_put_u32(struct wire_writer* writer, uint32_t value) {
  put(writer, value, 4);
}

void wire_put_u64(struct wire_writer* writer, uint64_t value) {
  put(writer, value, 8);
}

void wire_put_bytes(struct wire_writer* writer, const void* bytes, size_t size) {
  if (writer->is_full || writer->left < size) {
    writer->is_full = true;
    return;
  }
  if (size > 0)
    memcpy(writer->at, bytes, size);
  writer->at += size;
  writer->left -= size;
}

void wire_put_string(struct wire_writer* writer, const char* text) {
  wire_put_bytes(writer, text, strlen(text) + 1);
}

void wire_put_strings(struct wire_writer* writer, struct wire_strings strings) {
  wire_put_u32(writer, strings.count);
  const char* at = strings.first;
  for (uint32_t i = 0; i < strings.count; ++i, at += strlen(at) + 1)
    wire_put_string(writer, at);
}

uint32_t wire_load_u32(const unsigned char* at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

void wire_store_u32(unsigned char* out, uint32_t value) {
  for (int i = 0; i < 4; ++i)
    out[i] = (unsigned char)(value >> (24 - 8 * i));
}
