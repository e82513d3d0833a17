// One connection of a port-forward: its socket, and what the socket has not taken yet. A part of
// forward_mux.c.
#ifndef BANGER_GUEST_FORWARD_STREAM_H
#define BANGER_GUEST_FORWARD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct forward_piece;

struct forward_stream {
  uint32_t id; ///< 0: this place is free
  int fd;      ///< -1: it broke, and the other end is to be told
  uint16_t port;
  bool is_connecting;
  int attempt;     ///< which address
  int error;       ///< why the connection was not made; 0 once it stands
  uint32_t credit; ///< bytes that may be sent to the other end
  uint32_t window; ///< bytes that the other end may have under way to us
  uint32_t owed;   ///< bytes that were dealt with here and are not paid for yet
  struct forward_piece *first, *last;
  size_t queued;
  bool has_read_end; ///< of the socket
  bool owes_end;     ///< and the other end was not told yet
  bool is_ending;    ///< the other end has no more: the socket is to be told
  bool has_sent_end; ///< it was
  bool is_deaf;      ///< the socket takes nothing any more; what it still says is read
  bool is_orphan;    ///< the other end is gone: closed when the socket has taken what there is
};

/// Makes the socket ready for use: what goes into it came in pieces already, so the kernel shall
/// not wait for more.
void stream_adopt(struct forward_stream* stream, int fd);

/// Closes the socket so that its peer sees a reset, not an end, and drops what waits.
void stream_break(struct forward_stream* stream);

/// Sends what waits, and then the end.
void stream_flush(struct forward_stream* stream);

/// Takes bytes of the other end. Breaks the stream where memory is short.
void stream_take(struct forward_stream* stream, const unsigned char* bytes, size_t size);

/// @returns 0: the connection stands; EINPROGRESS; an errno
int stream_connected(const struct forward_stream* stream);

/// What poll(2) is to wait for. @param may_read  there is room for what it says
short stream_events(const struct forward_stream* stream, bool may_read);

/// Whether poll(2) may look at it at all. Where nothing is wanted of it, a hang-up would be told
/// over and over, before what came earlier may be read; but one whose end was read can only be
/// reset, and that shall be seen.
bool stream_is_watched(const struct forward_stream* stream, short events);

#endif
