#define _GNU_SOURCE
#include "session_attach_input.h"

#include "session_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
  frame_max = SESSION_FRAME_HEADER_SIZE + SESSION_DATA_MAX,
  /// A sender that has SESSION_DATA_MAX bytes under way at most, if need be in frames of one byte,
  /// never fills this: then its other frames are never held up behind input.
  waiting_max = (SESSION_FRAME_HEADER_SIZE + 2) * SESSION_DATA_MAX,
  little_input = 4 * 1024, ///< bytes; more of it is acknowledged at once
};

static const struct attach_session* session;

void attach_input_set_session(const struct attach_session* of) {
  session = of;
}

bool attach_input_must_wait(const struct attach* attach) {
  return waiting_max - attach->waiting.size < frame_max;
}

/// Makes it exactly these bytes, which may be its own. @returns false where memory is short
static bool assign(struct attach_bytes* to, const unsigned char* bytes, size_t size) {
  if (size == 0) {
    free(to->bytes);
    *to = (struct attach_bytes){.bytes = NULL};
    return true;
  }
  if (to->size < size) {
    unsigned char* grown = malloc(size);
    if (grown == NULL)
      return false;
    memcpy(grown, bytes, size);
    free(to->bytes);
    to->bytes = grown;
  } else {
    memmove(to->bytes, bytes, size);
  }
  to->size = size;
  return true;
}

void attach_input_release(struct attach* attach) {
  assign(&attach->partial, NULL, 0);
  assign(&attach->waiting, NULL, 0);
}

/// @returns false where memory is short
static bool wait_for_room(struct attach* attach, const unsigned char* bytes, size_t size) {
  struct attach_bytes* waiting = &attach->waiting;
  unsigned char* grown = realloc(waiting->bytes, waiting->size + size);
  if (grown == NULL)
    return false;
  memcpy(grown + waiting->size, bytes, size);
  waiting->bytes = grown;
  waiting->size += size;
  return true;
}

/// Input, or its end, that there is room for, or that nobody takes any more.
static void queue_input(struct attach* attach, const struct session_frame* frame) {
  if (frame->type == session_command_input_end) {
    session_input_end();
  } else if (!session_input_is_open()) {
    attach->owes_refused = true;
  } else {
    session_input_add(frame->payload, frame->size);
    session_input_pump();
    attach->taken += frame->size;
    attach->owes_taken = true;
  }
}

static bool can_queue(void) {
  return session_input_has_room() || !session_input_is_open();
}

static void draft_answers(struct attach* attach) {
  size_t size = 0;
  // The total says it all: a frame that is sent late stands for those before it.
  if (attach->owes_taken) {
    unsigned char* out = outbox_draft(&size);
    outbox_add(session_put_u64(out, size, session_reply_taken, attach->taken));
  }
  if (attach->owes_refused) {
    unsigned char* out = outbox_draft(&size);
    outbox_add(session_put_u32(out, size, session_reply_refused, EPIPE));
  }
  attach->told = attach->taken;
  attach->owes_taken = attach->owes_refused = attach->has_waited = false;
}

/// @returns false where nothing is owed, or not now
static bool is_answer_due(struct attach* attach) {
  // Where the connection takes nothing, late: what is kept for it must not grow.
  if ((!attach->owes_taken && !attach->owes_refused) || attach->is_complete ||
      !outbox_is_empty(&attach->outbox))
    return false;
  bool can_wait = !attach->owes_refused && attach->taken - attach->told < little_input;
  if (!can_wait || attach->has_waited)
    return true;
  attach->has_waited = true;
  return false;
}

bool attach_settle_input(struct attach* attach) {
  struct attach_bytes* waiting = &attach->waiting;
  bool had_to_wait = attach_input_must_wait(attach);
  struct session_frame frame;
  size_t at = 0;
  while (can_queue() && session_next(waiting->bytes + at, waiting->size - at, session_command_limit,
                                     &frame) == session_next_frame) {
    queue_input(attach, &frame);
    at += SESSION_FRAME_HEADER_SIZE + frame.size;
  }
  if (at > 0)
    assign(waiting, waiting->bytes + at, waiting->size - at);
  if (had_to_wait && !attach_input_must_wait(attach) && !attach_read(attach))
    return false; // what was read before is to be taken, too
  if (!is_answer_due(attach))
    return true;
  draft_answers(attach);
  return outbox_flush(&attach->outbox, attach->connection);
}

static bool add_credit(struct attach* attach, const struct session_frame* frame) {
  uint64_t more = 0;
  if (!session_take_u64(frame->payload, frame->size, &more))
    return false;
  attach->credit = UINT64_MAX - attach->credit < more ? UINT64_MAX : attach->credit + more;
  if (attach->is_starved && attach->credit > 0) {
    attach->is_starved = false;
    attach->has_more = true;
  }
  return true;
}

/// @returns false where the frame is none that may be here
static bool take_order(const struct session_frame* frame) {
  uint16_t rows = 0, columns = 0;
  uint32_t number = 0;
  if (frame->type == session_command_window) {
    if (!session_take_window(frame->payload, frame->size, &rows, &columns))
      return false;
    if (session->set_window != NULL)
      session->set_window(rows, columns);
    return true;
  }
  if (!session_take_u32(frame->payload, frame->size, &number) || number < 1 || number > 64)
    return false;
  if (session->send_signal != NULL)
    session->send_signal((int)number);
  return true;
}

/// @returns false where the frame is none that may be here, or memory is short
static bool take_frame(struct attach* attach, const unsigned char* bytes,
                       const struct session_frame* frame) {
  if (frame->type == session_command_credit)
    return add_credit(attach, frame);
  if ((attach->request.flags & SESSION_FLAG_READ_ONLY) != 0)
    return false;
  if (frame->type != session_command_input && frame->type != session_command_input_end)
    return take_order(frame);
  if (attach->waiting.size > 0 || !can_queue())
    return wait_for_room(attach, bytes, SESSION_FRAME_HEADER_SIZE + frame->size);
  queue_input(attach, frame);
  return true;
}

/// Shared: it holds what the attach whose turn it is has said.
static unsigned char incoming[frame_max];

/// @returns false where there is rubbish, or memory is short
static bool take_frames(struct attach* attach, size_t size) {
  size_t at = 0;
  struct session_frame frame;
  enum session_next next = session_next_partial;
  while (!attach_input_must_wait(attach) &&
         (next = session_next(incoming + at, size - at, session_command_limit, &frame)) ==
             session_next_frame) {
    if (!take_frame(attach, incoming + at, &frame))
      return false;
    at += SESSION_FRAME_HEADER_SIZE + frame.size;
  }
  return next != session_next_bad && assign(&attach->partial, incoming + at, size - at);
}

bool attach_read(struct attach* attach) {
  size_t size = attach->partial.size;
  if (size > 0)
    memcpy(incoming, attach->partial.bytes, size);
  ssize_t n = 1;
  if (size < sizeof incoming)
    n = recv(attach->connection, incoming + size, sizeof incoming - size, MSG_DONTWAIT);
  if (n > 0 && size < sizeof incoming)
    size += (size_t)n;
  bool goes_on = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
  return take_frames(attach, size) && goes_on;
}
