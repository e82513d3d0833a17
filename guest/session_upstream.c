#define _GNU_SOURCE
#include "session_upstream.h"

#include "session_folder.h"
#include "session_outbox.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  frame_max = SESSION_FRAME_HEADER_SIZE + SESSION_DATA_MAX,
  /// A sender that has SESSION_DATA_MAX bytes under way at most, if need be in frames of one byte,
  /// never fills this: then its other frames are never held up behind input.
  waiting_max = (SESSION_FRAME_HEADER_SIZE + 2) * SESSION_DATA_MAX,
};

static int connection = -1;
static const char* session_id;
static bool is_read_only;

/// Frames to the host go as packets. Input and orders have a socket each: a signal must get through
/// where input waits for room.
static int input_socket = -1, order_socket = -1;

static unsigned char incoming[frame_max];
static size_t incoming_size;

/// Whole frames for the input socket, which takes no more for now.
static unsigned char waiting[waiting_max];
static size_t waiting_start, waiting_end;

void upstream_open(int fd, const char* id, bool read_only) {
  connection = fd;
  session_id = id;
  is_read_only = read_only;
}

static bool must_wait(void) {
  return waiting_max - (waiting_end - waiting_start) < frame_max;
}

int upstream_poll(struct pollfd* out) {
  int count = 0;
  out[count++] = (struct pollfd){.fd = connection, .events = must_wait() ? 0 : POLLIN};
  short wants =
      (short)((outbox_has_reserve() ? POLLIN : 0) | (waiting_start < waiting_end ? POLLOUT : 0));
  out[count++] = (struct pollfd){.fd = wants != 0 ? input_socket : -1, .events = wants};
  out[count++] = (struct pollfd){.fd = order_socket, .events = POLLIN};
  return count;
}

static void close_socket(int* fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

static void refuse_input(void) {
  close_socket(&input_socket);
  waiting_start = waiting_end = 0;
  size_t size = 0;
  unsigned char* out = outbox_end(&size);
  outbox_add(session_put_u32(out, size, session_reply_refused, EPIPE));
}

enum sent { sent_all, sent_nothing_yet, sent_never };

static enum sent send_packet(int* fd, const unsigned char* bytes, size_t size) {
  if (*fd < 0)
    *fd = session_connect(session_id);
  if (*fd < 0)
    return errno == EAGAIN ? sent_nothing_yet : sent_never;
  if (send(*fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
    return sent_all;
  return errno == EAGAIN || errno == EINTR ? sent_nothing_yet : sent_never;
}

static void send_waiting(void) {
  struct session_frame frame;
  while (waiting_start < waiting_end &&
         session_next(waiting + waiting_start, waiting_end - waiting_start, session_command_limit,
                      &frame) == session_next_frame) {
    size_t size = SESSION_FRAME_HEADER_SIZE + frame.size;
    enum sent sent = send_packet(&input_socket, waiting + waiting_start, size);
    if (sent == sent_nothing_yet)
      return;
    if (sent == sent_never) {
      refuse_input();
      return;
    }
    waiting_start += size;
  }
}

static void queue_input(const unsigned char* bytes, size_t size) {
  if (waiting_start == waiting_end)
    waiting_start = waiting_end = 0;
  if (waiting_max - waiting_end < size) {
    memmove(waiting, waiting + waiting_start, waiting_end - waiting_start);
    waiting_end -= waiting_start;
    waiting_start = 0;
  }
  memcpy(waiting + waiting_end, bytes, size);
  waiting_end += size;
  send_waiting();
}

/// A window size or a signal that the host is gone for needs no answer: the end says it. One that
/// the host has no time for is late, not lost.
static void send_order(const unsigned char* bytes, size_t size) {
  while (send_packet(&order_socket, bytes, size) == sent_nothing_yet) {
    struct pollfd room = {.fd = order_socket, .events = POLLOUT};
    poll(&room, 1, 10);
  }
}

static bool add_credit(const struct session_frame* frame, uint64_t* credit) {
  uint64_t more = 0;
  if (!session_take_u64(frame->payload, frame->size, &more))
    return false;
  *credit = UINT64_MAX - *credit < more ? UINT64_MAX : *credit + more;
  return true;
}

/// @returns false where the frame is none that may be here
static bool take_frame(const unsigned char* bytes, const struct session_frame* frame,
                       uint64_t* credit) {
  size_t size = SESSION_FRAME_HEADER_SIZE + frame->size;
  uint32_t number = 0;
  if (frame->type == session_command_credit)
    return add_credit(frame, credit);
  if (is_read_only)
    return false;
  if (frame->type == session_command_input || frame->type == session_command_input_end) {
    queue_input(bytes, size);
    return true;
  }
  // Both have four bytes.
  if (!session_take_u32(frame->payload, frame->size, &number) ||
      (frame->type == session_command_kill && (number < 1 || number > 64)))
    return false;
  send_order(bytes, size);
  return true;
}

/// @returns false where there is rubbish
static bool take_frames(uint64_t* credit) {
  size_t at = 0;
  struct session_frame frame;
  enum session_next next = session_next_partial;
  while (!must_wait() &&
         (next = session_next(incoming + at, incoming_size - at, session_command_limit, &frame)) ==
             session_next_frame) {
    if (!take_frame(incoming + at, &frame, credit))
      return false;
    at += SESSION_FRAME_HEADER_SIZE + frame.size;
  }
  memmove(incoming, incoming + at, incoming_size - at);
  incoming_size -= at;
  return next != session_next_bad;
}

/// @returns false at the end of the connection
static bool read_connection(void) {
  ssize_t n =
      recv(connection, incoming + incoming_size, sizeof incoming - incoming_size, MSG_DONTWAIT);
  if (n > 0)
    incoming_size += (size_t)n;
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/// 'a' and 'x' go through as they are.
static void read_input_socket(void) {
  unsigned char packet[64];
  ssize_t n = recv(input_socket, packet, sizeof packet, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  size_t size = 0;
  unsigned char* out = outbox_end(&size);
  if (n > 0 && (size_t)n <= size) {
    memcpy(out, packet, (size_t)n);
    outbox_add((size_t)n);
  } else if (waiting_start < waiting_end) {
    refuse_input(); // the host is gone
  } else {
    close_socket(&input_socket);
  }
}

bool upstream_work(const struct pollfd* fds, int count, uint64_t* credit) {
  (void)count;
  const short over = POLLIN | POLLHUP | POLLERR;
  if (fds[1].revents != 0 && fds[1].fd == input_socket && outbox_has_reserve() &&
      (fds[1].revents & over) != 0)
    read_input_socket();
  if ((fds[2].revents & over) != 0)
    close_socket(&order_socket); // the host says nothing there
  send_waiting();
  if (must_wait())
    return (fds[0].revents & (POLLHUP | POLLERR)) == 0;
  if ((fds[0].revents & over) != 0 && !read_connection())
    return false;
  return take_frames(credit);
}
