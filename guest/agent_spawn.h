// Starts one command of the exec server.
#ifndef BANGER_GUEST_AGENT_SPAWN_H
#define BANGER_GUEST_AGENT_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What an 'X' frame asks for. The strings are in the frame's payload, which must outlive this.
struct exec_request {
  const unsigned char* token;
  uint32_t flags;
  const char* cwd;    ///< never empty
  char** arguments;   ///< at least one; ends with NULL
  char** environment; ///< the base environment and the request's; ends with NULL
};

/// @param payload  must not change while `out` is used
/// @returns false where it is not well formed, or memory is short. On success, exec_request_free.
bool exec_request_parse(const unsigned char* payload, size_t size, struct exec_request* out);
void exec_request_free(struct exec_request* request);

/// What came over the pipe of spawn_command, if anything: the command did not start.
struct spawn_failure {
  int error;
  bool is_cwd; ///< the directory is at fault, not the program
};

/// Forks and executes. `stdio` becomes standard input and output, `error_output` standard error
/// (may be the same); both stay open here and are made blocking.
/// @param failure_pipe  out: readable at the end of exec; at its end without a byte if that worked,
///                      with one struct spawn_failure if not. The caller closes it.
/// @returns the pid, which is also its session and process group; -1 with errno set.
pid_t spawn_command(const struct exec_request* request, int stdio, int error_output,
                    int* failure_pipe);

#endif
