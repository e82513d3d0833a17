#define _GNU_SOURCE
#include "port_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct port_piece {
  struct port_piece* next;
  size_t size, sent;
  unsigned char bytes[];
};

bool port_queue_is_empty(const struct port_queue* queue) {
  return queue->first == NULL;
}

static size_t send_some(int fd, const unsigned char* bytes, size_t size) {
  ssize_t n;
  do {
    n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n >= 0)
    return (size_t)n;
  return errno == EAGAIN ? 0 : size;
}

static bool add(struct port_queue* queue, const unsigned char* bytes, size_t size, size_t most) {
  struct port_piece* piece = queue->size + size > most ? NULL : malloc(sizeof *piece + size);
  if (piece == NULL)
    return false;
  *piece = (struct port_piece){.size = size};
  memcpy(piece->bytes, bytes, size);
  if (queue->last != NULL)
    queue->last->next = piece;
  else
    queue->first = piece;
  queue->last = piece;
  queue->size += size;
  return true;
}

bool port_queue_send(struct port_queue* queue, int fd, const unsigned char* bytes, size_t size,
                     size_t most, size_t* taken) {
  *taken = port_queue_is_empty(queue) ? send_some(fd, bytes, size) : 0;
  return *taken == size || add(queue, bytes + *taken, size - *taken, most);
}

static void drop_first(struct port_queue* queue) {
  struct port_piece* gone = queue->first;
  queue->first = gone->next;
  if (queue->first == NULL)
    queue->last = NULL;
  free(gone);
}

size_t port_queue_flush(struct port_queue* queue, int fd) {
  size_t done = 0;
  while (queue->first != NULL) {
    struct port_piece* piece = queue->first;
    size_t n = send_some(fd, piece->bytes + piece->sent, piece->size - piece->sent);
    done += n;
    piece->sent += n;
    if (piece->sent < piece->size)
      break;
    drop_first(queue);
  }
  queue->size -= done;
  return done;
}

void port_queue_drop(struct port_queue* queue) {
  while (queue->first != NULL)
    drop_first(queue);
  queue->size = 0;
}
