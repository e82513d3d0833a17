// Starts one command: of the exec server, or of a session.
#ifndef BANGER_GUEST_AGENT_SPAWN_H
#define BANGER_GUEST_AGENT_SPAWN_H

#include "guest/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What to run. The strings are in the frame's payload, which must outlive this.
struct exec_request {
  const unsigned char* token; ///< of an 'X' frame; else NULL
  uint32_t flags;             ///< of an 'X' frame
  const char* cwd;            ///< never empty
  char** arguments;           ///< at least one; ends with NULL
  char** environment;         ///< the base environment and the request's; ends with NULL
};

/// Both: what is given must not change while `out` is used.
/// @returns false where it is not well formed, or memory is short. On success, exec_request_free.
/// @param cwd  empty: root's home
bool exec_request_build(const char* cwd, struct wire_strings arguments,
                        struct wire_strings environment, struct exec_request* out);
/// The payload of an 'X' frame.
bool exec_request_parse(const unsigned char* payload, size_t size, struct exec_request* out);
void exec_request_free(struct exec_request* request);

/// What came over the pipe of spawn_command, if anything: the command did not start.
struct spawn_failure {
  int error;
  bool is_cwd; ///< the directory is at fault, not the program
};

/// Whether `name` is a program in the PATH of the request. @returns 0 or an errno
int find_command(const struct exec_request* request, const char* name);

/// What becomes a command's 0, 1 and 2. Any may be the same.
struct spawn_streams {
  int input, output, error_output;
  bool is_terminal; ///< the input is a terminal, which shall be the command's controlling one
};

/// Forks and executes. The streams stay open here and are made blocking.
/// @param failure_pipe  out: readable at the end of exec; at its end without a byte if that worked,
///                      with one struct spawn_failure if not. The caller closes it.
/// @returns the pid, which is also its session and process group; -1 with errno set.
pid_t spawn_command(const struct exec_request* request, struct spawn_streams streams,
                    int* failure_pipe);

#endif
