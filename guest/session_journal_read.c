// The readers' side.
#define _GNU_SOURCE
#include "session_journal.h"
#include "session_journal_format.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
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

bool journal_read_head(int fd, struct journal_head* out) {
  unsigned char head[sizeof journal_magic + 16];
  if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
      memcmp(head, journal_magic, sizeof journal_magic) != 0)
    return false;
  out->position = journal_load(head + 8, 8);
  out->offset = journal_load(head + 16, 8);
  return true;
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
  if (position < window->head->position)
    return journal_found_dropped;
  refill(window, position);
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

void journal_survey(struct journal* journal, int fd) {
  static unsigned char bytes[8 * 1024];
  *journal = (struct journal){.fd = fd};
  if (!journal_read_head(fd, &journal->head))
    return; // its host was killed before it was made, or it is damaged
  journal->position = journal->head.position;
  journal->offset = journal->head.offset;
  struct stat info = {.st_size = 0};
  fstat(fd, &info);
  struct journal_window window = {
      .fd = fd, .head = &journal->head, .bytes = bytes, .capacity = sizeof bytes};
  struct journal_record record;
  const unsigned char* payload;
  while (journal_peek(&window, journal->position, &record, &payload) == journal_found_record &&
         journal_next(journal->position, &record) <= (uint64_t)info.st_size) {
    journal->offset = journal_offset_behind(&record, payload);
    journal->position = journal_next(journal->position, &record);
  }
}

uint64_t journal_end_offset(const struct journal* journal) {
  return journal->has_gap ? journal->gap_from : journal->offset;
}

struct journal_head journal_seek(const struct journal* journal, uint64_t from, bool is_time) {
  struct journal_head best = journal->head;
  unsigned first =
      journal->mark_count > journal_marks_max ? journal->mark_count - journal_marks_max : 0;
  for (unsigned i = first; i < journal->mark_count; ++i) {
    const struct journal_mark* at = &journal->marks[i % journal_marks_max];
    if (is_time ? at->time_ms >= from : at->offset > from)
      break;
    if (at->position >= journal->head.position)
      best = (struct journal_head){.position = at->position, .offset = at->offset};
  }
  return best;
}
