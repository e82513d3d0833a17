#define _GNU_SOURCE
#include "guest/forward_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct forward_piece {
  struct forward_piece* next;
  size_t size, sent;
  unsigned char bytes[];
};

static void drop_queue(struct forward_stream* stream) {
  while (stream->first != NULL) {
    struct forward_piece* gone = stream->first;
    stream->first = gone->next;
    free(gone);
  }
  stream->last = NULL;
  stream->queued = 0;
}

void stream_adopt(struct forward_stream* stream, int fd) {
  const int yes = 1;
  stream->fd = fd;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

void stream_break(struct forward_stream* stream) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  drop_queue(stream);
  if (stream->fd < 0)
    return;
  setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(stream->fd);
  stream->fd = -1;
}

/// The peer may have said its last word before it left: that is read all the same.
static void become_deaf(struct forward_stream* stream) {
  stream->owed += (uint32_t)stream->queued;
  drop_queue(stream);
  stream->is_deaf = true;
  if (stream->has_read_end || stream->is_orphan)
    stream_break(stream);
}

/// @returns how much the socket took; -1 where it takes nothing any more
static ssize_t send_some(const struct forward_stream* stream, const unsigned char* bytes,
                         size_t size) {
  size_t done = 0;
  while (done < size) {
    ssize_t n = send(stream->fd, bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      break;
    if (n < 0)
      return -1;
    done += (size_t)n;
  }
  return (ssize_t)done;
}

void stream_flush(struct forward_stream* stream) {
  while (stream->first != NULL) {
    struct forward_piece* piece = stream->first;
    ssize_t n = send_some(stream, piece->bytes + piece->sent, piece->size - piece->sent);
    if (n < 0) {
      become_deaf(stream);
      return;
    }
    stream->owed += (uint32_t)n;
    stream->queued -= (size_t)n;
    piece->sent += (size_t)n;
    if (piece->sent < piece->size)
      return;
    stream->first = piece->next;
    if (stream->first == NULL)
      stream->last = NULL;
    free(piece);
  }
  if (stream->is_ending && !stream->has_sent_end) {
    shutdown(stream->fd, SHUT_WR);
    stream->has_sent_end = true;
  }
}

/// @returns false where memory is short
static bool add_piece(struct forward_stream* stream, const unsigned char* bytes, size_t size) {
  struct forward_piece* piece = malloc(sizeof *piece + size);
  if (piece == NULL)
    return false;
  *piece = (struct forward_piece){.size = size};
  memcpy(piece->bytes, bytes, size);
  if (stream->last != NULL)
    stream->last->next = piece;
  else
    stream->first = piece;
  stream->last = piece;
  stream->queued += size;
  return true;
}

void stream_take(struct forward_stream* stream, const unsigned char* bytes, size_t size) {
  size_t taken = stream->is_deaf ? size : 0;
  if (!stream->is_connecting && !stream->is_deaf && stream->first == NULL) {
    ssize_t n = send_some(stream, bytes, size);
    taken = n < 0 ? size : (size_t)n;
    if (n < 0)
      become_deaf(stream);
  }
  stream->owed += (uint32_t)taken;
  if (taken < size && !add_piece(stream, bytes + taken, size - taken))
    stream_break(stream);
}

int stream_connected(const struct forward_stream* stream) {
  struct pollfd now = {.fd = stream->fd, .events = POLLOUT};
  int error = 0;
  socklen_t size = sizeof error;
  if (poll(&now, 1, 0) < 1)
    return EINPROGRESS;
  return getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

short stream_events(const struct forward_stream* stream, bool may_read) {
  if (stream->is_connecting)
    return POLLOUT;
  bool reads = may_read && stream->credit > 0 && !stream->has_read_end && !stream->is_orphan;
  return (short)((reads ? POLLIN : 0) | (stream->first != NULL ? POLLOUT : 0));
}

bool stream_is_watched(const struct forward_stream* stream, short events) {
  return events != 0 || (stream->has_read_end && !stream->has_sent_end);
}
