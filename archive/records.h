// The records of an archive: {u8 type, u32 size, payload}, all integers big-endian.
// docs/archive.md specifies them. Encodes and decodes without allocating; for C11 and C++.
#ifndef BANGER_ARCHIVE_RECORDS_H
#define BANGER_ARCHIVE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ARCHIVE_VERSION = 1,
  ARCHIVE_HEADER_SIZE = 5,
  ARCHIVE_OFFSET_SIZE = 8,        ///< before the bytes of a data record
  ARCHIVE_DATA_MAX = 256 * 1024,  ///< bytes of a file in one record
  ARCHIVE_NAME_MAX = 255,         ///< NAME_MAX of Linux
  ARCHIVE_TEXT_MAX = 4095,        ///< of a link's target, or a path in a failure
  ARCHIVE_DEPTH_MAX = 256,        ///< directories within each other
  ARCHIVE_PAYLOAD_MAX = 8 * 1024, ///< of every record but data
};

enum archive_type {
  archive_type_begin = 'A',
  archive_type_directory = 'd',
  archive_type_up = 'u',
  archive_type_file = 'f',
  archive_type_data = 'b',
  archive_type_file_end = 'e',
  archive_type_link = 'l',
  archive_type_delete = 'x',
  archive_type_left_out = 's',
  archive_type_failed = '!',
  archive_type_end = 'z',
  archive_type_report = 'r', ///< from who unpacks, alone in a stream of its own
};

/// How much there is. In 'A' what is planned: zero where nobody counted.
struct archive_totals {
  uint64_t files, directories, links, deletes;
  uint64_t bytes; ///< of files, as they come in data records: holes are not counted
};

enum {
  /// Of a directory: it must be there, and its mode and time stay as they are.
  ARCHIVE_FLAG_AS_IT_IS = 1,
};

/// A directory, a file, a link or a deletion. Names end with a NUL and point into the record.
struct archive_entry {
  const char* name;
  const char* target;   ///< of a link
  uint32_t flags;       ///< of a directory
  uint32_t mode;        ///< permission bits: 07777 at most
  int64_t seconds;      ///< of the last change, Unix time
  uint32_t nanoseconds; ///< below 1e9
};

/// Where something went wrong.
enum archive_step {
  archive_step_none,
  archive_step_read,  ///< what is copied
  archive_step_write, ///< the copy
  archive_step_place, ///< where the copy is to go
  archive_step_delete,
  archive_step_archive, ///< the archive itself: cut off, damaged, of another version
};

struct archive_failure {
  uint32_t step;  ///< enum archive_step
  uint32_t error; ///< errno of Linux
  char path[ARCHIVE_TEXT_MAX + 1];
};

/// What became of an archive where it was unpacked.
struct archive_report {
  struct archive_totals totals;
  struct archive_failure failure; ///< step none: all is there
};

/// A record's payload, without its header. Each returns its size; names that are too long are cut.
size_t archive_store_totals(unsigned char* out, const struct archive_totals* x);
size_t archive_store_entry(unsigned char* out, const struct archive_entry* x);
size_t archive_store_failure(unsigned char* out, const struct archive_failure* x);
size_t archive_store_report(unsigned char* out, const struct archive_report* x);

/// Of the 'A' record: magic, version, what is planned.
size_t archive_store_begin(unsigned char* out, const struct archive_totals* planned);

/// Each returns false for what no writer sends: a wrong size, a name that is none, a mode too
/// large.
/// @param payload  has a byte of room behind `size`, which becomes a NUL
bool archive_load_totals(const unsigned char* payload, size_t size, struct archive_totals* out);
bool archive_load_entry(unsigned char* payload, size_t size, uint8_t type,
                        struct archive_entry* out);
bool archive_load_failure(const unsigned char* payload, size_t size, struct archive_failure* out);
bool archive_load_report(const unsigned char* payload, size_t size, struct archive_report* out);
bool archive_load_begin(const unsigned char* payload, size_t size, uint32_t* version,
                        struct archive_totals* planned);

/// A name within one directory: not empty, not "." nor "..", without '/' and NUL.
bool archive_name_is_valid(const char* name, size_t size);

/// Adds a name to a path, for error texts. @param path  room for ARCHIVE_TEXT_MAX bytes, without a
/// NUL
/// @returns the path's size; the same as before where there is no room
size_t archive_path_join(char* path, size_t size, const char* name);

/// A record's header.
void archive_store_header(unsigned char* out, uint8_t type, uint32_t size);

void archive_store_u32(unsigned char* out, uint32_t value);
void archive_store_u64(unsigned char* out, uint64_t value);
uint32_t archive_load_u32(const unsigned char* at);
uint64_t archive_load_u64(const unsigned char* at);

#ifdef __cplusplus
}
#endif

#endif
