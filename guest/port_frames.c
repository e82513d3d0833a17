#include "guest/port_frames.h"

#include "guest/wire.h"

#include <string.h>

enum { magic_first = 0xBA, magic_second = 0x7A };

static const uint32_t trailer_base = 0xBA7AE0F5;

static uint32_t trailer_of(uint32_t stream, uint32_t size) {
  return trailer_base ^ stream ^ (size << 8);
}

enum port_next port_next(const unsigned char* bytes, size_t size, struct port_frame* out) {
  if ((size > 0 && bytes[0] != magic_first) || (size > 1 && bytes[1] != magic_second))
    return port_next_bad;
  if (size < PORT_HEADER_SIZE)
    return port_next_partial;
  out->type = bytes[2];
  out->stream = wire_load_u32(bytes + 4);
  out->size = wire_load_u32(bytes + 8);
  out->payload = bytes + PORT_HEADER_SIZE;
  if (out->type < port_reset || out->type > port_gone || bytes[3] != 0 || out->size > PORT_DATA_MAX)
    return port_next_bad;
  if (size < PORT_OVERHEAD + out->size)
    return port_next_partial;
  if (wire_load_u32(out->payload + out->size) != trailer_of(out->stream, out->size))
    return port_next_bad;
  return port_next_frame;
}

size_t port_scan(const unsigned char* bytes, size_t size, uint8_t type) {
  const unsigned char start[4] = {magic_first, magic_second, type, 0};
  for (size_t at = 0; at < size; ++at) {
    const unsigned char* found = memchr(bytes + at, magic_first, size - at);
    if (found == NULL)
      return size;
    at = (size_t)(found - bytes);
    size_t there = size - at < sizeof start ? size - at : sizeof start;
    if (memcmp(found, start, there) == 0)
      return at;
  }
  return size;
}

size_t port_put_in_place(unsigned char* out, uint8_t type, uint32_t stream, uint32_t size) {
  out[0] = magic_first;
  out[1] = magic_second;
  out[2] = type;
  out[3] = 0;
  wire_store_u32(out + 4, stream);
  wire_store_u32(out + 8, size);
  wire_store_u32(out + PORT_HEADER_SIZE + size, trailer_of(stream, size));
  return PORT_OVERHEAD + size;
}

size_t port_put(unsigned char* out, uint8_t type, uint32_t stream, const void* payload,
                uint32_t size) {
  if (size > 0)
    memcpy(out + PORT_HEADER_SIZE, payload, size);
  return port_put_in_place(out, type, stream, size);
}

bool port_take_nonce(const struct port_frame* frame, const unsigned char** nonce) {
  if (frame->size != 2 + PORT_NONCE_SIZE || frame->payload[0] != 0 ||
      frame->payload[1] != PORT_PROTOCOL_VERSION)
    return false;
  *nonce = frame->payload + 2;
  return true;
}

void port_put_nonce(unsigned char out[2 + PORT_NONCE_SIZE],
                    const unsigned char nonce[PORT_NONCE_SIZE]) {
  out[0] = 0;
  out[1] = PORT_PROTOCOL_VERSION;
  memcpy(out + 2, nonce, PORT_NONCE_SIZE);
}

uint32_t port_take_credit(const struct port_frame* frame) {
  return frame->size == 4 ? wire_load_u32(frame->payload) : 0;
}
