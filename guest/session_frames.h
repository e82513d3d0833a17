// The frames of guest sessions, between the daemon and banger-agent: {u8 type, u32 length,
// payload}, all integers big-endian. docs/sessions.md specifies them. Encodes and decodes without
// allocating; for C11 and C++.
#ifndef BANGER_GUEST_SESSION_FRAMES_H
#define BANGER_GUEST_SESSION_FRAMES_H

#include "guest/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  SESSION_PROTOCOL_VERSION = 1,
  SESSION_ID_SIZE = 12, ///< lower-case hexadecimal digits
  SESSION_FRAME_HEADER_SIZE = 5,
  SESSION_DATA_MAX = 64 * 1024,              ///< bytes of output or input in one frame
  SESSION_FIRST_FRAME_MAX = 4 * 1024 * 1024, ///< bytes of payload
};

/// First frames, which open a connection.
enum session_request {
  session_request_new = 'N',
  session_request_attach = 'A',
  session_request_list = 'L',
  session_request_delete = 'D',
};

/// From the daemon, behind 'A'.
enum session_command {
  session_command_credit = 'c',
  session_command_input = 'i',
  session_command_input_end = 'd',
  session_command_window = 'w',
  session_command_kill = 'k',
};

/// From the agent.
enum session_reply {
  session_reply_started = 'S',
  session_reply_failed = 'F',
  session_reply_here = 'H',
  session_reply_stdout = 'o',
  session_reply_stderr = 'e',
  session_reply_gap = 'g',
  session_reply_ended = 'z',
  session_reply_quiet = 'q',
  session_reply_taken = 'a',
  session_reply_refused = 'x',
  session_reply_listed = 'l',
  session_reply_deleted = 'd',
};

enum session_flag {
  SESSION_FLAG_PTY = 1,          ///< of 'N'
  SESSION_FLAG_STDIN_CLOSED = 2, ///< of 'N'
  SESSION_FLAG_READ_ONLY = 1,    ///< of 'A', as all below
  SESSION_FLAG_NO_FOLLOW = 2,
  SESSION_FLAG_STATUS_ONLY = 4, ///< no output, only its end
  SESSION_FLAG_FROM_TIME = 8,   ///< `from` is Unix time in ms
  SESSION_FLAG_FROM_LAST = 16,  ///< `from` counts back from the end
};

/// What a start failed at.
enum session_step {
  session_step_none = 0,
  session_step_exists,
  session_step_limit,
  session_step_folder,
  session_step_cwd,
  session_step_require,
  session_step_pty,
  session_step_spawn,
  session_step_exec,
};

enum session_phase {
  session_phase_starting = 0,
  session_phase_running,
  session_phase_exited,
  session_phase_failed,
  session_phase_lost,
};

/// How a session came to its end.
enum session_how {
  session_how_exited = 0,
  session_how_signalled,
  session_how_failed,
  session_how_lost,
};

/// As a word, for the state file and messages; "" where there is none.
const char* session_step_name(enum session_step step);
const char* session_phase_name(enum session_phase phase);

/// 'N'. What it points to is in the payload.
struct session_new {
  const char* id; ///< SESSION_ID_SIZE digits, no NUL
  uint32_t flags;
  uint16_t rows, columns;
  uint64_t journal_cap; ///< bytes; 0: the default
  const char* cwd;      ///< "": root's home
  struct wire_strings arguments, environment, required;
};

/// 'A'.
struct session_attach {
  const char* id;
  uint64_t from; ///< output offset, unless the flags say else; SESSION_FROM_END: only new output
  uint32_t flags;
  uint64_t credit; ///< bytes of output
};

#define SESSION_FROM_END UINT64_MAX

/// 'H'.
struct session_here {
  uint8_t phase;
  uint64_t oldest, end; ///< output offsets
  uint64_t start;       ///< where the output of this attach begins, or the gap before it
};

/// 'F'.
struct session_failed {
  uint32_t error; ///< errno
  uint8_t step;
  const char* text;
};

/// 'z'.
struct session_ended {
  uint8_t how;
  uint32_t code, signal;
  uint64_t end, ended_at_ms;
  const char* text;
};

/// A frame in a buffer.
struct session_frame {
  uint8_t type;
  const unsigned char* payload;
  uint32_t size;
};

/// The largest payload a frame may have. @returns UINT32_MAX where there is no such frame
uint32_t session_request_limit(uint8_t type);
uint32_t session_command_limit(uint8_t type);
uint32_t session_reply_limit(uint8_t type);

enum session_next {
  session_next_bad = -1, ///< too long, or unknown
  session_next_partial = 0,
  session_next_frame = 1,
};

/// The frame at the front of `bytes`.
/// @param limit  one of the three functions above
enum session_next session_next(const unsigned char* bytes, size_t size, uint32_t (*limit)(uint8_t),
                               struct session_frame* out);

/// Encoders: a whole frame into `out`. @returns its size, or 0 where `size` does not hold it.
size_t session_put_new(unsigned char* out, size_t size, const struct session_new* x);
size_t session_put_attach(unsigned char* out, size_t size, const struct session_attach* x);
size_t session_put_list(unsigned char* out, size_t size);
size_t session_put_delete(unsigned char* out, size_t size, const char* id);
size_t session_put_here(unsigned char* out, size_t size, const struct session_here* x);
size_t session_put_failed(unsigned char* out, size_t size, const struct session_failed* x);
size_t session_put_ended(unsigned char* out, size_t size, const struct session_ended* x);
size_t session_put_started(unsigned char* out, size_t size, uint32_t pid, uint64_t started_at_ms);
size_t session_put_listed(unsigned char* out, size_t size, const char* id, const char* text);
/// 'o' and 'e'.
size_t session_put_output(unsigned char* out, size_t size, uint8_t type, uint64_t offset,
                          const void* bytes, size_t count);
size_t session_put_gap(unsigned char* out, size_t size, uint64_t from, uint64_t to);
size_t session_put_window(unsigned char* out, size_t size, uint16_t rows, uint16_t columns);
/// 'c', 'q' and 'a'.
size_t session_put_u64(unsigned char* out, size_t size, uint8_t type, uint64_t value);
/// 'k' and 'x'.
size_t session_put_u32(unsigned char* out, size_t size, uint8_t type, uint32_t value);
/// 'i', and the empty 'd' and 'l'.
size_t session_put_bytes(unsigned char* out, size_t size, uint8_t type, const void* bytes,
                         size_t count);

/// Decoders: of the payload of a frame of the right type. @returns false where it is malformed.
bool session_take_new(const unsigned char* payload, size_t size, struct session_new* out);
bool session_take_attach(const unsigned char* payload, size_t size, struct session_attach* out);
bool session_take_list(const unsigned char* payload, size_t size);
bool session_take_delete(const unsigned char* payload, size_t size, const char** id);
bool session_take_here(const unsigned char* payload, size_t size, struct session_here* out);
bool session_take_failed(const unsigned char* payload, size_t size, struct session_failed* out);
bool session_take_ended(const unsigned char* payload, size_t size, struct session_ended* out);
bool session_take_started(const unsigned char* payload, size_t size, uint32_t* pid,
                          uint64_t* started_at_ms);
/// `id` is NULL for the empty 'l' that ends the list; `text` is not ended by a NUL.
bool session_take_listed(const unsigned char* payload, size_t size, const char** id,
                         const char** text, size_t* text_size);
bool session_take_output(const unsigned char* payload, size_t size, uint64_t* offset,
                         const unsigned char** bytes, size_t* count);
bool session_take_gap(const unsigned char* payload, size_t size, uint64_t* from, uint64_t* to);
bool session_take_window(const unsigned char* payload, size_t size, uint16_t* rows,
                         uint16_t* columns);
bool session_take_u64(const unsigned char* payload, size_t size, uint64_t* value);
bool session_take_u32(const unsigned char* payload, size_t size, uint32_t* value);

/// @returns true where `id` starts with SESSION_ID_SIZE lower-case hexadecimal digits
bool session_id_is_valid(const char* id);

#ifdef __cplusplus
}
#endif

#endif
