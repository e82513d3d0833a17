#define _GNU_SOURCE
#include "session_handover.h"

#include "guest/session_frames.h"
#include "session_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union descriptor_room {
  struct cmsghdr alignment;
  char bytes[CMSG_SPACE(sizeof(int))];
};

/// A packet with a descriptor: whole, or not at all.
static bool send_descriptor(int socket, const unsigned char* bytes, size_t size, int fd) {
  union descriptor_room room = {.bytes = {0}};
  struct iovec part = {.iov_base = (void*)bytes, .iov_len = size};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = room.bytes,
                           .msg_controllen = sizeof room.bytes};
  struct cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(head), &fd, sizeof fd);
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

int session_hand_over(int connection, const unsigned char* payload, size_t size) {
  unsigned char frame[128];
  struct session_attach request;
  if (!session_take_attach(payload, size, &request))
    return -1;
  size_t length = session_put_attach(frame, sizeof frame, &request);
  int host = session_connect(request.id);
  if (host < 0)
    return -1;
  if (send_descriptor(host, frame, length, connection))
    return host;
  close(host);
  return -1;
}

static int take_descriptor(struct msghdr* message) {
  int fd = -1;
  struct cmsghdr* head = CMSG_FIRSTHDR(message);
  if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
      head->cmsg_len == CMSG_LEN(sizeof fd))
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
  return fd;
}

bool session_take_packet(int client, unsigned char* bytes, size_t size,
                         struct session_packet* out) {
  union descriptor_room room = {.bytes = {0}};
  struct iovec part = {.iov_base = bytes, .iov_len = size};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = room.bytes,
                           .msg_controllen = sizeof room.bytes};
  ssize_t n = recvmsg(client, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  *out = (struct session_packet){.connection = -1};
  if (n < 0)
    return errno != EAGAIN && errno != EINTR;
  out->size = (size_t)n;
  out->connection = take_descriptor(&message);
  return true;
}
