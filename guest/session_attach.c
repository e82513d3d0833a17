#define _GNU_SOURCE
#include "session_attach.h"

#include "session_attach_input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  window_size = journal_header_size + journal_data_max,
  scan_size = 8 * 1024,         ///< of the window while only headers are of interest
  scan_max = 512,               ///< records that a turn looks at
  turn_size = SESSION_DATA_MAX, ///< bytes that a turn drafts, and no more than a frame more
};

static const struct attach_session* session;

/// Shared: it holds what the attach whose turn it is reads.
static unsigned char window_bytes[window_size];
static struct journal_window window = {.bytes = window_bytes, .capacity = window_size};

void attach_set_session(const struct attach_session* of) {
  session = of;
  window.fd = of->journal->fd;
  window.head = &of->journal->head;
  attach_input_set_session(of);
}

static bool is_status_only(const struct attach* attach) {
  return (attach->request.flags & SESSION_FLAG_STATUS_ONLY) != 0;
}

void attach_begin(struct attach* attach, int connection, int token,
                  const struct session_attach* request) {
  *attach = (struct attach){.connection = connection,
                            .token = token,
                            .request = *request,
                            .credit = request->credit,
                            .is_searching = true,
                            .has_more = true};
}

void attach_end(struct attach* attach) {
  close(attach->connection);
  if (attach->token >= 0)
    close(attach->token);
  outbox_release(&attach->outbox);
  attach_input_release(attach);
  attach->connection = attach->token = -1;
}

static void draft_gap(struct attach* attach, uint64_t to) {
  size_t size = 0;
  unsigned char* out = outbox_draft(&size);
  outbox_add(session_put_gap(out, size, attach->delivered, to));
  attach->delivered = to;
}

static void draft_last(struct attach* attach) {
  size_t size = 0;
  unsigned char* out = outbox_draft(&size);
  if (attach->has_end)
    outbox_add(session_put_ended(out, size, &attach->end));
  else
    outbox_add(session_put_u64(out, size, session_reply_quiet, attach->delivered));
  attach->is_complete = true;
}

/// @returns false where there is no credit for any of it
static bool draft_output(struct attach* attach, const struct journal_record* record,
                         const unsigned char* payload) {
  uint64_t skip = attach->delivered - record->offset;
  if (skip < record->size) {
    uint64_t count = record->size - skip;
    if (count > attach->credit)
      count = attach->credit;
    if (count == 0)
      return false;
    size_t size = 0;
    unsigned char* out = outbox_draft(&size);
    uint8_t type = record->type == journal_stdout ? session_reply_stdout : session_reply_stderr;
    outbox_add(
        session_put_output(out, size, type, attach->delivered, payload + skip, (size_t)count));
    attach->delivered += count;
    attach->credit -= count;
    if (skip + count < record->size)
      return true;
  }
  attach->position = journal_next(attach->position, record);
  return true;
}

/// @returns false where there is no credit for it
static bool draft_record(struct attach* attach, const struct journal_record* record,
                         const unsigned char* payload) {
  if (record->offset > attach->delivered)
    draft_gap(attach, record->offset);
  if (record->type == journal_stdout || record->type == journal_stderr)
    return draft_output(attach, record, payload);
  if (record->type == journal_gap && journal_offset_behind(record, payload) > attach->delivered)
    draft_gap(attach, journal_offset_behind(record, payload));
  if (record->type == journal_end && journal_decode_end(record, payload, &attach->end)) {
    attach->end.text = ""; // of a command that ran there is none
    attach->has_end = true;
  }
  attach->position = journal_next(attach->position, record);
  return true;
}

/// The end that the state tells, where the journal does not.
static void take_end_of_state(struct attach* attach) {
  attach->end = session_state_ended(session->state);
  attach->has_end = true;
  if (is_status_only(attach))
    return;
  if (session->state->phase != session_phase_exited)
    attach->end.end = attach->delivered;
  else if (attach->end.end > attach->delivered)
    draft_gap(attach, attach->end.end); // the journal should have had it
}

/// Nothing more is in the journal.
static void settle_present(struct attach* attach) {
  if (!attach->has_end && session->is_over)
    take_end_of_state(attach);
  if (attach->has_end || (attach->request.flags & SESSION_FLAG_NO_FOLLOW) != 0)
    draft_last(attach);
  attach->has_more = false;
}

static void draft_next(struct attach* attach) {
  struct journal_record record;
  const unsigned char* payload = NULL;
  if (is_status_only(attach)) {
    settle_present(attach);
    return;
  }
  switch (journal_read(&window, attach->position, &record, &payload)) {
    case journal_found_record:
      attach->is_starved = !draft_record(attach, &record, payload);
      attach->has_more = !attach->is_starved;
      break;
    case journal_found_dropped:
      attach->position = session->journal->head.position;
      if (session->journal->head.offset > attach->delivered)
        draft_gap(attach, session->journal->head.offset);
      break;
    case journal_found_nothing: settle_present(attach); break;
  }
}

/// Whether output that ends there, and was read at that time, is before what was asked for.
static bool is_before(const struct session_attach* request, uint64_t end_offset, uint64_t time_ms) {
  if ((request->flags & SESSION_FLAG_FROM_TIME) != 0)
    return time_ms < request->from;
  return end_offset <= request->from;
}

static void draft_here(struct attach* attach) {
  const struct journal* journal = session->journal;
  struct session_here here = {.phase = (uint8_t)session->state->phase};
  if (here.phase == session_phase_exited && !session->is_over)
    here.phase = session_phase_running; // it is not on the disk yet
  if (!is_status_only(attach)) {
    here.oldest = journal->head.offset;
    here.end = journal_end_offset(journal);
    here.start = attach->delivered;
  }
  size_t size = 0;
  unsigned char* out = outbox_draft(&size);
  outbox_add(session_put_here(out, size, &here));
  attach->is_searching = false;
}

/// Where the search begins: what is before that is before what was asked for.
static void begin_search(struct attach* attach) {
  const struct journal* journal = session->journal;
  struct session_attach* request = &attach->request;
  uint64_t end = journal_end_offset(journal);
  if ((request->flags & SESSION_FLAG_FROM_LAST) != 0) {
    request->flags &= ~(uint32_t)SESSION_FLAG_FROM_LAST;
    request->from = end > request->from ? end - request->from : 0;
    if (request->from < journal->head.offset) // the last so many of those that are kept
      request->from = journal->head.offset;
  }
  bool is_time = (request->flags & SESSION_FLAG_FROM_TIME) != 0;
  struct journal_head start = journal_seek(journal, request->from, is_time);
  if (!is_time && request->from >= end)
    start = (struct journal_head){.position = journal->position, .offset = end};
  attach->position = start.position;
  attach->delivered = start.offset;
}

/// Walks over the headers of some records. Ends the search where it is done.
static void search(struct attach* attach) {
  const struct session_attach* request = &attach->request;
  if (attach->position < session->journal->head.position) // at first, or overtaken
    begin_search(attach);
  uint64_t at = attach->position;
  window.capacity = scan_size;
  bool is_done = is_status_only(attach);
  for (int i = 0; i < scan_max && !is_done; ++i) {
    struct journal_record record;
    const unsigned char* payload = NULL;
    is_done = journal_peek(&window, at, &record, &payload) != journal_found_record;
    if (is_done)
      break;
    uint64_t behind = journal_offset_behind(&record, payload);
    at = journal_next(at, &record);
    if (record.type == journal_end)
      continue; // a start behind it needs output behind it
    is_done = !is_before(request, behind, record.time_ms);
    if (is_done)
      break;
    attach->position = at;
    attach->delivered = behind;
  }
  window.capacity = window_size;
  window.size = 0;
  if (!is_done)
    return;
  uint64_t end = journal_end_offset(session->journal);
  if ((request->flags & SESSION_FLAG_FROM_TIME) == 0)
    attach->delivered = request->from < end ? request->from : end;
  draft_here(attach);
}

bool attach_turn(struct attach* attach) {
  if (attach->is_searching)
    search(attach);
  if (!attach->is_searching)
    while (attach->has_more && !attach->is_complete && outbox_drafted() < turn_size)
      draft_next(attach);
  if (!outbox_flush(&attach->outbox, attach->connection))
    return false;
  if (!outbox_is_empty(&attach->outbox))
    return true;
  if (!attach->has_more)
    outbox_release(&attach->outbox);
  return !attach->is_complete;
}

bool attach_output(struct attach* attach, uint64_t position, const struct journal_record* record,
                   const unsigned char* bytes) {
  if (is_status_only(attach) || attach->is_complete)
    return true;
  bool waits = !attach->has_more && !attach->is_starved && attach->position == position &&
               outbox_is_empty(&attach->outbox);
  if (waits) {
    attach->is_starved = !draft_record(attach, record, bytes);
    if (!outbox_flush(&attach->outbox, attach->connection))
      return false;
  }
  attach->has_more = !attach->is_starved && attach->position != session->journal->position;
  return true;
}

short attach_events(const struct attach* attach) {
  return (short)((attach_input_must_wait(attach) ? 0 : POLLIN) |
                 (outbox_is_empty(&attach->outbox) ? 0 : POLLOUT));
}

bool attach_work(struct attach* attach, short events) {
  if ((events & POLLOUT) != 0 && !outbox_flush(&attach->outbox, attach->connection))
    return false;
  if (attach->is_complete && outbox_is_empty(&attach->outbox))
    return false;
  if (attach_input_must_wait(attach))
    return (events & (POLLHUP | POLLERR)) == 0;
  return (events & (POLLIN | POLLHUP | POLLERR)) == 0 || attach_read(attach);
}

void attach_refuse(int connection, enum session_step step, int error) {
  unsigned char frame[256];
  struct session_failed failed = {.error = (uint32_t)error,
                                  .step = (uint8_t)step,
                                  .text = error == ENOENT ? "no such session" : strerror(error)};
  size_t size = session_put_failed(frame, sizeof frame, &failed);
  (void)!send(connection, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}
