// What goes to the standard input of a session's command: a queue, in a host process.
#ifndef BANGER_GUEST_SESSION_INPUT_H
#define BANGER_GUEST_SESSION_INPUT_H

#include <stdbool.h>
#include <stddef.h>

enum { session_input_queue_max = 1024 * 1024 }; ///< bytes

/// @param fd  of the pipe or terminal, non-blocking; -1: the input is closed from the start
void session_input_open(int fd, bool is_terminal);

bool session_input_is_open(void);

/// @returns true where the largest input frame fits
bool session_input_has_room(void);

/// Queues bytes, for which there is room.
void session_input_add(const void* bytes, size_t size);

/// Ends the input behind what is queued. On a terminal that is its character for it, and more input
/// may follow.
void session_input_end(void);

/// Drops what is queued, and closes.
void session_input_close(void);

/// What to poll for POLLOUT; -1 while nothing is queued.
int session_input_poll(void);

/// Writes what goes without waiting.
void session_input_pump(void);

#endif
