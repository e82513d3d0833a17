// The control port: lines from and to the host over a virtio-serial port.
#ifndef BANGER_GUEST_AGENT_CONTROL_H
#define BANGER_GUEST_AGENT_CONTROL_H

#include <stdbool.h>

struct pollfd;

/// Opens the virtio-serial port of that name. @returns -1 with errno, ENOENT where there is none
int control_open_port(const char* name);

/// Opens the port named BANGER_CONTROL_PORT, or else connects to the host by vsock. @returns false
/// where the machine has neither.
bool control_open(void);

/// Fills `out` for poll(2). @returns how many entries it used: 0 or 1.
int control_poll(struct pollfd* out);

/// Milliseconds until control_work wants to run without an event, or -1.
int control_timeout(void);

/// Does what is due. `revents` is what poll(2) said of the entry of control_poll, 0 without one.
void control_work(short revents);

/// Call on SIGIO: the host connected, left, or sent something.
void control_woken(void);

#endif
