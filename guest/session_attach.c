#define _GNU_SOURCE
#include "session_attach.h"

#include "session_folder.h"
#include "session_journal.h"
#include "session_outbox.h"
#include "session_state.h"
#include "session_upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  window_size = 3 * journal_data_max,
  scan_size = 8 * 1024,    ///< of the window while only headers are of interest
  unwatched_poll_ms = 100, ///< where the kernel grants no inotify instance
};

static int connection, folder, watch = -1;
static int host = -1; ///< pidfd of the session's host, while it lives
static char id[SESSION_ID_SIZE + 1];
static uint64_t credit;
static bool follows, is_status_only;

static unsigned char window_bytes[window_size];
static struct journal_window window = {.bytes = window_bytes, .capacity = window_size};
static uint64_t position, delivered; ///< of the record that is next; output offset that is next

static struct session_state state;
static bool is_state_old = true; ///< it may have changed since it was read
static struct session_ended end;
static bool has_end;
static bool is_complete;   ///< the last frame is in the outbox
static bool is_at_present; ///< no more is there to be read
static bool was_full;      ///< more would have been read, but for the outbox

static void send_gap(uint64_t to) {
  size_t size = 0;
  unsigned char* out = outbox_end(&size);
  outbox_add(session_put_gap(out, size, delivered, to));
  delivered = to;
}

static void send_last(void) {
  size_t size = 0;
  unsigned char* out = outbox_end(&size);
  if (has_end)
    outbox_add(session_put_ended(out, size, &end));
  else
    outbox_add(session_put_u64(out, size, session_reply_quiet, delivered));
  is_complete = true;
}

/// @returns false where there is no credit for any of it
static bool send_output(const struct journal_record* record, const unsigned char* payload) {
  uint64_t skip = delivered - record->offset;
  if (skip < record->size) {
    uint64_t count = record->size - skip;
    if (count > credit)
      count = credit;
    if (count == 0)
      return false;
    size_t size = 0;
    unsigned char* out = outbox_end(&size);
    uint8_t type = record->type == journal_stdout ? session_reply_stdout : session_reply_stderr;
    outbox_add(session_put_output(out, size, type, delivered, payload + skip, (size_t)count));
    delivered += count;
    credit -= count;
    if (skip + count < record->size)
      return true;
  }
  position = journal_next(position, record);
  return true;
}

/// @returns false where there is no credit for it
static bool send_record(const struct journal_record* record, const unsigned char* payload) {
  if (record->offset > delivered)
    send_gap(record->offset);
  if (record->type == journal_stdout || record->type == journal_stderr)
    return send_output(record, payload);
  static char text[256];
  if (record->type == journal_gap && journal_offset_behind(record, payload) > delivered)
    send_gap(journal_offset_behind(record, payload));
  if (record->type == journal_end && journal_decode_end(record, payload, &end)) {
    snprintf(text, sizeof text, "%s", end.text); // the window moves on
    end.text = text;
    has_end = true;
  }
  position = journal_next(position, record);
  return true;
}

static bool is_over(void) {
  return state.phase >= session_phase_exited;
}

static void refresh_state(void) {
  if (!is_state_old)
    return;
  is_state_old = false;
  session_state_load(folder, &state);
}

/// The end that the state file tells, where the journal does not.
static void take_end_of_state(void) {
  end = session_state_ended(&state);
  if (state.phase == session_phase_exited && end.end > delivered)
    send_gap(end.end); // the journal should have had it
  if (state.phase != session_phase_exited)
    end.end = delivered;
  has_end = true;
}

/// Nothing more is in the journal. @returns true where it has to be looked at again
static bool settle_present(void) {
  bool was_over = is_over();
  if (!has_end && !was_over) {
    refresh_state();
    if (is_over())
      return true; // it may have grown before it was over
  }
  if (!has_end && was_over)
    take_end_of_state();
  if (has_end || !follows)
    send_last();
  return false;
}

/// The end alone: the journal is not looked at.
static void produce_status(void) {
  is_at_present = true;
  refresh_state();
  if (is_over() || !follows) {
    if (is_over()) {
      end = session_state_ended(&state);
      has_end = true;
    }
    send_last();
  }
}

static void produce(void) {
  if (is_status_only) {
    if (!is_complete)
      produce_status();
    return;
  }
  is_at_present = false;
  was_full = true;
  while (!is_complete) {
    if (!outbox_has_room())
      return;
    struct journal_record record;
    struct journal_head head;
    const unsigned char* payload = NULL;
    switch (journal_read(&window, position, &record, &payload)) {
      case journal_found_record:
        if (!send_record(&record, payload)) {
          was_full = false;
          return;
        }
        break;
      case journal_found_dropped:
        if (journal_read_head(window.fd, &head)) {
          position = head.position;
          if (head.offset > delivered)
            send_gap(head.offset);
        }
        break;
      case journal_found_nothing:
        if (settle_present())
          break;
        is_at_present = true;
        was_full = false;
        return;
    }
  }
  was_full = false;
}

/// Whether output that ends there, and was read at that time, is before what was asked for.
static bool is_before(const struct session_attach* request, uint64_t end_offset, uint64_t time_ms) {
  if ((request->flags & SESSION_FLAG_FROM_TIME) != 0)
    return time_ms < request->from;
  return end_offset <= request->from;
}

/// Walks over the headers. @returns false where it was overtaken by the writer's dropping
static bool scan(const struct session_attach* request, struct session_here* here) {
  struct journal_head head = {0};
  struct stat info = {0};
  if (window.fd >= 0)
    fstat(window.fd, &info);
  if (!journal_read_head(window.fd, &head))
    return true; // the host was killed before it was made
  uint64_t at = head.position;
  here->oldest = here->end = here->start = head.offset;
  position = at;
  for (;;) {
    struct journal_record record;
    const unsigned char* payload = NULL;
    enum journal_found found = journal_peek(&window, at, &record, &payload);
    if (found == journal_found_dropped)
      return false;
    uint64_t next = journal_next(at, &record);
    if (found == journal_found_nothing || next > (uint64_t)info.st_size)
      return true;
    here->end = journal_offset_behind(&record, payload);
    if (is_before(request, here->end, record.time_ms) && record.type != journal_end) {
      position = next;
      here->start = here->end;
    }
    at = next;
  }
}

static void find_start(struct session_attach request) {
  struct session_here here = {.phase = (uint8_t)state.phase};
  window.capacity = scan_size;
  while (!scan(&request, &here))
    ;
  if ((request.flags & SESSION_FLAG_FROM_LAST) != 0) {
    request.flags &= ~(uint32_t)SESSION_FLAG_FROM_LAST;
    request.from = here.end > request.from ? here.end - request.from : 0;
    if (request.from < here.oldest) // the last so many of those that are kept
      request.from = here.oldest;
    while (!scan(&request, &here))
      ;
  }
  window.capacity = window_size;
  window.size = 0;
  if ((request.flags & SESSION_FLAG_FROM_TIME) == 0)
    here.start = request.from < here.end ? request.from : here.end;
  delivered = here.start;
  size_t size = 0;
  unsigned char* out = outbox_end(&size);
  outbox_add(session_put_here(out, size, &here));
}

static void open_host(void) {
  host = (int)syscall(SYS_pidfd_open, state.host_pid, 0U);
  // The number may have been another process's by the time it was opened.
  if (host >= 0 && !session_host_is_alive(&state)) {
    close(host);
    host = -1;
  }
  is_state_old = true;
}

/// Has the kernel tell of what happens to the folder, or to a file in it. Without that, the clock
/// has to do.
static void watch_path(const char* file, uint32_t events) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d/%s", folder, file);
  if (watch < 0 || inotify_add_watch(watch, path, events) >= 0)
    return;
  close(watch);
  watch = -1;
}

static void read_watch(void) {
  unsigned char events[4096];
  while (read(watch, events, sizeof events) > 0)
    ;
  is_state_old = true;
}

/// @returns false where the connection is over
static bool wait_and_work(void) {
  struct pollfd fds[2 + upstream_poll_max];
  bool looks = is_at_present && !is_complete;
  fds[0] = (struct pollfd){.fd = looks ? watch : -1, .events = POLLIN};
  fds[1] = (struct pollfd){.fd = looks ? host : -1, .events = POLLIN};
  int count = upstream_poll(fds + 2);
  if (!outbox_is_empty())
    fds[2].events |= POLLOUT;
  bool is_blind = looks && (watch < 0 || host < 0) && !is_over();
  int timeout = was_full && outbox_has_room() ? 0 : is_blind ? unwatched_poll_ms : -1;
  if (poll(fds, (nfds_t)(2 + count), timeout) < 0)
    return true;
  is_state_old = is_state_old || is_blind;
  if (fds[0].revents != 0)
    read_watch();
  if (fds[1].revents != 0) {
    close(host);
    host = -1;
    is_state_old = true;
  }
  return upstream_work(fds + 2, count, &credit);
}

static void wait_until_started(void) {
  for (refresh_state(); state.phase == session_phase_starting; refresh_state()) {
    is_at_present = true;
    if (!wait_and_work())
      _exit(0);
    is_state_old = true;
  }
}

static _Noreturn void refuse(int error) {
  size_t size = 0;
  unsigned char* out = outbox_end(&size);
  struct session_failed failed = {.error = (uint32_t)error,
                                  .step = session_step_folder,
                                  .text = error == ENOENT ? "no such session" : strerror(error)};
  outbox_add(session_put_failed(out, size, &failed));
  outbox_flush(connection);
  _exit(0);
}

_Noreturn void session_attach_run(int fd, const unsigned char* payload, size_t size) {
  struct session_attach request;
  connection = fd;
  if (!session_take_attach(payload, size, &request))
    _exit(1);
  memcpy(id, request.id, SESSION_ID_SIZE);
  credit = request.credit;
  follows = (request.flags & SESSION_FLAG_NO_FOLLOW) == 0;
  is_status_only = (request.flags & SESSION_FLAG_STATUS_ONLY) != 0;
  folder = session_open_folder(id);
  if (folder < 0)
    refuse(errno);
  // Before the first look, so that nothing is missed.
  watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  watch_path(".", IN_MOVED_TO | IN_DELETE_SELF);
  upstream_open(connection, id, (request.flags & SESSION_FLAG_READ_ONLY) != 0);
  wait_until_started();
  if (!is_over())
    open_host();
  window.fd = is_status_only ? -1 : openat(folder, "journal", O_RDONLY | O_CLOEXEC);
  if (window.fd >= 0)
    watch_path("journal", IN_MODIFY);
  find_start(request);
  for (;;) {
    produce();
    if (!outbox_flush(connection) || (is_complete && outbox_is_empty()))
      _exit(0);
    if (!wait_and_work())
      _exit(0);
  }
}
