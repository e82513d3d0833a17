// How a connection that begins with an 'A' frame comes to the host of its session.
#ifndef BANGER_GUEST_SESSION_HANDOVER_H
#define BANGER_GUEST_SESSION_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

/// Gives the connection away, without waiting. It stays open here, too.
/// @param payload  of the 'A' frame
/// @returns a descriptor that hangs up when the attach has ended; -1 where nobody takes it
int session_hand_over(int connection, const unsigned char* payload, size_t size);

struct session_packet {
  size_t size;    ///< 0: the other end has closed
  int connection; ///< that came with it; -1: none
};

/// Reads a packet of a host's client. @returns false where none is there yet
bool session_take_packet(int client, unsigned char* bytes, size_t size, struct session_packet* out);

#endif
