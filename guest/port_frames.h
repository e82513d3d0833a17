// The frames on a VM's data port, a virtio-serial port, and those of a port-forward: many byte
// streams over one, each with a window of its own. docs/port.md specifies them. For C11 and C++.
//
// A frame: u16 magic, u8 type, u8 zero, u32 stream, u32 size, payload, u32 trailer; big-endian. The
// trailer tells a frame that was cut off, and filled up by what another host sent, from a whole
// one.
#ifndef BANGER_GUEST_PORT_FRAMES_H
#define BANGER_GUEST_PORT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BANGER_DATA_PORT "banger.1"

enum {
  PORT_PROTOCOL_VERSION = 2,
  PORT_HEADER_SIZE = 12,
  PORT_TRAILER_SIZE = 4,
  PORT_OVERHEAD = PORT_HEADER_SIZE + PORT_TRAILER_SIZE,
  PORT_DATA_MAX = 32 * 1024, ///< bytes of payload
  PORT_NONCE_SIZE = 16,
  PORT_WINDOW = 256 * 1024, ///< bytes that a stream may have under way, each way
  PORT_STREAMS_MAX = 768,
  PORT_PADDING = PORT_DATA_MAX + 2 * PORT_OVERHEAD, ///< zeros before a reset: more than any frame
};

enum port_type {
  port_reset = 1, ///< from the host: u16 version, nonce; all streams are gone
  port_ready,     ///< answers it: u16 version, nonce
  port_open,      ///< from the host: a connection to the agent
  port_data,
  port_credit, ///< u32: so many more bytes may be sent
  port_close,  ///< nothing follows on the stream, either way
  port_end,    ///< no data follows on the stream, this way; of a data port only from the host
  // Only of a port-forward:
  port_listening, ///< from the guest: u16 port, name of the process that listens, perhaps empty
  port_gone,      ///< from the guest: u16 port that nothing listens on any more
};

struct port_frame {
  uint8_t type;
  uint32_t stream;
  const unsigned char* payload;
  uint32_t size;
};

enum port_next { port_next_bad = -1, port_next_partial = 0, port_next_frame = 1 };

/// The frame at the front of `bytes`.
enum port_next port_next(const unsigned char* bytes, size_t size, struct port_frame* out);

/// How many bytes have to be dropped before a frame of this type may begin. @returns `size` less
/// those that may be the beginning of one, where there is none
size_t port_scan(const unsigned char* bytes, size_t size, uint8_t type);

/// A whole frame into `out`, which holds PORT_OVERHEAD more than `size`. @returns its size
size_t port_put(unsigned char* out, uint8_t type, uint32_t stream, const void* payload,
                uint32_t size);

/// Same, of a payload that is where it belongs: PORT_HEADER_SIZE behind `out`.
size_t port_put_in_place(unsigned char* out, uint8_t type, uint32_t stream, uint32_t size);

/// The payload of port_reset and port_ready. @returns false where it is another version, or no
/// nonce
bool port_take_nonce(const struct port_frame* frame, const unsigned char** nonce);
void port_put_nonce(unsigned char out[2 + PORT_NONCE_SIZE],
                    const unsigned char nonce[PORT_NONCE_SIZE]);

/// The payload of port_credit. @returns 0 where it is malformed
uint32_t port_take_credit(const struct port_frame* frame);

#ifdef __cplusplus
}
#endif

#endif
