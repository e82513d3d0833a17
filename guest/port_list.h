// What listens on this machine, as /proc tells it. For C11 and C++.
#ifndef BANGER_GUEST_PORT_LIST_H
#define BANGER_GUEST_PORT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct port_entry {
  bool is_udp, is_ipv6;
  unsigned char address[16]; ///< network order; of IPv4 the first four
  uint16_t port;
  uint64_t inode;   ///< of the socket
  pid_t pid;        ///< of a process that has it; 0: not known
  char process[17]; ///< its name (comm)
};

/// A line of /proc/net/tcp, tcp6, udp or udp6. @returns false where it is none of a socket that
/// listens: the heading, a connection, or malformed. Source: proc(5)
bool port_list_parse(const char* line, bool is_udp, bool is_ipv6, struct port_entry* out);

/// All that listen, TCP first; the caller frees `*out`. @returns how many; -1 with errno
/// @param wants_udp  UDP sockets, too
int port_list_read(bool wants_udp, struct port_entry** out);

/// Finds out whose they are. Slow: it looks at every descriptor of every process.
void port_list_name(struct port_entry* entries, int count);

#ifdef __cplusplus
}
#endif

#endif
