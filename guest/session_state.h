// What is known of a session: the file "state" in its folder, lines of key=value.
#ifndef BANGER_GUEST_SESSION_STATE_H
#define BANGER_GUEST_SESSION_STATE_H

#include "guest/session_frames.h"

#include <sys/types.h>

struct session_state {
  enum session_phase phase;
  pid_t pid, host_pid; ///< of the command, which is also its process group; of the host
  uint64_t start_ticks, host_start_ticks; ///< field 22 of /proc/PID/stat: tells a reused pid
  char boot_id[40];
  int exit_code, signal; ///< of an exited one; one of the two is zero
  enum session_step step;
  int error;      ///< errno of a failed one
  char text[256]; ///< why it failed, or is lost
  uint64_t started_at_ms, ended_at_ms;
  uint64_t end_offset; ///< output offset when the command ended
};

enum { session_state_text_max = 1024 };

/// As the file has it. @returns the length
size_t session_state_format(const struct session_state* state, char* out, size_t size);

/// Replaces the file.
/// @param syncs  it is on the disk when this returns; without that a crash of the machine may leave
///               none, which tells a lost session all the same
/// @returns false with errno set
bool session_state_save(int folder, const struct session_state* state, bool syncs);

/// Reads the file. A session whose host is gone without a word of its end is told as lost.
void session_state_load(int folder, struct session_state* out);

/// @returns true while the session's host is there, also beyond the end of the command
bool session_host_is_alive(const struct session_state* state);

/// Whose field 22 of /proc/PID/stat is it. @returns 0 where there is no such living process
uint64_t session_start_ticks(pid_t pid);

void session_boot_id(char out[40]);

/// The 'z' of a session that is over.
struct session_ended session_state_ended(const struct session_state* state);

/// Wall clock, for people to read: no timeout depends on it.
uint64_t session_now_ms(void);

#endif
