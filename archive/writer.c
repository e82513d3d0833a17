#include "archive/writer.h"

enum { least_room = 32 * 1024, data_head = ARCHIVE_HEADER_SIZE + ARCHIVE_OFFSET_SIZE };

void archive_writer_init(struct archive_writer* writer, archive_sink* sink, void* context) {
  writer->sink = sink;
  writer->context = context;
  writer->is_broken = false;
  writer->totals = (struct archive_totals){0};
  writer->used = 0;
}

bool archive_flush(struct archive_writer* writer) {
  if (!writer->is_broken && writer->used > 0)
    writer->is_broken = !writer->sink(writer->context, writer->buffer, writer->used);
  writer->used = 0;
  return !writer->is_broken;
}

/// Room for a record of any kind but data. @returns where its payload goes
static unsigned char* begin(struct archive_writer* writer) {
  if (sizeof writer->buffer - writer->used < ARCHIVE_HEADER_SIZE + ARCHIVE_PAYLOAD_MAX)
    archive_flush(writer);
  return writer->buffer + writer->used + ARCHIVE_HEADER_SIZE;
}

static bool finish(struct archive_writer* writer, uint8_t type, size_t size) {
  archive_store_header(writer->buffer + writer->used, type, (uint32_t)size);
  writer->used += ARCHIVE_HEADER_SIZE + size;
  return !writer->is_broken;
}

bool archive_put_begin(struct archive_writer* writer, const struct archive_totals* planned) {
  const struct archive_totals none = {0};
  unsigned char* payload = begin(writer);
  return finish(writer, archive_type_begin,
                archive_store_begin(payload, planned != NULL ? planned : &none));
}

bool archive_put_entry(struct archive_writer* writer, enum archive_type type,
                       const struct archive_entry* entry) {
  writer->totals.directories += type == archive_type_directory;
  writer->totals.files += type == archive_type_file;
  writer->totals.links += type == archive_type_link;
  writer->totals.deletes += type == archive_type_delete;
  unsigned char* payload = begin(writer);
  return finish(writer, (uint8_t)type, archive_store_entry(payload, entry));
}

bool archive_put_up(struct archive_writer* writer) {
  (void)begin(writer);
  return finish(writer, archive_type_up, 0);
}

size_t archive_data_room(struct archive_writer* writer, size_t wanted, unsigned char** bytes) {
  size_t left = sizeof writer->buffer - writer->used;
  size_t least = wanted < least_room ? wanted : least_room;
  if (left < data_head + least) {
    archive_flush(writer);
    left = sizeof writer->buffer;
  }
  *bytes = writer->buffer + writer->used + data_head;
  left -= data_head;
  if (writer->is_broken)
    return 0;
  return left < ARCHIVE_DATA_MAX ? left : ARCHIVE_DATA_MAX;
}

bool archive_data_put(struct archive_writer* writer, uint64_t offset, size_t size) {
  unsigned char* record = writer->buffer + writer->used;
  archive_store_header(record, archive_type_data, (uint32_t)(ARCHIVE_OFFSET_SIZE + size));
  archive_store_u64(record + ARCHIVE_HEADER_SIZE, offset);
  writer->used += data_head + size;
  writer->totals.bytes += size;
  return !writer->is_broken;
}

bool archive_put_file_end(struct archive_writer* writer, uint64_t size) {
  archive_store_u64(begin(writer), size);
  return finish(writer, archive_type_file_end, 8);
}

bool archive_put_left_out(struct archive_writer* writer, const struct archive_failure* why) {
  unsigned char* payload = begin(writer);
  return finish(writer, archive_type_left_out, archive_store_failure(payload, why));
}

bool archive_put_failed(struct archive_writer* writer, const struct archive_failure* why) {
  unsigned char* payload = begin(writer);
  return finish(writer, archive_type_failed, archive_store_failure(payload, why)) &&
         archive_flush(writer);
}

bool archive_put_end(struct archive_writer* writer) {
  unsigned char* payload = begin(writer);
  return finish(writer, archive_type_end, archive_store_totals(payload, &writer->totals)) &&
         archive_flush(writer);
}

bool archive_put_report(struct archive_writer* writer, const struct archive_report* report) {
  unsigned char* payload = begin(writer);
  return finish(writer, archive_type_report, archive_store_report(payload, report)) &&
         archive_flush(writer);
}
