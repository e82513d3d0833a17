#define _GNU_SOURCE
#include "session_input.h"

#include "guest/session_frames.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

/// A ring. Pages that were never used take no memory.
static struct {
  unsigned char bytes[session_input_queue_max] __attribute__((aligned(4096)));
  size_t start, size;
} queue;

static int target = -1;
static bool is_terminal, ends; ///< ends: close once the queue is empty

void session_input_open(int fd, bool is_a_terminal) {
  target = fd;
  is_terminal = is_a_terminal;
}

bool session_input_is_open(void) {
  return target >= 0 && !ends;
}

bool session_input_has_room(void) {
  return session_input_queue_max - queue.size >= SESSION_DATA_MAX;
}

void session_input_add(const void* bytes, size_t size) {
  size_t at = (queue.start + queue.size) % session_input_queue_max;
  size_t first = session_input_queue_max - at < size ? session_input_queue_max - at : size;
  memcpy(queue.bytes + at, bytes, first);
  memcpy(queue.bytes, (const char*)bytes + first, size - first);
  queue.size += size;
}

void session_input_end(void) {
  struct termios settings;
  if (!is_terminal)
    ends = true;
  else if (target >= 0 && tcgetattr(target, &settings) == 0)
    session_input_add(&settings.c_cc[VEOF], 1);
  session_input_pump();
}

void session_input_close(void) {
  if (target >= 0 && !is_terminal) // the terminal is the output's too
    close(target);
  target = -1;
  queue.start = queue.size = 0;
}

int session_input_poll(void) {
  return queue.size > 0 ? target : -1;
}

/// @returns false where the command takes no more for now
static bool write_some(void) {
  size_t to_end = session_input_queue_max - queue.start;
  size_t first = queue.size < to_end ? queue.size : to_end;
  const struct iovec parts[2] = {{.iov_base = queue.bytes + queue.start, .iov_len = first},
                                 {.iov_base = queue.bytes, .iov_len = queue.size - first}};
  ssize_t n = writev(target, parts, 2);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (n < 0) {
    session_input_close(); // nobody reads it any more
    return false;
  }
  queue.start = (queue.start + (size_t)n) % session_input_queue_max;
  queue.size -= (size_t)n;
  return n > 0;
}

void session_input_pump(void) {
  bool had_some = queue.size > 0;
  while (target >= 0 && queue.size > 0 && write_some())
    ;
  if (queue.size > 0)
    return;
  if (had_some && queue.start > session_input_queue_max / 4) {
    madvise(queue.bytes, sizeof queue.bytes, MADV_DONTNEED); // a big paste is over
    queue.start = 0;
  }
  if (ends)
    session_input_close();
}
