// The guest's end of the data port: carries the host's streams to the agent's socket.
#ifndef BANGER_GUEST_PORT_MUX_H
#define BANGER_GUEST_PORT_MUX_H

#include <sys/types.h>

/// Starts the process "banger-port", which does it until it is ended.
/// @param port_fd  takes the place of the machine's port: for tests; -1: none does
/// @returns its pid; 0 where the machine has no such port; -1 with errno
pid_t port_mux_start(const char* agent_socket, int port_fd);

#endif
