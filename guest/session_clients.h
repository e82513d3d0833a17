// The connections of a session's host: attach processes, which bring input, window sizes and
// signals. Packets are whole frames, so that what several of them send never mixes within one.
#ifndef BANGER_GUEST_SESSION_CLIENTS_H
#define BANGER_GUEST_SESSION_CLIENTS_H

#include "agent_protocol.h"

#include <stdbool.h>
#include <stdint.h>

struct pollfd;

/// An attach process has two connections at most: signals must get through where input waits.
enum {
  session_clients_max = 2 * BANGER_MAX_ATTACHES,
  session_clients_poll_max = 1 + session_clients_max,
};

/// What a connection asks of the host, beside input.
struct session_orders {
  void (*set_window)(uint16_t rows, uint16_t columns);
  void (*send_signal)(int number);
  void (*stop)(void); ///< the session is deleted
};

void session_clients_open(int listener, const struct session_orders* orders);
int session_clients_poll(struct pollfd* out);
void session_clients_work(const struct pollfd* fds, int count);

#endif
