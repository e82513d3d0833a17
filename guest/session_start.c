// From an 'N' frame to a running command.
#define _GNU_SOURCE
#include "agent_protocol.h"
#include "agent_spawn.h"
#include "io.h"
#include "session_clients.h"
#include "session_folder.h"
#include "session_host.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int connection = -1;

static void reply(const unsigned char* frame, size_t size) {
  (void)!send(connection, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void tell_failure(enum session_step step, int error, const char* text) {
  unsigned char frame[512];
  struct session_failed failed = {.error = (uint32_t)error, .step = (uint8_t)step, .text = text};
  reply(frame, session_put_failed(frame, sizeof frame, &failed));
}

static _Noreturn void refuse(enum session_step step, int error, const char* text) {
  tell_failure(step, error, text);
  _exit(1);
}

/// As refuse(), where there is a folder already: it keeps why.
static _Noreturn void fail(struct session* session, enum session_step step, int error,
                           const char* what, const char* name) {
  struct session_state* state = &session->state;
  state->phase = session_phase_failed;
  state->step = step;
  state->error = error;
  state->ended_at_ms = session_now_ms();
  snprintf(state->text, sizeof state->text, "%s%s%.150s: %s", what, name[0] != '\0' ? " " : "",
           name, strerror(error));
  session_state_save(session->folder, state, true);
  tell_failure(step, error, state->text);
  close(connection);
  session_host_end(session, 1);
}

/// As refuse(), where the folder cannot even be filled: nothing of it stays.
static _Noreturn void give_up(struct session* session, const char* what) {
  char text[256];
  int error = errno;
  session_remove_folder(session->id);
  if (session->listener >= 0)
    session_clients_close(session->listener, ENOENT);
  snprintf(text, sizeof text, "%s: %s", what, strerror(error));
  refuse(session_step_folder, error, text);
}

static void count_live(const char* id, void* count) {
  int fd = session_connect(id);
  if (fd < 0 && errno != EAGAIN) {
    session_remove_socket(id); // its host was killed
    return;
  }
  close(fd);
  ++*(int*)count;
}

static void count_all(const char* id, void* count) {
  (void)id;
  ++*(int*)count;
}

static bool is_at_limit(void) {
  int count = 0;
  session_each_socket(count_all, &count);
  if (count < BANGER_MAX_SESSIONS)
    return false;
  count = 0;
  session_each_socket(count_live, &count);
  return count >= BANGER_MAX_SESSIONS;
}

/// The folder, the socket and the first state file. Under a lock, so that whoever finds a folder
/// without a state file knows that its host was killed.
static void come_into_being(struct session* session) {
  int lock = session_lock();
  if (lock < 0)
    refuse(session_step_folder, errno, "the run folder cannot be used");
  if (is_at_limit())
    refuse(session_step_limit, EAGAIN, "too many sessions");
  session->folder = session_make_folder(session->id);
  if (session->folder < 0 && errno == EEXIST)
    refuse(session_step_exists, EEXIST, "the session exists");
  if (session->folder < 0)
    refuse(session_step_folder, errno, "the session's folder cannot be made");
  struct session_state* state = &session->state;
  state->phase = session_phase_starting;
  state->host_pid = getpid();
  state->host_start_ticks = session_start_ticks(state->host_pid);
  session_boot_id(state->boot_id);
  state->started_at_ms = session_now_ms();
  session->listener = session_listen(session->id);
  if (session->listener < 0)
    give_up(session, "listen on the session's socket");
  if (!session_state_save(session->folder, state, false))
    give_up(session, "write the state file");
  close(lock);
}

static void check_folder(struct session* session, const char* cwd) {
  struct stat info;
  if (stat(cwd, &info) != 0)
    fail(session, session_step_cwd, errno, "enter", cwd);
  if (!S_ISDIR(info.st_mode))
    fail(session, session_step_cwd, ENOTDIR, "enter", cwd);
}

static void check_required(struct session* session, const struct exec_request* request,
                           struct wire_strings required) {
  const char* name = required.first;
  for (uint32_t i = 0; i < required.count; ++i, name += strlen(name) + 1) {
    int error = find_command(request, name);
    if (error != 0)
      fail(session, session_step_require, error, "find", name);
  }
}

static void open_terminal(struct session* session, const struct session_new* request,
                          struct spawn_streams* streams) {
  struct winsize size = {.ws_row = request->rows, .ws_col = request->columns};
  int terminal = -1, command_side = -1;
  if (openpty(&terminal, &command_side, NULL, NULL, &size) != 0)
    fail(session, session_step_pty, errno, "open a terminal", "");
  fcntl(terminal, F_SETFD, FD_CLOEXEC);
  fcntl(command_side, F_SETFD, FD_CLOEXEC);
  fcntl(terminal, F_SETFL, O_RDWR | O_NONBLOCK);
  *streams = (struct spawn_streams){.input = command_side,
                                    .output = command_side,
                                    .error_output = command_side,
                                    .is_terminal = true};
  session->is_terminal = true;
  session->sources[0] = session->input = terminal;
}

/// @returns the command's end of a pipe; `ours` is the other one, which does not block
static int open_pipe(struct session* session, bool command_reads, int* ours) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    fail(session, session_step_spawn, errno, "open a pipe", "");
  *ours = ends[command_reads ? 1 : 0];
  fcntl(*ours, F_SETFL, O_NONBLOCK);
  return ends[command_reads ? 0 : 1];
}

static void open_streams(struct session* session, const struct session_new* request,
                         struct spawn_streams* streams) {
  bool has_input = (request->flags & SESSION_FLAG_STDIN_CLOSED) == 0;
  if ((request->flags & SESSION_FLAG_PTY) != 0) {
    open_terminal(session, request, streams);
    if (!has_input)
      session->input = -1;
    return;
  }
  streams->output = open_pipe(session, false, &session->sources[0]);
  streams->error_output = open_pipe(session, false, &session->sources[1]);
  streams->input = has_input ? open_pipe(session, true, &session->input)
                             : open("/dev/null", O_RDONLY | O_CLOEXEC);
  streams->is_terminal = false;
}

static void close_streams(const struct spawn_streams* streams) {
  close(streams->input);
  if (streams->is_terminal)
    return; // all the same one
  close(streams->output);
  close(streams->error_output);
}

/// Returns once the command's program runs.
static void spawn(struct session* session, const struct exec_request* request,
                  struct spawn_streams streams) {
  int failure_pipe = -1;
  pid_t pid = spawn_command(request, streams, &failure_pipe);
  if (pid < 0)
    fail(session, session_step_spawn, errno, "start a process", "");
  close_streams(&streams);
  struct spawn_failure failure;
  ssize_t n = read(failure_pipe, &failure, sizeof failure);
  close(failure_pipe);
  if (n == (ssize_t)sizeof failure) {
    waitpid(pid, NULL, 0);
    if (failure.is_cwd)
      fail(session, session_step_cwd, failure.error, "enter", request->cwd);
    fail(session, session_step_exec, failure.error, "run", request->arguments[0]);
  }
  session->state.pid = pid;
  session->state.start_ticks = session_start_ticks(pid);
}

/// @returns a descriptor that tells of ended children
static int set_up_process(void) {
  prctl(PR_SET_NAME, "banger-session");
  prctl(PR_SET_CHILD_SUBREAPER, 1); // the command's orphans are ours, to the end
  write_kernel_file("/proc/self/oom_score_adj", "-900"); // the command gets 0
  umask(077);
  sigset_t all, child;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  return signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
}

_Noreturn void session_host_run(int control, const unsigned char* payload, size_t size) {
  static struct session session = {.folder = -1, .listener = -1, .sources = {-1, -1}, .input = -1};
  struct session_new request;
  struct exec_request command;
  connection = control;
  int signals = set_up_process();
  if (!session_take_new(payload, size, &request) ||
      !exec_request_build(request.cwd, request.arguments, request.environment, &command))
    _exit(1);
  memcpy(session.id, request.id, SESSION_ID_SIZE);
  come_into_being(&session);
  if (!session_replace_file(session.folder, "spec", payload, size, false))
    give_up(&session, "write the spec file");
  if (!journal_create(&session.journal, session.folder, request.journal_cap))
    give_up(&session, "make the journal");
  // Before the command: after a crash of the machine the same start must not run it again.
  if (!session_sync_folder(session.folder, "spec"))
    give_up(&session, "write the session's folder");
  check_folder(&session, command.cwd);
  check_required(&session, &command, request.required);
  struct spawn_streams streams;
  open_streams(&session, &request, &streams);
  spawn(&session, &command, streams);
  exec_request_free(&command);
  session.state.phase = session_phase_running;
  session_state_save(session.folder, &session.state, false);
  unsigned char frame[64];
  reply(frame, session_put_started(frame, sizeof frame, (uint32_t)session.state.pid,
                                   session.state.started_at_ms));
  close(connection);
  // Behind the reply, which need not wait for it.
  session_state_save(session.folder, &session.state, true);
  session_host_serve(&session, signals);
}
