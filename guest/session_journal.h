// The journal of a session: its output, in the order it was read, with what was lost and the end.
//
// A head page of 4096 bytes: "BANGERJ1", u64 position of the oldest record that is kept, u64 output
// offset there. Then records: {u32 payload size, u8 type, 3 zero bytes, u64 output offset of the
// first byte, u64 Unix time in ms} and the payload. All integers little-endian. A position in the
// file never gets other content: the oldest records are dropped by a hole in the file.
//
// There is one writer, a session's host. It serves the readers, too, until it ends.
#ifndef BANGER_GUEST_SESSION_JOURNAL_H
#define BANGER_GUEST_SESSION_JOURNAL_H

#include "guest/session_frames.h"

enum {
  journal_head_size = 4096,
  journal_header_size = 24,
  journal_data_max = SESSION_DATA_MAX, ///< bytes of payload of a record
};

enum journal_type {
  journal_stdout = 1,
  journal_stderr = 2,
  journal_gap = 3, ///< u64 from, u64 to: output that the disk had no room for
  journal_end = 4, ///< i32 exit code, i32 signal, u8 how, text NUL
};

struct journal_record {
  uint32_t size;
  uint8_t type;
  uint64_t offset, time_ms;
};

/// The oldest record kept.
struct journal_head {
  uint64_t position, offset;
};

/// @returns false where the file is no journal
bool journal_read_head(int fd, struct journal_head* out);

/// The bytes of a file around where it is read.
struct journal_window {
  int fd;
  const struct journal_head* head; ///< as it is now
  unsigned char* bytes;
  size_t capacity;
  uint64_t start; ///< position of the first byte
  size_t size;
};

enum journal_found {
  journal_found_nothing, ///< no whole record is there, yet
  journal_found_record,
  journal_found_dropped, ///< what was there is no longer kept
};

/// The record at `position`, with its payload in the window, which so must hold the largest.
/// @param payload  out; good until the next call
enum journal_found journal_read(struct journal_window* window, uint64_t position,
                                struct journal_record* out, const unsigned char** payload);

/// As journal_read, where only the header, and the payload of a gap, need be in the window.
enum journal_found journal_peek(struct journal_window* window, uint64_t position,
                                struct journal_record* out, const unsigned char** payload);

/// Where the record behind this one starts.
uint64_t journal_next(uint64_t position, const struct journal_record* record);

/// The output offset behind a record.
uint64_t journal_offset_behind(const struct journal_record* record, const unsigned char* payload);

/// `payload` is of a journal_end of `record`.
bool journal_decode_end(const struct journal_record* record, const unsigned char* payload,
                        struct session_ended* out);

/// Where a record is: marks make the way to it short.
struct journal_mark {
  uint64_t position, offset, time_ms;
};

enum { journal_marks_max = 64 };

/// What writes. `offset` counts every byte of output, also what was lost.
struct journal {
  int fd;
  uint64_t cap;      ///< bytes of records kept at most
  uint64_t position; ///< where the next record goes
  uint64_t offset;   ///< of the next byte of output
  struct journal_head head;
  uint64_t punched; ///< the file is a hole from the head page to here
  bool has_gap;     ///< the disk was full: output from gap_from to offset is lost, and not yet told
  uint64_t gap_from;
  struct journal_mark marks[journal_marks_max]; ///< a ring, of records far apart
  unsigned mark_count;                          ///< that were ever made
};

/// Makes the file. @param cap  0: the default. @returns false with errno set
bool journal_create(struct journal* journal, int folder, uint64_t cap);

/// Bytes to give to journal_output at most.
size_t journal_chunk(const struct journal* journal);

/// Appends output. Where the disk is full it is lost, and a gap is recorded as soon as that goes.
/// @param position  out: of its record
/// @returns false where there is none
bool journal_output(struct journal* journal, enum journal_type type, const void* bytes, size_t size,
                    uint64_t* position);

/// Appends the end. @returns false where the disk is full
bool journal_ended(struct journal* journal, const struct session_ended* ended);

/// Has all of it on the disk.
void journal_sync(const struct journal* journal);

/// What is in a file that nobody writes any more, all of it empty where that is no journal.
void journal_survey(struct journal* journal, int fd);

/// The output offset behind what is in the file.
uint64_t journal_end_offset(const struct journal* journal);

/// A record that is kept: all output before it is before `from`, an output offset or a Unix time in
/// ms.
struct journal_head journal_seek(const struct journal* journal, uint64_t from, bool is_time);

/// Records a gap that is not told yet, if that goes.
void journal_settle_gap(struct journal* journal);

#endif
