// Frames on their way to the other end of a connection, in an attach process.
#ifndef BANGER_GUEST_SESSION_OUTBOX_H
#define BANGER_GUEST_SESSION_OUTBOX_H

#include "guest/session_frames.h"

/// Room for output is what is left beside a reserve for small frames, which so always fit.
enum {
  outbox_reserve = 8 * 1024,
  outbox_size = 4 * SESSION_DATA_MAX + outbox_reserve,
};

bool outbox_is_empty(void);
/// @returns true where the largest output frame fits, beside the reserve
bool outbox_has_room(void);
/// @returns true where another small frame fits
bool outbox_has_reserve(void);

/// Where the next frame goes, and how much there is.
unsigned char* outbox_end(size_t* size);
/// Takes the frame of this size that was put there.
void outbox_add(size_t size);

/// Sends what goes without waiting. @returns false where the connection is over
bool outbox_flush(int connection);

#endif
