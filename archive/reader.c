#include "archive/reader.h"

#include <string.h>

void archive_reader_init(struct archive_reader* reader, const struct archive_handler* handler) {
  memset(reader, 0, sizeof *reader);
  reader->handler = handler;
}

/// Calls a function of the handler, if it has it.
#define CALL(reader, name, ...)                                                                    \
  ((reader)->handler->name == NULL ||                                                              \
   (reader)->handler->name((reader)->handler->context, ##__VA_ARGS__))

static enum archive_state go_on(bool is_wanted) {
  return is_wanted ? archive_state_reading : archive_state_stopped;
}

static uint32_t limit_of(uint8_t type) {
  return type == archive_type_data ? ARCHIVE_OFFSET_SIZE + ARCHIVE_DATA_MAX : ARCHIVE_PAYLOAD_MAX;
}

static enum archive_state take_begin(struct archive_reader* reader) {
  uint32_t version = 0;
  if (!archive_load_begin(reader->payload, reader->size, &version, &reader->planned))
    return archive_state_bad;
  if (version != ARCHIVE_VERSION)
    return archive_state_version;
  reader->has_begun = true;
  return go_on(CALL(reader, begin, &reader->planned));
}

static enum archive_state take_directory(struct archive_reader* reader,
                                         const struct archive_entry* entry) {
  if (reader->depth == ARCHIVE_DEPTH_MAX)
    return archive_state_bad;
  ++reader->depth;
  ++reader->totals.directories;
  return go_on(CALL(reader, directory, entry));
}

static enum archive_state take_entry(struct archive_reader* reader) {
  struct archive_entry entry;
  if (reader->in_file || !archive_load_entry(reader->payload, reader->size, reader->type, &entry))
    return archive_state_bad;
  switch (reader->type) {
    case archive_type_directory: return take_directory(reader, &entry);
    case archive_type_file:
      reader->in_file = true;
      reader->offset = 0;
      ++reader->totals.files;
      return go_on(CALL(reader, file, &entry));
    case archive_type_link: ++reader->totals.links; return go_on(CALL(reader, link, &entry));
    default: ++reader->totals.deletes; return go_on(CALL(reader, remove, &entry));
  }
}

static enum archive_state take_up(struct archive_reader* reader) {
  if (reader->in_file || reader->depth == 0 || reader->size != 0)
    return archive_state_bad;
  --reader->depth;
  return go_on(CALL(reader, up));
}

static enum archive_state take_file_end(struct archive_reader* reader) {
  if (!reader->in_file || reader->size != 8)
    return archive_state_bad;
  uint64_t size = archive_load_u64(reader->payload);
  if (size < reader->offset || size > INT64_MAX)
    return archive_state_bad;
  reader->in_file = false;
  return go_on(CALL(reader, file_end, size));
}

static enum archive_state take_left_out(struct archive_reader* reader) {
  struct archive_failure why;
  if (reader->in_file || !archive_load_failure(reader->payload, reader->size, &why))
    return archive_state_bad;
  ++reader->left_out;
  return go_on(CALL(reader, left_out, &why));
}

static enum archive_state take_end(struct archive_reader* reader) {
  struct archive_totals told;
  bool is_right = !reader->in_file && reader->depth == 0 &&
                  archive_load_totals(reader->payload, reader->size, &told) &&
                  memcmp(&told, &reader->totals, sizeof told) == 0;
  return is_right ? archive_state_ended : archive_state_bad;
}

/// A whole record of any type but data.
static enum archive_state take_record(struct archive_reader* reader) {
  if (!reader->has_begun)
    return reader->type == archive_type_begin ? take_begin(reader) : archive_state_bad;
  switch (reader->type) {
    case archive_type_directory:
    case archive_type_file:
    case archive_type_link:
    case archive_type_delete: return take_entry(reader);
    case archive_type_up: return take_up(reader);
    case archive_type_file_end: return take_file_end(reader);
    case archive_type_left_out: return take_left_out(reader);
    case archive_type_failed:
      return archive_load_failure(reader->payload, reader->size, &reader->failure)
                 ? archive_state_failed
                 : archive_state_bad;
    case archive_type_end: return take_end(reader);
    default: return archive_state_bad;
  }
}

/// The offset of a data record is there; its bytes go to the handler as they come.
static bool begin_data(struct archive_reader* reader) {
  uint64_t offset = archive_load_u64(reader->payload);
  uint64_t count = reader->size - ARCHIVE_OFFSET_SIZE;
  if (!reader->in_file || count == 0 || offset < reader->offset || offset > INT64_MAX - count)
    return false;
  reader->offset = offset;
  return true;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

static size_t gather(unsigned char* into, uint32_t* have, size_t wanted, const unsigned char* bytes,
                     size_t size) {
  size_t part = smaller(wanted - *have, size);
  memcpy(into + *have, bytes, part);
  *have += (uint32_t)part;
  return part;
}

static size_t take_header(struct archive_reader* reader, const unsigned char* bytes, size_t size) {
  size_t used = gather(reader->payload, &reader->have, ARCHIVE_HEADER_SIZE, bytes, size);
  if (reader->have < ARCHIVE_HEADER_SIZE)
    return used;
  reader->type = reader->payload[0];
  reader->size = archive_load_u32(reader->payload + 1);
  reader->have = 0;
  reader->has_header = true;
  bool is_short = reader->type == archive_type_data && reader->size < ARCHIVE_OFFSET_SIZE;
  if (reader->size > limit_of(reader->type) || is_short)
    reader->state = archive_state_bad;
  return used;
}

static void next_record(struct archive_reader* reader) {
  reader->has_header = false;
  reader->have = 0;
}

static size_t take_data(struct archive_reader* reader, const unsigned char* bytes, size_t size) {
  if (reader->have < ARCHIVE_OFFSET_SIZE) {
    size_t used = gather(reader->payload, &reader->have, ARCHIVE_OFFSET_SIZE, bytes, size);
    if (reader->have == ARCHIVE_OFFSET_SIZE && !begin_data(reader))
      reader->state = archive_state_bad;
    return used;
  }
  size_t part = smaller(reader->size - reader->have, size);
  if (!CALL(reader, data, reader->offset, bytes, part))
    reader->state = archive_state_stopped;
  reader->have += (uint32_t)part;
  reader->offset += part;
  reader->totals.bytes += part;
  if (reader->have == reader->size)
    next_record(reader);
  return part;
}

static size_t take_other(struct archive_reader* reader, const unsigned char* bytes, size_t size) {
  size_t used = gather(reader->payload, &reader->have, reader->size, bytes, size);
  if (reader->have == reader->size) {
    reader->state = take_record(reader);
    next_record(reader);
  }
  return used;
}

enum archive_state archive_read(struct archive_reader* reader, const void* bytes, size_t size) {
  const unsigned char* at = bytes;
  const unsigned char* end = at + size;
  if (reader->state == archive_state_ended && size > 0)
    reader->state = archive_state_bad;
  // A record without payload is whole with its header.
  while (reader->state == archive_state_reading &&
         (at < end || (reader->has_header && reader->size == 0))) {
    size_t left = (size_t)(end - at);
    if (!reader->has_header)
      at += take_header(reader, at, left);
    else if (reader->type == archive_type_data)
      at += take_data(reader, at, left);
    else
      at += take_other(reader, at, left);
  }
  if (reader->state == archive_state_ended && at < end)
    reader->state = archive_state_bad;
  return reader->state;
}

bool archive_read_report(const void* bytes, size_t size, struct archive_report* out) {
  const unsigned char* at = bytes;
  return size >= ARCHIVE_HEADER_SIZE && at[0] == archive_type_report &&
         archive_load_u32(at + 1) == size - ARCHIVE_HEADER_SIZE &&
         archive_load_report(at + ARCHIVE_HEADER_SIZE, size - ARCHIVE_HEADER_SIZE, out);
}
