// One end of a port-forward: many TCP connections, carried as frames (port_frames.h) over one pair
// of byte streams. The host's end accepts connections, the guest's makes them; else they are the
// same. For C11 and C++; docs/port.md specifies the frames.
//
// Nothing here waits. What a connection has under way is bounded by its window, both ways: one that
// nobody reads holds nobody else up.
#ifndef BANGER_GUEST_FORWARD_MUX_H
#define BANGER_GUEST_FORWARD_MUX_H

#include "guest/port_frames.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  FORWARD_STREAMS_MAX = 512,            ///< connections at a time
  FORWARD_WINDOW_MAX = 2 * 1024 * 1024, ///< where PORT_WINDOW grows to while all of it is taken
  FORWARD_OUTPUT_SIZE = 8 * (PORT_DATA_MAX + PORT_OVERHEAD),
};

/// What an end does in a way of its own. Any may be NULL.
struct forward_calls {
  void* owner;
  /// Begins a connection to a port. @param attempt  which of the addresses it may be at, from 0;
  /// out: the next one. @returns a non-blocking socket that connects; -1 with errno where there is
  /// no further address. NULL: the other end may not open connections.
  int (*dial)(void* owner, uint16_t port, int* attempt);
  /// The other end could not make a connection. @param error  errno, Linux's
  void (*refused)(void* owner, uint16_t port, int error);
  /// A frame of no connection: port_ready, port_listening, port_gone. @returns false: malformed
  bool (*take)(void* owner, const struct port_frame* frame);
};

struct forward_mux;

/// @returns NULL where memory is short
struct forward_mux* forward_new(struct forward_calls calls);
/// Closes all connections.
void forward_free(struct forward_mux* mux);

/// Whether forward_open may be called.
bool forward_has_place(const struct forward_mux* mux);
/// Carries a connection that was accepted to a port of the other end. Owns `fd`, makes it
/// non-blocking.
void forward_open(struct forward_mux* mux, int fd, uint16_t port);
int forward_count(const struct forward_mux* mux);

/// Frames from the other end, cut anywhere. @returns false where they are malformed: it is over
bool forward_feed(struct forward_mux* mux, const void* bytes, size_t size);

/// Frames for the other end. @returns how many bytes there are now; they stay until forward_sent
size_t forward_output(struct forward_mux* mux, const unsigned char** bytes);
void forward_sent(struct forward_mux* mux, size_t size);
/// A frame of no connection. @returns false where there is no room now
bool forward_put(struct forward_mux* mux, uint8_t type, const void* payload, uint32_t size);

/// Fills `out`, FORWARD_STREAMS_MAX entries. @returns how many it used
int forward_poll(struct forward_mux* mux, struct pollfd* out);
/// Does what is due; before anything else that may close or open a descriptor.
void forward_work(struct forward_mux* mux, const struct pollfd* fds, int count);

#ifdef __cplusplus
}
#endif

#endif
