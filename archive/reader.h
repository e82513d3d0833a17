// Reads an archive from bytes as they come, and hands what is in it to a handler. All that is
// handed over is in an order that makes sense, whoever wrote the bytes: every name is one of a
// directory, data goes forward within a file, every directory that is entered is left.
#ifndef BANGER_ARCHIVE_READER_H
#define BANGER_ARCHIVE_READER_H

#include "archive/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Every function may be NULL. Those that return false end the reading.
struct archive_handler {
  void* context;
  bool (*begin)(void* context, const struct archive_totals* planned);
  bool (*directory)(void* context, const struct archive_entry* entry); ///< entered
  bool (*up)(void* context);                                           ///< and left
  bool (*file)(void* context, const struct archive_entry* entry);
  bool (*data)(void* context, uint64_t offset, const unsigned char* bytes, size_t size);
  bool (*file_end)(void* context, uint64_t size);
  bool (*link)(void* context, const struct archive_entry* entry);
  bool (*remove)(void* context, const struct archive_entry* entry);
  bool (*left_out)(void* context, const struct archive_failure* why);
};

enum archive_state {
  archive_state_reading,
  archive_state_ended,   ///< all is there
  archive_state_failed,  ///< whoever packed says why it could not: failure
  archive_state_bad,     ///< no archive, or a damaged one
  archive_state_version, ///< of another version than ours
  archive_state_stopped, ///< by the handler
};

struct archive_reader {
  const struct archive_handler* handler;
  enum archive_state state;
  struct archive_totals planned, totals;
  struct archive_failure failure; ///< of a state failed
  uint64_t left_out;
  // Of the record that comes:
  uint8_t type;
  uint32_t size;
  uint32_t have; ///< bytes of the header, then of the payload
  bool has_header;
  unsigned char payload[ARCHIVE_PAYLOAD_MAX + 1];
  // Of where we are:
  bool has_begun, in_file;
  unsigned depth;
  uint64_t offset; ///< in the file: where the next byte may be at the earliest
};

/// @param handler  outlives the reader
void archive_reader_init(struct archive_reader* reader, const struct archive_handler* handler);

/// Takes the next bytes. What comes behind the last record is an error, too.
enum archive_state archive_read(struct archive_reader* reader, const void* bytes, size_t size);

/// Reads a report, which is all that a stream consists of.
bool archive_read_report(const void* bytes, size_t size, struct archive_report* out);

#ifdef __cplusplus
}
#endif

#endif
