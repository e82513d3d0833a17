// Processes: starting them, holding them by pidfd, telling whether one is still the one we knew.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace banger::host {

/// Gives the descriptor `parent` of ours to the child as its `child`.
struct fd_grant {
  int parent = -1;
  int child = -1;
};

struct spawn_request {
  std::vector<std::string> argv; ///< argv[0] is an absolute path
  std::vector<std::string> env;  ///< "NAME=value"; empty: our own environment
  std::vector<fd_grant> fds; ///< all others are closed; 0, 1 and 2 are /dev/null unless given here
  bool has_own_session = false; ///< setsid: no terminal and no signals of ours reach it
};

/// Where to read what goes in at the other end, as a child's output does. Both end with exec.
struct pipe_pair {
  unique_fd reader;
  unique_fd writer;
};

/// Errors: failed.
[[nodiscard]] result<pipe_pair> make_pipe();

struct child {
  pid_t pid = 0;
  unique_fd pidfd; ///< readable once it has ended
};

/// Starts a program with default signal handling. The child must be collected with reap().
/// @pre argv is not empty, and the children's descriptors from 3 on have no gaps.
/// Errors: not_found, failed. Source: posix_spawn(3), pidfd_open(2).
[[nodiscard]] result<child> spawn(const spawn_request& request);

/// Holds a process that need not be our child. Errors: not_found.
[[nodiscard]] result<unique_fd> open_pidfd(pid_t pid);

/// Signals the process a pidfd stands for; one that has ended is left alone.
void signal_process(const unique_fd& pidfd, int signal);

/// Collects an ended child. @returns its wait status as waitpid(2) has it; nothing where it still
/// runs or is not our child.
[[nodiscard]] std::optional<int> reap(const unique_fd& pidfd);

/// "exited with status 1" or "was killed by signal 9".
[[nodiscard]] std::string describe_wait_status(int status);

/// True once the process behind a pidfd has ended.
[[nodiscard]] bool has_ended(const unique_fd& pidfd);

/// The same, for which it is given some time. Blocks.
[[nodiscard]] bool ends_within(const unique_fd& pidfd, int timeout_ms);

/// When a process started, in clock ticks since boot: with its pid it names it for this boot
/// (proc(5), stat, field 22). Nothing where there is none.
[[nodiscard]] std::optional<std::uint64_t> start_time(pid_t pid);

/// Names this boot of the kernel.
[[nodiscard]] std::string boot_id();

/// The arguments of a process; empty where there is none, and for a moment after it was spawned.
[[nodiscard]] std::vector<std::string> arguments_of(pid_t pid);

/// True for an argument that is `path`, is in that folder, or gives one of them a name: "DIR",
/// "DIR/x", "file=DIR/x,if=none".
[[nodiscard]] bool names_path(const std::string& argument, const std::string& path);

/// Our user's processes, in our mount namespace (elsewhere a path is another file), with an
/// argument that names `path`; by rising pid, ourselves left out. What an earlier daemon started
/// and nobody has handles for is found this way. Scans /proc: 7 ms for a few hundred processes.
[[nodiscard]] std::vector<pid_t> find_processes_naming(const std::string& path);

/// The absolute path of the program that we are. Source: proc(5), exe.
[[nodiscard]] std::string own_program();

/// Finds a program in the folders of `path` (PATH's format). @returns its absolute path, or
/// nothing.
[[nodiscard]] std::optional<std::string> find_program(const std::string& name,
                                                      const std::string& path);

/// PATH of this process, or the system's default; with the sbin folders, where mke2fs lives.
[[nodiscard]] std::string search_path();

/// Opens /dev/null as each of descriptors 0, 1 and 2 that is closed, so that nothing we open later
/// becomes a standard stream by accident. First thing in main.
void open_missing_streams();

struct finished {
  int wait_status = 0;
  std::string output; ///< stdout and stderr together, of that the last 64 KiB
};

/// Runs a program and waits until it has ended and nobody holds its stdout and stderr any more,
/// whatever its status. Blocks. Errors: failed; timed_out, after killing it.
[[nodiscard]] result<finished> run_to_end_blocking(const spawn_request& request, int timeout_ms);

/// Runs a program to its end and waits for it. @returns what it wrote to stdout and stderr
/// together, of that the last 64 KiB. Blocks. Errors: failed, with its last line; timed_out, after
/// killing it.
[[nodiscard]] result<std::string> run_blocking(const spawn_request& request, int timeout_ms);

} // namespace banger::host
