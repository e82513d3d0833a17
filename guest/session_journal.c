// The writer's side.
#define _GNU_SOURCE
#include "session_journal.h"

#include "session_journal_format.h"
#include "session_state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { default_cap_mib = 64, min_cap = 64 * 1024, page_size = 4096, gap_payload_size = 16 };

static bool write_head(const struct journal* journal) {
  unsigned char head[sizeof journal_magic + 16];
  memcpy(head, journal_magic, sizeof journal_magic);
  journal_store(head + 8, journal->head.position, 8);
  journal_store(head + 16, journal->head.offset, 8);
  return pwrite(journal->fd, head, sizeof head, 0) == (ssize_t)sizeof head;
}

bool journal_create(struct journal* journal, int folder, uint64_t cap) {
  *journal = (struct journal){.fd = -1,
                              .cap = cap != 0 ? cap : (uint64_t)default_cap_mib << 20,
                              .position = journal_head_size,
                              .head = {.position = journal_head_size},
                              .punched = journal_head_size};
  if (journal->cap < min_cap)
    journal->cap = min_cap;
  journal->fd = openat(folder, "journal", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (journal->fd < 0)
    return false;
  // All of the head page, so that it never lacks a block.
  static const unsigned char zeros[journal_head_size];
  return pwrite(journal->fd, zeros, sizeof zeros, 0) == (ssize_t)sizeof zeros &&
         write_head(journal);
}

size_t journal_chunk(const struct journal* journal) {
  enum { least_records = 4 }; // that a full journal holds: dropping one must not drop all
  uint64_t part = journal->cap / least_records;
  return part < journal_data_max ? (size_t)part : journal_data_max;
}

static void put_header(unsigned char* out, enum journal_type type, size_t size, uint64_t offset) {
  memset(out, 0, journal_header_size);
  journal_store(out, size, 4);
  out[4] = (unsigned char)type;
  journal_store(out + 8, offset, 8);
  journal_store(out + 16, session_now_ms(), 8);
}

/// All of it, or the file is as it was. Signals are blocked, so less is written only where the
/// disk, or a limit, has no room.
static bool append(struct journal* journal, const struct iovec* parts, int count) {
  size_t size = 0;
  for (int i = 0; i < count; ++i)
    size += parts[i].iov_len;
  ssize_t n = pwritev(journal->fd, parts, count, (off_t)journal->position);
  if (n == (ssize_t)size) {
    journal->position += size;
    return true;
  }
  if (n > 0)
    (void)!ftruncate(journal->fd, (off_t)journal->position);
  return false;
}

/// A record, behind the gap that is not told yet: both or none, as a gap that fits where the output
/// does not would be followed by the next one.
static bool append_record(struct journal* journal, enum journal_type type, const void* payload,
                          size_t size) {
  unsigned char gap[journal_header_size + gap_payload_size], header[journal_header_size];
  struct iovec parts[3];
  int count = 0;
  if (journal->has_gap) {
    put_header(gap, journal_gap, gap_payload_size, journal->gap_from);
    journal_store(gap + journal_header_size, journal->gap_from, 8);
    journal_store(gap + journal_header_size + 8, journal->offset, 8);
    parts[count++] = (struct iovec){.iov_base = gap, .iov_len = sizeof gap};
  }
  if (type != journal_gap) {
    put_header(header, type, size, journal->offset);
    parts[count++] = (struct iovec){.iov_base = header, .iov_len = sizeof header};
    parts[count++] = (struct iovec){.iov_base = (void*)payload, .iov_len = size};
  }
  if (!append(journal, parts, count))
    return false;
  journal->has_gap = false;
  return true;
}

/// Drops the oldest records until at most `most` bytes of records are kept.
static void drop_oldest(struct journal* journal, uint64_t most) {
  static unsigned char bytes[2 * page_size];
  struct journal_window window = {
      .fd = journal->fd, .head = &journal->head, .bytes = bytes, .capacity = sizeof bytes};
  struct journal_record record;
  const unsigned char* payload;
  uint64_t position = journal->head.position, offset = journal->head.offset;
  while (journal->position - position > most &&
         journal_peek(&window, position, &record, &payload) == journal_found_record) {
    offset = journal_offset_behind(&record, payload);
    position = journal_next(position, &record);
  }
  journal->head = (struct journal_head){.position = position, .offset = offset};
  // The head first: who reads a hole finds out from it.
  if (!write_head(journal))
    return;
  uint64_t hole_end = position / page_size * page_size;
  // Not every file system can; then the space is not freed, and all else is as it should be.
  if (hole_end > journal->punched &&
      fallocate(journal->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)journal->punched,
                (off_t)(hole_end - journal->punched)) == 0)
    journal->punched = hole_end;
}

/// Marks a record, where the last mark is far away: those of all that is kept never run out.
static void mark(struct journal* journal, uint64_t position) {
  struct journal_mark* last = &journal->marks[(journal->mark_count - 1) % journal_marks_max];
  if (journal->mark_count > 0 && position - last->position < journal->cap / (journal_marks_max / 2))
    return;
  journal->marks[journal->mark_count++ % journal_marks_max] = (struct journal_mark){
      .position = position, .offset = journal->offset, .time_ms = session_now_ms()};
}

bool journal_output(struct journal* journal, enum journal_type type, const void* bytes, size_t size,
                    uint64_t* position) {
  bool is_kept = append_record(journal, type, bytes, size);
  if (!is_kept && !journal->has_gap) {
    journal->has_gap = true;
    journal->gap_from = journal->offset;
  }
  if (is_kept) {
    *position = journal->position - journal_header_size - size;
    mark(journal, *position);
  }
  journal->offset += size;
  if (journal->position - journal->head.position > journal->cap)
    drop_oldest(journal, journal->cap / 4 * 3);
  return is_kept;
}

bool journal_ended(struct journal* journal, const struct session_ended* ended) {
  unsigned char payload[4 + 4 + 1 + 1] = {0};
  journal_store(payload, ended->code, 4);
  journal_store(payload + 4, ended->signal, 4);
  payload[8] = ended->how;
  if (!append_record(journal, journal_end, payload, sizeof payload)) {
    // The end is worth more than old output.
    drop_oldest(journal, (journal->position - journal->head.position) / 2);
    if (!append_record(journal, journal_end, payload, sizeof payload))
      return false;
  }
  return true;
}

void journal_sync(const struct journal* journal) {
  fdatasync(journal->fd);
}

void journal_settle_gap(struct journal* journal) {
  if (journal->has_gap)
    append_record(journal, journal_gap, NULL, 0);
}
