// The readers' side.
#define _GNU_SOURCE
#include "session_journal.h"
#include "session_journal_format.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const char journal_magic[8] = {'B', 'A', 'N', 'G', 'E', 'R', 'J', '1'};

void journal_store(unsigned char* out, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    out[i] = (unsigned char)(value >> (8 * i));
}

uint64_t journal_load(const unsigned char* at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i)
    value |= (uint64_t)at[i] << (8 * i);
  return value;
}

static bool read_head_once(int fd, struct journal_head* out) {
  unsigned char head[sizeof journal_magic + 16];
  if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
      memcmp(head, journal_magic, sizeof journal_magic) != 0)
    return false;
  out->position = journal_load(head + 8, 8);
  out->offset = journal_load(head + 16, 8);
  return true;
}

bool journal_read_head(int fd, struct journal_head* out) {
  struct journal_head again = {0};
  if (!read_head_once(fd, out))
    return false;
  // Twice the same, as a read beside a write may see half of it.
  for (;;) {
    if (!read_head_once(fd, &again))
      return false;
    if (again.position == out->position && again.offset == out->offset)
      return true;
    *out = again;
  }
}

uint64_t journal_next(uint64_t position, const struct journal_record* record) {
  return position + journal_header_size + record->size;
}

uint64_t journal_offset_behind(const struct journal_record* record, const unsigned char* payload) {
  if (record->type == journal_gap)
    return journal_load(payload + 8, 8);
  return record->offset + (record->type == journal_end ? 0 : record->size);
}

bool journal_decode_end(const struct journal_record* record, const unsigned char* payload,
                        struct session_ended* out) {
  if (record->size < 10 || payload[record->size - 1] != '\0')
    return false;
  *out = (struct session_ended){.how = payload[8],
                                .code = (uint32_t)journal_load(payload, 4),
                                .signal = (uint32_t)journal_load(payload + 4, 4),
                                .end = record->offset,
                                .ended_at_ms = record->time_ms,
                                .text = (const char*)payload + 9};
  return true;
}

/// @returns how many bytes of the window are at `position` and behind it
static size_t bytes_at(const struct journal_window* window, uint64_t position) {
  uint64_t end = window->start + window->size;
  return position >= window->start && position < end ? (size_t)(end - position) : 0;
}

/// The header at the front of `bytes`. @returns false where that is none
static bool decode_header(const unsigned char* bytes, size_t size, struct journal_record* out) {
  if (size < journal_header_size)
    return false;
  out->size = (uint32_t)journal_load(bytes, 4);
  out->type = bytes[4];
  out->offset = journal_load(bytes + 8, 8);
  out->time_ms = journal_load(bytes + 16, 8);
  return out->type >= journal_stdout && out->type <= journal_end && out->size <= journal_data_max &&
         (out->type != journal_gap || out->size == 16);
}

/// How many bytes of a record must be in the window.
static size_t needed(const struct journal_record* record, bool whole) {
  bool with_payload = whole || record->type == journal_gap;
  return journal_header_size + (with_payload ? record->size : 0);
}

/// From the window as it is.
static bool find(const struct journal_window* window, uint64_t position, bool whole,
                 struct journal_record* out, const unsigned char** payload) {
  size_t size = bytes_at(window, position);
  if (size == 0)
    return false;
  const unsigned char* bytes = window->bytes + (position - window->start);
  if (!decode_header(bytes, size, out) || size < needed(out, whole))
    return false;
  *payload = bytes + journal_header_size;
  return true;
}

static void refill(struct journal_window* window, uint64_t position) {
  ssize_t n;
  do {
    n = pread(window->fd, window->bytes, window->capacity, (off_t)position);
  } while (n < 0 && errno == EINTR);
  window->start = position;
  window->size = n > 0 ? (size_t)n : 0;
}

static enum journal_found look(struct journal_window* window, uint64_t position, bool whole,
                               struct journal_record* out, const unsigned char** payload) {
  if (find(window, position, whole, out, payload))
    return journal_found_record;
  refill(window, position);
  struct journal_head head;
  // Behind the read: what it got at or behind the oldest kept record is good.
  if (!journal_read_head(window->fd, &head))
    window->size = 0;
  else if (position < head.position) {
    window->size = 0;
    return journal_found_dropped;
  }
  if (find(window, position, whole, out, payload))
    return journal_found_record;
  window->size = 0; // half a record may be another one later
  return journal_found_nothing;
}

enum journal_found journal_read(struct journal_window* window, uint64_t position,
                                struct journal_record* out, const unsigned char** payload) {
  return look(window, position, true, out, payload);
}

enum journal_found journal_peek(struct journal_window* window, uint64_t position,
                                struct journal_record* out, const unsigned char** payload) {
  return look(window, position, false, out, payload);
}
