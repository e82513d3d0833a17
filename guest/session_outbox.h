// Frames on their way to the other end of a connection. They are drafted in one buffer that all
// connections of a process share; only what a connection does not take at once is kept for it.
#ifndef BANGER_GUEST_SESSION_OUTBOX_H
#define BANGER_GUEST_SESSION_OUTBOX_H

#include "guest/session_frames.h"

/// Room in the draft for output; a reserve for small frames is beside it, which so always fit.
enum {
  outbox_reserve = 8 * 1024,
  outbox_draft_size = 2 * SESSION_DATA_MAX + outbox_reserve,
};

/// Of a connection: what it has not taken yet, the rest of a frame first.
struct outbox {
  unsigned char* bytes;
  size_t start, end, capacity;
};

bool outbox_is_empty(const struct outbox* outbox);

/// Where the next frame of the draft goes, and how much there is.
unsigned char* outbox_draft(size_t* size);
/// Takes the frame of this size that was put there.
void outbox_add(size_t size);
/// @returns bytes that are drafted
size_t outbox_drafted(void);

/// Sends what was kept, and the draft behind it, without waiting; what does not go is kept. The
/// draft is empty then. @returns false where the connection is over, or memory is short
bool outbox_flush(struct outbox* outbox, int connection);

/// Gives back memory. Nothing may be kept.
void outbox_release(struct outbox* outbox);

#endif
