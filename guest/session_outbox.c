#define _GNU_SOURCE
#include "session_outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static unsigned char draft[outbox_draft_size];
static size_t drafted;

bool outbox_is_empty(const struct outbox* outbox) {
  return outbox->start == outbox->end;
}

unsigned char* outbox_draft(size_t* size) {
  *size = sizeof draft - drafted;
  return draft + drafted;
}

void outbox_add(size_t size) {
  drafted += size;
}

size_t outbox_drafted(void) {
  return drafted;
}

/// Advances `start`. @returns false where the connection is over
static bool send_some(int connection, const unsigned char* bytes, size_t* start, size_t end) {
  while (*start < end) {
    ssize_t n = send(connection, bytes + *start, end - *start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return true;
    if (n <= 0)
      return false;
    *start += (size_t)n;
  }
  return true;
}

/// @returns false where memory is short
static bool keep(struct outbox* outbox, const unsigned char* bytes, size_t size) {
  if (outbox->start > 0) {
    memmove(outbox->bytes, outbox->bytes + outbox->start, outbox->end - outbox->start);
    outbox->end -= outbox->start;
    outbox->start = 0;
  }
  if (outbox->capacity - outbox->end < size) {
    unsigned char* grown = realloc(outbox->bytes, outbox->end + size);
    if (grown == NULL)
      return false;
    outbox->bytes = grown;
    outbox->capacity = outbox->end + size;
  }
  memcpy(outbox->bytes + outbox->end, bytes, size);
  outbox->end += size;
  return true;
}

bool outbox_flush(struct outbox* outbox, int connection) {
  size_t sent = 0, size = drafted;
  drafted = 0;
  if (!send_some(connection, outbox->bytes, &outbox->start, outbox->end))
    return false;
  if (outbox_is_empty(outbox)) {
    outbox->start = outbox->end = 0;
    if (!send_some(connection, draft, &sent, size))
      return false;
  }
  return sent == size || keep(outbox, draft + sent, size - sent);
}

void outbox_release(struct outbox* outbox) {
  free(outbox->bytes);
  *outbox = (struct outbox){.bytes = NULL};
}
