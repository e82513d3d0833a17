#define _GNU_SOURCE
#include "session_clients.h"

#include "guest/session_frames.h"
#include "session_attaches.h"
#include "session_handover.h"

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

static int clients[session_clients_max]; ///< -1: this place is free
static int client_count;                 ///< places in use, some of which are free
static int listener = -1;
static int refusal; ///< errno with which attaches are answered; 0: none
static void (*stop)(void);

void session_clients_open(int socket, void (*on_delete)(void)) {
  listener = socket;
  stop = on_delete;
}

static void free_place(int* place) {
  *place = -1;
  while (client_count > 0 && clients[client_count - 1] < 0)
    --client_count;
}

int session_clients_poll(struct pollfd* out) {
  int count = 0;
  out[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (int i = 0; i < client_count; ++i)
    out[count++] = (struct pollfd){.fd = clients[i], .events = POLLIN};
  return count;
}

/// @returns false where the client is to be closed
static bool take_attach(int client, int connection, const struct session_frame* frame) {
  struct session_attach request;
  if (connection < 0 || !session_take_attach(frame->payload, frame->size, &request))
    return false;
  if (refusal != 0) {
    attach_refuse(connection, session_step_folder, refusal);
    return false;
  }
  attaches_add(connection, client, &request);
  return true;
}

/// @returns false where there is none yet
static bool read_packet(int* place) {
  unsigned char bytes[128];
  struct session_packet packet;
  struct session_frame frame;
  int client = *place;
  if (!session_take_packet(client, bytes, sizeof bytes, &packet))
    return false;
  free_place(place);
  bool is_frame =
      session_next(bytes, packet.size, session_request_limit, &frame) == session_next_frame;
  if (is_frame && frame.type == session_request_attach &&
      take_attach(client, packet.connection, &frame))
    return true;
  if (is_frame && frame.type == session_request_delete && stop != NULL)
    stop();
  if (packet.connection >= 0)
    close(packet.connection);
  close(client);
  return true;
}

static void accept_clients(void) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
      return;
    int* place = clients;
    while (place < clients + client_count && *place >= 0)
      ++place;
    if (place == clients + session_clients_max) {
      close(fd);
      continue;
    }
    *place = fd;
    if (place == clients + client_count)
      ++client_count;
    read_packet(place); // it has been sent by now
  }
}

void session_clients_work(const struct pollfd* fds, int count) {
  for (int i = 1; i < count; ++i)
    if (clients[i - 1] >= 0 && clients[i - 1] == fds[i].fd && fds[i].revents != 0)
      read_packet(&clients[i - 1]);
  if (fds[0].revents != 0)
    accept_clients();
}

void session_clients_close(int socket, int error) {
  listener = socket;
  refusal = error;
  shutdown(listener, SHUT_RD);
  accept_clients();
  for (int* at = clients; at < clients + client_count; ++at)
    if (*at >= 0 && (shutdown(*at, SHUT_RD), !read_packet(at))) {
      close(*at);
      *at = -1;
    }
  client_count = 0;
  close(listener);
  listener = -1;
}
