// What the host and banger-agent say to each other. Plain constants, for C11 and C++.
//
// Control port (virtio-serial port BANGER_CONTROL_PORT; without one, port BANGER_CONTROL_VSOCK_PORT
// of the host by vsock): lines that end in '\n'.
//   guest:  "READY <version> <uptime in seconds>"  once sshd accepts connections
//   host:   "ping" -> "pong"           "ready" -> READY again, as soon as it is true
//           "poweroff" -> "bye"        "reboot" -> "bye"
//           "time <unix seconds[.micros]>" -> "ok"         anything else -> "error <text>"
//           "memory" -> "memory <total> <available>", in KiB; agents of before: "error <text>"
//
// Exec socket (BANGER_EXEC_SOCKET): every connection starts with one frame
//   {u8 type, u32 big-endian payload length, payload}. Nothing after that frame is read on an 'I'
//   or 'E' connection: those bytes are the command's. An 'X' connection carries frames both ways.
#ifndef BANGER_GUEST_AGENT_PROTOCOL_H
#define BANGER_GUEST_AGENT_PROTOCOL_H

#define BANGER_AGENT_VERSION 1

#define BANGER_CONTROL_PORT "banger.0"
#define BANGER_CONTROL_VSOCK_PORT 1024
#define BANGER_RUN_DIR "/run/banger"
#define BANGER_EXEC_SOCKET "/run/banger/agent.sock"

/// First frames. 'X': token, u32 flags, cwd NUL, u32 argc, argc strings each with its NUL, u32
/// envc, envc strings "K=V" each with its NUL. 'I' and 'E': token.
#define BANGER_FRAME_EXEC 'X'
#define BANGER_FRAME_STDIO 'I'
#define BANGER_FRAME_STDERR 'E'

/// From the agent, on the 'X' connection. 'S': u32 pid. 'F': u32 errno, text. 'Z': u32 exit code,
/// u32 signal; one of the two is zero. 'F' and 'Z' are the last frame: then the agent closes.
#define BANGER_FRAME_STARTED 'S'
#define BANGER_FRAME_FAILED 'F'
#define BANGER_FRAME_ENDED 'Z'

/// From the host, on the 'X' connection, after 'S'. 'K': u32 signal number, to the process group.
#define BANGER_FRAME_SIGNAL 'K'

/// Flags of 'X'.
#define BANGER_EXEC_MERGE_STDERR 1u ///< standard error goes where standard output goes; no 'E'

enum {
  BANGER_FRAME_HEADER_SIZE = 5,
  BANGER_TOKEN_SIZE = 16,
  BANGER_FRAME_MAX = 4 * 1024 * 1024, ///< bytes of payload
  BANGER_MAX_COMMANDS = 256,          ///< at a time; one more is answered 'F' EAGAIN
  BANGER_MAX_CONNECTIONS = 1024,      ///< that wait for their command; one more is closed at once
  BANGER_MATCH_SECONDS = 10,          ///< for the first frame, and for the connections of a token
  BANGER_KILL_SECONDS = 3,            ///< between SIGTERM and SIGKILL once the control is gone
  BANGER_MAX_SESSIONS = 256,          ///< session hosts at a time
  BANGER_MAX_ATTACHES = 512,          ///< connections to sessions at a time
};

#endif
