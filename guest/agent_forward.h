// What banger-agent does as a command that the host runs: "banger-agent ports" and "banger-agent
// forward".
#ifndef BANGER_GUEST_AGENT_FORWARD_H
#define BANGER_GUEST_AGENT_FORWARD_H

#include <stdbool.h>

/// Prints what listens here, one JSON record a line: protocol, address, port, pid, process.
/// @returns an exit status
int agent_ports(void);

/// The guest's end of a port-forward: frames on standard input and output, connections to what
/// listens here. Ends with its input.
/// @param watches  tells what begins and ceases to listen. @returns an exit status
int agent_forward(bool watches);

#endif
