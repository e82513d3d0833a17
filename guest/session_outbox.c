#define _GNU_SOURCE
#include "session_outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static unsigned char bytes[outbox_size];
static size_t start, end; ///< what is not sent yet

bool outbox_is_empty(void) {
  return start == end;
}

static size_t room(void) {
  return sizeof bytes - end;
}

bool outbox_has_room(void) {
  return room() >= SESSION_FRAME_HEADER_SIZE + 8 + SESSION_DATA_MAX + outbox_reserve;
}

bool outbox_has_reserve(void) {
  return room() >= outbox_reserve / 2;
}

unsigned char* outbox_end(size_t* size) {
  *size = room();
  return bytes + end;
}

void outbox_add(size_t size) {
  end += size;
}

bool outbox_flush(int connection) {
  while (start < end) {
    ssize_t n = send(connection, bytes + start, end - start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      break;
    if (n <= 0)
      return false;
    start += (size_t)n;
  }
  if (start > 0) {
    memmove(bytes, bytes + start, end - start);
    end -= start;
    start = 0;
  }
  return true;
}
