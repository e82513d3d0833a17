#define _GNU_SOURCE
#include "session_clients.h"

#include "guest/session_frames.h"
#include "session_input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
  int fd;            ///< -1: this place is free
  bool waits;        ///< its next frame is input, and the queue has no room
  bool owes_taken;   ///< 'a' is to be sent
  bool owes_refused; ///< 'x' is to be sent
  uint64_t taken;    ///< bytes of its input that were queued
};

static struct client clients[session_clients_max];
static int client_count; ///< places in use, some of which are free
static int listener = -1;
static const struct session_orders* orders;

void session_clients_open(int socket, const struct session_orders* what) {
  listener = socket;
  orders = what;
}

static void drop(struct client* client) {
  close(client->fd);
  client->fd = -1;
  while (client_count > 0 && clients[client_count - 1].fd < 0)
    --client_count;
}

static short events_of(struct client* client) {
  client->waits = client->waits && !session_input_has_room() && session_input_is_open();
  bool owes = client->owes_taken || client->owes_refused;
  return (short)((client->waits ? 0 : POLLIN) | (owes ? POLLOUT : 0));
}

int session_clients_poll(struct pollfd* out) {
  int count = 0;
  out[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (struct client* at = clients; at < clients + client_count; ++at)
    out[count++] = (struct pollfd){.fd = at->fd, .events = at->fd >= 0 ? events_of(at) : 0};
  return count;
}

/// @returns false where it has to wait for room
static bool send_frame(const struct client* client, const unsigned char* frame, size_t size) {
  ssize_t n = send(client->fd, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

/// The total says it all: a frame that is sent late stands for those before it.
static void settle(struct client* client) {
  unsigned char frame[SESSION_FRAME_HEADER_SIZE + 8];
  if (client->owes_taken) {
    size_t size = session_put_u64(frame, sizeof frame, session_reply_taken, client->taken);
    client->owes_taken = !send_frame(client, frame, size);
  }
  if (client->owes_refused) {
    size_t size = session_put_u32(frame, sizeof frame, session_reply_refused, EPIPE);
    client->owes_refused = !send_frame(client, frame, size);
  }
}

static void take_input(struct client* client, const struct session_frame* frame) {
  if (!session_input_is_open()) {
    client->owes_refused = true;
    return;
  }
  session_input_add(frame->payload, frame->size);
  session_input_pump();
  client->taken += frame->size;
  client->owes_taken = true;
}

/// @returns false where the frame is malformed
static bool take_frame(struct client* client, const struct session_frame* frame) {
  uint16_t rows = 0, columns = 0;
  uint32_t number = 0;
  switch (frame->type) {
    case session_command_input: take_input(client, frame); return true;
    case session_command_input_end: session_input_end(); return true;
    case session_command_window:
      if (!session_take_window(frame->payload, frame->size, &rows, &columns))
        return false;
      orders->set_window(rows, columns);
      return true;
    case session_command_kill:
      if (!session_take_u32(frame->payload, frame->size, &number) || number < 1 || number > 64)
        return false;
      orders->send_signal((int)number);
      return true;
    case session_request_delete: orders->stop(); return true;
    default: return false;
  }
}

static uint32_t frame_limit(uint8_t type) {
  return type == session_request_delete ? 0 : session_command_limit(type);
}

/// Input for which there is no room stays in the socket, where it holds back its sender.
static bool must_wait(const struct client* client) {
  unsigned char type = 0;
  if (session_input_has_room() || !session_input_is_open())
    return false;
  return recv(client->fd, &type, 1, MSG_PEEK | MSG_DONTWAIT) == 1 &&
         (type == session_command_input || type == session_command_input_end);
}

static void read_packet(struct client* client) {
  static unsigned char packet[SESSION_FRAME_HEADER_SIZE + SESSION_DATA_MAX + 1];
  if (must_wait(client)) {
    client->waits = true;
    return;
  }
  ssize_t n = recv(client->fd, packet, sizeof packet, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  struct session_frame frame;
  if (n <= 0 || session_next(packet, (size_t)n, frame_limit, &frame) != session_next_frame ||
      frame.size + SESSION_FRAME_HEADER_SIZE != (size_t)n || !take_frame(client, &frame))
    drop(client);
}

static void accept_clients(void) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
      return;
    struct client* place = clients;
    while (place < clients + client_count && place->fd >= 0)
      ++place;
    if (place == clients + session_clients_max) {
      close(fd);
      continue;
    }
    *place = (struct client){.fd = fd};
    if (place == clients + client_count)
      ++client_count;
  }
}

void session_clients_work(const struct pollfd* fds, int count) {
  for (int i = 1; i < count; ++i) {
    struct client* client = &clients[i - 1];
    if (client->fd < 0 || fds[i].revents == 0)
      continue;
    if (client->waits && (fds[i].revents & POLLHUP) != 0) {
      drop(client); // its input was not taken, and nobody waits for that to happen
      continue;
    }
    if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
      read_packet(client);
    if (client->fd >= 0)
      settle(client);
  }
  if (fds[0].revents != 0)
    accept_clients();
}
