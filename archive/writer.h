// Writes an archive, record by record, into a sink of bytes.
//
//   archive_writer_init(&writer, sink, context);
//   archive_put_begin(&writer, NULL);
//   archive_put_entry(&writer, archive_type_directory, &entry);    enters it
//   archive_put_entry(&writer, archive_type_file, &entry);
//   room = archive_data_room(&writer, wanted, &bytes); ...fill...  archive_data_put(&writer,
//   offset, filled); archive_put_file_end(&writer, size); archive_put_up(&writer);
//   archive_put_end(&writer);                                      and flushes
//
// The order is the caller's to keep: a reader refuses another one. Every call returns false once
// the sink has failed.
#ifndef BANGER_ARCHIVE_WRITER_H
#define BANGER_ARCHIVE_WRITER_H

#include "archive/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Takes all of `size` bytes, waiting if it must. @returns false where that cannot be.
typedef bool archive_sink(void* context, const void* bytes, size_t size);

enum {
  // Two full data records: where one is sent the next one has room.
  ARCHIVE_BUFFER_SIZE = ARCHIVE_DATA_MAX + ARCHIVE_HEADER_SIZE + ARCHIVE_OFFSET_SIZE + 64 * 1024,
};

/// Large: on the heap or static.
struct archive_writer {
  archive_sink* sink;
  void* context;
  bool is_broken; ///< the sink failed
  struct archive_totals totals;
  size_t used;
  unsigned char buffer[ARCHIVE_BUFFER_SIZE];
};

void archive_writer_init(struct archive_writer* writer, archive_sink* sink, void* context);

/// @param planned  NULL: nobody counted
bool archive_put_begin(struct archive_writer* writer, const struct archive_totals* planned);
/// A directory (which is entered), a file (which data and its end follow), a link or a deletion.
bool archive_put_entry(struct archive_writer* writer, enum archive_type type,
                       const struct archive_entry* entry);
/// Leaves the directory that was entered last.
bool archive_put_up(struct archive_writer* writer);

/// Room for bytes of the file, inside the writer so that nothing is copied.
/// @returns how many fit, at most `wanted` rounded up; 0 where the sink failed
size_t archive_data_room(struct archive_writer* writer, size_t wanted, unsigned char** bytes);
/// Says that the first `size` bytes of the room are filled; they are those at `offset`.
bool archive_data_put(struct archive_writer* writer, uint64_t offset, size_t size);

/// @param size  of the whole file; what no data was put for is zero
bool archive_put_file_end(struct archive_writer* writer, uint64_t size);
bool archive_put_left_out(struct archive_writer* writer, const struct archive_failure* why);
/// The last record, in place of the end: whoever unpacks undoes what it can.
bool archive_put_failed(struct archive_writer* writer, const struct archive_failure* why);
bool archive_put_end(struct archive_writer* writer);
/// Of a stream of its own.
bool archive_put_report(struct archive_writer* writer, const struct archive_report* report);

bool archive_flush(struct archive_writer* writer);

#ifdef __cplusplus
}
#endif

#endif
