// One thread, one poll(2). What a stream has under way is bounded by its window, both ways: a
// stream that nobody reads stops nobody else's.
#define _GNU_SOURCE
#include "port_mux.h"

#include "agent_control.h"
#include "guest/port_frames.h"
#include "guest/wire.h"
#include "io.h"
#include "port_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  input_size = 2 * (PORT_DATA_MAX + PORT_OVERHEAD),
  output_size = 8 * (PORT_DATA_MAX + PORT_OVERHEAD),
  write_max = 32 * 1024,     ///< what the kernel's driver takes at once
  small_reserve = 16 * 1024, ///< room for answers, before more is read
  short_read = 1024,         ///< fewer bytes are all there is, most likely
  pay_step = PORT_WINDOW / 4,
};

struct stream {
  uint32_t id; ///< 0: this place is free
  int fd;
  uint32_t credit; ///< bytes that may be sent to the host
  struct port_queue queue;
  uint32_t unpaid; ///< bytes that the agent's side has taken, and the host does not know of
  bool is_ending;  ///< the host sends no more: the agent's side hears of it after the queue
  bool is_closing; ///< the host has closed it: gone when the queue is empty
};

static int port = -1;
static int changes = -1; ///< epoll(7), edge-triggered: the host connected, left, or sent something
static bool is_away;     ///< the host is: poll(2) would report POLLHUP without end
static bool is_synced;   ///< a reset was seen
static bool is_reset;    ///< it was seen in what was read last
static struct stream streams[PORT_STREAMS_MAX];
static int stream_count; ///< places in use, from the front
static unsigned char input[input_size], output[output_size];
static size_t input_used, output_used, output_sent;
static const char* socket_path;

static size_t output_room(void) {
  if (output_sent > 0) {
    memmove(output, output + output_sent, output_used - output_sent);
    output_used -= output_sent;
    output_sent = 0;
  }
  return output_size - output_used;
}

/// Small frames always fit: data leaves room for one of each stream.
static bool has_room_for_data(void) {
  enum { reserve = 2 * (PORT_DATA_MAX + PORT_OVERHEAD) };
  return output_room() >= PORT_DATA_MAX + PORT_OVERHEAD + reserve;
}

static void put(uint8_t type, uint32_t stream, const void* payload, uint32_t size) {
  if (output_room() >= size + PORT_OVERHEAD)
    output_used += port_put(output + output_used, type, stream, payload, size);
}

static void free_stream(struct stream* stream) {
  port_queue_drop(&stream->queue);
  close(stream->fd);
  *stream = (struct stream){.fd = -1};
  while (stream_count > 0 && streams[stream_count - 1].id == 0)
    --stream_count;
}

static void end_stream(struct stream* stream) {
  put(port_close, stream->id, NULL, 0);
  free_stream(stream);
}

/// Tells a host that believes to know our streams that there are none.
static void say_lost(void) {
  static const unsigned char nobody[PORT_NONCE_SIZE];
  unsigned char payload[2 + PORT_NONCE_SIZE];
  port_put_nonce(payload, nobody);
  put(port_ready, 0, payload, sizeof payload);
}

static void end_all(void) {
  for (int i = stream_count - 1; i >= 0; --i)
    if (i < stream_count && streams[i].id != 0)
      free_stream(&streams[i]);
  output_used = output_sent = 0;
}

static struct stream* find_stream(uint32_t id) {
  for (int i = 0; i < stream_count; ++i)
    if (streams[i].id == id)
      return &streams[i];
  return NULL;
}

/// Waits where the agent has not accepted those before yet: it does so at once, or never.
static int connect_agent(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval patience = {.tv_sec = 2};
  if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
                  connect(fd, (struct sockaddr*)&address, sizeof address) != 0)) {
    close(fd);
    return -1;
  }
  return fd;
}

static void open_stream(uint32_t id) {
  int place = 0;
  while (place < stream_count && streams[place].id != 0)
    ++place;
  int fd = id == 0 || find_stream(id) != NULL || place == PORT_STREAMS_MAX ? -1 : connect_agent();
  if (fd < 0) {
    put(port_close, id, NULL, 0);
    return;
  }
  if (place == stream_count)
    ++stream_count;
  streams[place] = (struct stream){.id = id, .fd = fd, .credit = PORT_WINDOW};
}

/// A frame for each key pressed would wake the host each time.
static void pay(struct stream* stream, size_t taken) {
  stream->unpaid += (uint32_t)taken;
  if (stream->unpaid < pay_step || stream->is_closing)
    return;
  unsigned char more[4];
  wire_store_u32(more, stream->unpaid);
  put(port_credit, stream->id, more, sizeof more);
  stream->unpaid = 0;
}

static void flush_stream(struct stream* stream) {
  pay(stream, port_queue_flush(&stream->queue, stream->fd));
  if (!port_queue_is_empty(&stream->queue))
    return;
  if (stream->is_closing)
    free_stream(stream);
  else if (stream->is_ending)
    shutdown(stream->fd, SHUT_WR);
}

static void take_data(struct stream* stream, const struct port_frame* frame) {
  size_t taken = 0;
  if (!port_queue_send(&stream->queue, stream->fd, frame->payload, frame->size, PORT_WINDOW,
                       &taken)) {
    end_stream(stream); // more than its window, or no memory
    return;
  }
  pay(stream, taken);
}

static void take_frame(const struct port_frame* frame) {
  const unsigned char* nonce = NULL;
  if (frame->type == port_reset) {
    end_all();
    is_reset = true;
    is_synced = port_take_nonce(frame, &nonce);
    unsigned char payload[2 + PORT_NONCE_SIZE];
    if (!is_synced)
      return;
    port_put_nonce(payload, nonce);
    put(port_ready, 0, payload, sizeof payload);
    return;
  }
  if (frame->type == port_open) {
    open_stream(frame->stream);
    return;
  }
  struct stream* stream = find_stream(frame->stream);
  if (stream == NULL || stream->is_closing)
    return; // it has just ended
  if (frame->type == port_data && !stream->is_ending) {
    take_data(stream, frame);
  } else if (frame->type == port_credit) {
    uint32_t more = port_take_credit(frame);
    stream->credit = more > PORT_WINDOW - stream->credit ? PORT_WINDOW : stream->credit + more;
  } else if (frame->type == port_end) {
    stream->is_ending = true;
    flush_stream(stream);
  } else if (frame->type == port_close) {
    stream->is_closing = true;
    flush_stream(stream);
  }
}

static void parse_input(void) {
  size_t at = 0;
  for (bool goes_on = true; goes_on;) {
    struct port_frame frame;
    if (!is_synced)
      at += port_scan(input + at, input_used - at, port_reset);
    switch (port_next(input + at, input_used - at, &frame)) {
      case port_next_partial: goes_on = false; break;
      case port_next_bad: // of a host that left in the midst of it
        is_synced = false;
        end_all();
        say_lost();
        ++at;
        break;
      case port_next_frame:
        take_frame(&frame);
        at += PORT_OVERHEAD + frame.size;
        break;
    }
    if (at >= input_used)
      goes_on = false;
  }
  memmove(input, input + at, input_used - at);
  input_used -= at;
}

static void drain_changes(void) {
  struct epoll_event event;
  while (epoll_wait(changes, &event, 1, 0) > 0)
    ;
}

/// The host is away: from here on every change is an edge, also one that comes before this returns.
/// poll(2) does not tell whether its last words are still to be read, POLLIN is there either way
/// (will_read_block() of drivers/char/virtio_console.c); read(2) does, its 0 is "none, and away".
static void leave_port(void) {
  drain_changes();
  ssize_t n = read(port, input + input_used, input_size - input_used);
  is_away = n == 0;
  if (n <= 0)
    return;
  input_used += (size_t)n;
  parse_input();
}

static void read_port(short revents) {
  is_reset = false;
  for (int round = 0; round < 16 && output_room() >= small_reserve; ++round) {
    ssize_t n = read(port, input + input_used, input_size - input_used);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break; // EAGAIN: nothing more; 0: the host is away
    input_used += (size_t)n;
    parse_input();
    if (n < short_read)
      break;
  }
  if ((revents & POLLHUP) == 0)
    return;
  // The driver may show the first words of the next host before it has noted that there is one.
  if (!is_reset) {
    is_synced = false;
    input_used = 0;
    end_all();
    say_lost(); // should it have been so quick that it believes we know it
  }
  leave_port();
}

static void flush_port(void) {
  while (output_sent < output_used) {
    size_t left = output_used - output_sent;
    ssize_t n = write(port, output + output_sent, left > write_max ? write_max : left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return;
    output_sent += (size_t)n;
  }
  output_used = output_sent = 0;
}

static void read_stream(struct stream* stream) {
  while (stream->credit > 0 && has_room_for_data()) {
    uint32_t most = stream->credit < PORT_DATA_MAX ? stream->credit : PORT_DATA_MAX;
    // Read to where the frame wants it.
    unsigned char* payload = output + output_used + PORT_HEADER_SIZE;
    ssize_t n = recv(stream->fd, payload, most, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return;
    if (n <= 0) {
      end_stream(stream);
      return;
    }
    stream->credit -= (uint32_t)n;
    output_used += port_put_in_place(output + output_used, port_data, stream->id, (uint32_t)n);
    if ((uint32_t)n < most)
      return;
  }
}

static void work(void) {
  static struct pollfd fds[2 + PORT_STREAMS_MAX];
  fds[0] = (struct pollfd){.fd = is_away ? changes : -1, .events = POLLIN};
  fds[1] = (struct pollfd){.fd = is_away ? -1 : port};
  if (output_room() >= small_reserve)
    fds[1].events = POLLIN;
  if (output_sent < output_used)
    fds[1].events |= POLLOUT;
  bool may_read = has_room_for_data();
  int polled = stream_count;
  for (int i = 0; i < polled; ++i) {
    short events = (short)((may_read && streams[i].credit > 0 ? POLLIN : 0) |
                           (port_queue_is_empty(&streams[i].queue) ? 0 : POLLOUT));
    fds[2 + i] = (struct pollfd){.fd = events != 0 ? streams[i].fd : -1, .events = events};
  }
  if (poll(fds, (nfds_t)(2 + polled), -1) < 0)
    return;
  if (fds[0].revents != 0)
    is_away = false;
  // Streams first: a number that is closed here may be taken again by what the port says.
  for (int i = 0; i < polled; ++i) {
    if (streams[i].id == 0 || fds[2 + i].fd != streams[i].fd)
      continue;
    if ((fds[2 + i].revents & POLLOUT) != 0)
      flush_stream(&streams[i]);
    if (streams[i].id != 0 && (fds[2 + i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
      read_stream(&streams[i]);
  }
  if (fds[1].revents != 0)
    read_port(fds[1].revents);
  flush_port();
}

static _Noreturn void run(void) {
  prctl(PR_SET_NAME, "banger-port");
  prctl(PR_SET_PDEATHSIG, SIGKILL); // a new agent starts a new one
  // Where the host is away poll(2) says so without end; epoll(7) says what changes: EPOLLOUT is
  // that there is a host.
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
  changes = epoll_create1(EPOLL_CLOEXEC);
  epoll_ctl(changes, EPOLL_CTL_ADD, port, &event);
  say_lost();
  for (;;)
    work();
}

pid_t port_mux_start(const char* agent_socket, int port_fd) {
  port = port_fd >= 0 ? fcntl(port_fd, F_DUPFD_CLOEXEC, 0) : control_open_port(BANGER_DATA_PORT);
  if (port < 0)
    return errno == EBUSY ? -1 : 0;
  socket_path = agent_socket;
  pid_t pid = fork();
  if (pid == 0)
    run();
  close(port);
  return pid;
}
