// What the connection of an attach says: credit, input, and orders for the command.
#ifndef BANGER_GUEST_SESSION_ATTACH_INPUT_H
#define BANGER_GUEST_SESSION_ATTACH_INPUT_H

#include "session_attach.h"

void attach_input_set_session(const struct attach_session* session);

/// @returns true where nothing may be read, as much input waits already
bool attach_input_must_wait(const struct attach* attach);

void attach_input_release(struct attach* attach);

#endif
