// Bytes from the host that the agent's side of a stream has not taken yet.
#ifndef BANGER_GUEST_PORT_QUEUE_H
#define BANGER_GUEST_PORT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct port_piece;

struct port_queue {
  struct port_piece *first, *last;
  size_t size; ///< bytes
};

bool port_queue_is_empty(const struct port_queue* queue);

/// Sends to `fd` what goes without waiting, and queues the rest.
/// @param taken  out: how many bytes were sent; all of them where nobody takes any more: what `fd`
///               still says is read all the same, and then its end
/// @returns false where more than `most` would be queued, or memory is short
bool port_queue_send(struct port_queue* queue, int fd, const unsigned char* bytes, size_t size,
                     size_t most, size_t* taken);

/// Sends what goes without waiting. @returns how many bytes, as above
size_t port_queue_flush(struct port_queue* queue, int fd);

void port_queue_drop(struct port_queue* queue);

#endif
