#include "guest/session_frames.h"

#include <string.h>

enum { offset_size = 8, text_max = 1024, state_max = 4096, no_such_frame = -1 };

const char* session_step_name(enum session_step step) {
  static const char* const names[] = {"",        "exists", "limit", "folder", "cwd",
                                      "require", "pty",    "spawn", "exec"};
  return (size_t)step < sizeof names / sizeof *names ? names[step] : "";
}

const char* session_phase_name(enum session_phase phase) {
  static const char* const names[] = {"starting", "running", "exited", "failed", "lost"};
  return (size_t)phase < sizeof names / sizeof *names ? names[phase] : "";
}

bool session_id_is_valid(const char* id) {
  for (int i = 0; i < SESSION_ID_SIZE; ++i)
    if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f')))
      return false;
  return true;
}

uint32_t session_request_limit(uint8_t type) {
  switch (type) {
    case session_request_new: return SESSION_FIRST_FRAME_MAX;
    case session_request_attach: return 2 + SESSION_ID_SIZE + 8 + 4 + 8;
    case session_request_list: return 2;
    case session_request_delete: return 2 + SESSION_ID_SIZE;
    default: return (uint32_t)no_such_frame;
  }
}

uint32_t session_command_limit(uint8_t type) {
  switch (type) {
    case session_command_credit: return 8;
    case session_command_input: return SESSION_DATA_MAX;
    case session_command_input_end: return 0;
    case session_command_window:
    case session_command_kill: return 4;
    default: return (uint32_t)no_such_frame;
  }
}

uint32_t session_reply_limit(uint8_t type) {
  switch (type) {
    case session_reply_stdout:
    case session_reply_stderr: return offset_size + SESSION_DATA_MAX;
    case session_reply_started: return 4 + 8;
    case session_reply_failed: return 4 + 1 + text_max;
    case session_reply_here: return 2 + 1 + 8 + 8 + 8;
    case session_reply_gap: return 8 + 8;
    case session_reply_ended: return 1 + 4 + 4 + 8 + 8 + text_max;
    case session_reply_quiet:
    case session_reply_taken: return 8;
    case session_reply_refused: return 4;
    case session_reply_listed: return SESSION_ID_SIZE + state_max;
    case session_reply_deleted: return 0;
    default: return (uint32_t)no_such_frame;
  }
}

enum session_next session_next(const unsigned char* bytes, size_t size, uint32_t (*limit)(uint8_t),
                               struct session_frame* out) {
  if (size == 0)
    return session_next_partial;
  uint32_t most = limit(bytes[0]);
  if (most == (uint32_t)no_such_frame)
    return session_next_bad;
  if (size < SESSION_FRAME_HEADER_SIZE)
    return session_next_partial;
  out->type = bytes[0];
  out->size = wire_load_u32(bytes + 1);
  out->payload = bytes + SESSION_FRAME_HEADER_SIZE;
  if (out->size > most)
    return session_next_bad;
  return size - SESSION_FRAME_HEADER_SIZE < out->size ? session_next_partial : session_next_frame;
}

/// Leaves room for the length, which finish() fills in.
static struct wire_writer begin(unsigned char* out, size_t size, uint8_t type) {
  struct wire_writer writer = {.at = out, .left = size};
  wire_put_u8(&writer, type);
  wire_put_u32(&writer, 0);
  return writer;
}

static size_t finish(unsigned char* out, const struct wire_writer* writer) {
  if (writer->is_full)
    return 0;
  size_t size = (size_t)(writer->at - out);
  wire_store_u32(out + 1, (uint32_t)(size - SESSION_FRAME_HEADER_SIZE));
  return size;
}

static struct wire_writer begin_request(unsigned char* out, size_t size, uint8_t type) {
  struct wire_writer writer = begin(out, size, type);
  wire_put_u16(&writer, SESSION_PROTOCOL_VERSION);
  return writer;
}

size_t session_put_new(unsigned char* out, size_t size, const struct session_new* x) {
  struct wire_writer writer = begin_request(out, size, session_request_new);
  wire_put_bytes(&writer, x->id, SESSION_ID_SIZE);
  wire_put_u32(&writer, x->flags);
  wire_put_u16(&writer, x->rows);
  wire_put_u16(&writer, x->columns);
  wire_put_u64(&writer, x->journal_cap);
  wire_put_string(&writer, x->cwd);
  wire_put_strings(&writer, x->arguments);
  wire_put_strings(&writer, x->environment);
  wire_put_strings(&writer, x->required);
  return finish(out, &writer);
}

size_t session_put_attach(unsigned char* out, size_t size, const struct session_attach* x) {
  struct wire_writer writer = begin_request(out, size, session_request_attach);
  wire_put_bytes(&writer, x->id, SESSION_ID_SIZE);
  wire_put_u64(&writer, x->from);
  wire_put_u32(&writer, x->flags);
  wire_put_u64(&writer, x->credit);
  return finish(out, &writer);
}

size_t session_put_list(unsigned char* out, size_t size) {
  struct wire_writer writer = begin_request(out, size, session_request_list);
  return finish(out, &writer);
}

size_t session_put_delete(unsigned char* out, size_t size, const char* id) {
  struct wire_writer writer = begin_request(out, size, session_request_delete);
  wire_put_bytes(&writer, id, SESSION_ID_SIZE);
  return finish(out, &writer);
}

size_t session_put_here(unsigned char* out, size_t size, const struct session_here* x) {
  struct wire_writer writer = begin_request(out, size, session_reply_here);
  wire_put_u8(&writer, x->phase);
  wire_put_u64(&writer, x->oldest);
  wire_put_u64(&writer, x->end);
  wire_put_u64(&writer, x->start);
  return finish(out, &writer);
}

size_t session_put_failed(unsigned char* out, size_t size, const struct session_failed* x) {
  struct wire_writer writer = begin(out, size, session_reply_failed);
  wire_put_u32(&writer, x->error);
  wire_put_u8(&writer, x->step);
  wire_put_string(&writer, x->text);
  return finish(out, &writer);
}

size_t session_put_ended(unsigned char* out, size_t size, const struct session_ended* x) {
  struct wire_writer writer = begin(out, size, session_reply_ended);
  wire_put_u8(&writer, x->how);
  wire_put_u32(&writer, x->code);
  wire_put_u32(&writer, x->signal);
  wire_put_u64(&writer, x->end);
  wire_put_u64(&writer, x->ended_at_ms);
  wire_put_string(&writer, x->text);
  return finish(out, &writer);
}

size_t session_put_started(unsigned char* out, size_t size, uint32_t pid, uint64_t started_at_ms) {
  struct wire_writer writer = begin(out, size, session_reply_started);
  wire_put_u32(&writer, pid);
  wire_put_u64(&writer, started_at_ms);
  return finish(out, &writer);
}

size_t session_put_listed(unsigned char* out, size_t size, const char* id, const char* text) {
  struct wire_writer writer = begin(out, size, session_reply_listed);
  wire_put_bytes(&writer, id, SESSION_ID_SIZE);
  wire_put_bytes(&writer, text, strlen(text));
  return finish(out, &writer);
}

size_t session_put_output(unsigned char* out, size_t size, uint8_t type, uint64_t offset,
                          const void* bytes, size_t count) {
  struct wire_writer writer = begin(out, size, type);
  wire_put_u64(&writer, offset);
  wire_put_bytes(&writer, bytes, count);
  return finish(out, &writer);
}

size_t session_put_gap(unsigned char* out, size_t size, uint64_t from, uint64_t to) {
  struct wire_writer writer = begin(out, size, session_reply_gap);
  wire_put_u64(&writer, from);
  wire_put_u64(&writer, to);
  return finish(out, &writer);
}

size_t session_put_window(unsigned char* out, size_t size, uint16_t rows, uint16_t columns) {
  struct wire_writer writer = begin(out, size, session_command_window);
  wire_put_u16(&writer, rows);
  wire_put_u16(&writer, columns);
  return finish(out, &writer);
}

size_t session_put_u64(unsigned char* out, size_t size, uint8_t type, uint64_t value) {
  struct wire_writer writer = begin(out, size, type);
  wire_put_u64(&writer, value);
  return finish(out, &writer);
}

size_t session_put_u32(unsigned char* out, size_t size, uint8_t type, uint32_t value) {
  struct wire_writer writer = begin(out, size, type);
  wire_put_u32(&writer, value);
  return finish(out, &writer);
}

size_t session_put_bytes(unsigned char* out, size_t size, uint8_t type, const void* bytes,
                         size_t count) {
  struct wire_writer writer = begin(out, size, type);
  wire_put_bytes(&writer, bytes, count);
  return finish(out, &writer);
}

static struct wire_reader take(const unsigned char* payload, size_t size) {
  struct wire_reader reader = {.at = payload, .left = size};
  return reader;
}

/// Past the version; another one than ours is an error.
static struct wire_reader take_versioned(const unsigned char* payload, size_t size) {
  struct wire_reader reader = take(payload, size);
  if (wire_take_u16(&reader) != SESSION_PROTOCOL_VERSION)
    reader.is_bad = true;
  return reader;
}

static const char* take_id(struct wire_reader* reader) {
  const char* id = (const char*)wire_take_bytes(reader, SESSION_ID_SIZE);
  if (id == NULL || !session_id_is_valid(id))
    reader->is_bad = true;
  return id;
}

bool session_take_new(const unsigned char* payload, size_t size, struct session_new* out) {
  struct wire_reader reader = take_versioned(payload, size);
  out->id = take_id(&reader);
  out->flags = wire_take_u32(&reader);
  out->rows = wire_take_u16(&reader);
  out->columns = wire_take_u16(&reader);
  out->journal_cap = wire_take_u64(&reader);
  out->cwd = wire_take_string(&reader);
  out->arguments = wire_take_strings(&reader);
  out->environment = wire_take_strings(&reader);
  out->required = wire_take_strings(&reader);
  return wire_is_done(&reader) && out->arguments.count > 0 &&
         (out->flags & ~(uint32_t)(SESSION_FLAG_PTY | SESSION_FLAG_STDIN_CLOSED)) == 0;
}

bool session_take_attach(const unsigned char* payload, size_t size, struct session_attach* out) {
  struct wire_reader reader = take_versioned(payload, size);
  out->id = take_id(&reader);
  out->from = wire_take_u64(&reader);
  out->flags = wire_take_u32(&reader);
  out->credit = wire_take_u64(&reader);
  const uint32_t both = SESSION_FLAG_FROM_TIME | SESSION_FLAG_FROM_LAST;
  return wire_is_done(&reader) && out->flags < 2 * SESSION_FLAG_FROM_LAST &&
         (out->flags & both) != both;
}

bool session_take_list(const unsigned char* payload, size_t size) {
  struct wire_reader reader = take_versioned(payload, size);
  return wire_is_done(&reader);
}

bool session_take_delete(const unsigned char* payload, size_t size, const char** id) {
  struct wire_reader reader = take_versioned(payload, size);
  *id = take_id(&reader);
  return wire_is_done(&reader);
}

bool session_take_here(const unsigned char* payload, size_t size, struct session_here* out) {
  struct wire_reader reader = take_versioned(payload, size);
  out->phase = wire_take_u8(&reader);
  out->oldest = wire_take_u64(&reader);
  out->end = wire_take_u64(&reader);
  out->start = wire_take_u64(&reader);
  return wire_is_done(&reader);
}

bool session_take_failed(const unsigned char* payload, size_t size, struct session_failed* out) {
  struct wire_reader reader = take(payload, size);
  out->error = wire_take_u32(&reader);
  out->step = wire_take_u8(&reader);
  out->text = wire_take_string(&reader);
  return wire_is_done(&reader);
}

bool session_take_ended(const unsigned char* payload, size_t size, struct session_ended* out) {
  struct wire_reader reader = take(payload, size);
  out->how = wire_take_u8(&reader);
  out->code = wire_take_u32(&reader);
  out->signal = wire_take_u32(&reader);
  out->end = wire_take_u64(&reader);
  out->ended_at_ms = wire_take_u64(&reader);
  out->text = wire_take_string(&reader);
  return wire_is_done(&reader);
}

bool session_take_started(const unsigned char* payload, size_t size, uint32_t* pid,
                          uint64_t* started_at_ms) {
  struct wire_reader reader = take(payload, size);
  *pid = wire_take_u32(&reader);
  *started_at_ms = wire_take_u64(&reader);
  return wire_is_done(&reader);
}

bool session_take_listed(const unsigned char* payload, size_t size, const char** id,
                         const char** text, size_t* text_size) {
  struct wire_reader reader = take(payload, size);
  *id = size > 0 ? take_id(&reader) : NULL;
  *text = (const char*)reader.at;
  *text_size = reader.left;
  return !reader.is_bad;
}

bool session_take_output(const unsigned char* payload, size_t size, uint64_t* offset,
                         const unsigned char** bytes, size_t* count) {
  struct wire_reader reader = take(payload, size);
  *offset = wire_take_u64(&reader);
  *bytes = reader.at;
  *count = reader.left;
  return !reader.is_bad;
}

bool session_take_gap(const unsigned char* payload, size_t size, uint64_t* from, uint64_t* to) {
  struct wire_reader reader = take(payload, size);
  *from = wire_take_u64(&reader);
  *to = wire_take_u64(&reader);
  return wire_is_done(&reader);
}

bool session_take_window(const unsigned char* payload, size_t size, uint16_t* rows,
                         uint16_t* columns) {
  struct wire_reader reader = take(payload, size);
  *rows = wire_take_u16(&reader);
  *columns = wire_take_u16(&reader);
  return wire_is_done(&reader);
}

bool session_take_u64(const unsigned char* payload, size_t size, uint64_t* value) {
  struct wire_reader reader = take(payload, size);
  *value = wire_take_u64(&reader);
  return wire_is_done(&reader);
}

bool session_take_u32(const unsigned char* payload, size_t size, uint32_t* value) {
  struct wire_reader reader = take(payload, size);
  *value = wire_take_u32(&reader);
  return wire_is_done(&reader);
}
