// The life of a running session.
#define _GNU_SOURCE
#include "session_host.h"

#include "session_attaches.h"
#include "session_clients.h"
#include "session_folder.h"
#include "session_input.h"
#include "session_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  drain_max = 1024 * 1024, ///< bytes of a source that count as the command's own: a full pipe
  retry_ms = 1000,         ///< until the disk is tried again
};

static struct session* session;
static struct attach_session attached; ///< it, as those see it who are attached
static bool has_ended;                 ///< the command
static bool is_told;                   ///< its end is in the journal and the state file
static bool is_deleted;                ///< the session shall be no more

static void set_window(uint16_t rows, uint16_t columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  if (session->is_terminal && session->sources[0] >= 0)
    ioctl(session->sources[0], TIOCSWINSZ, &size);
}

static void send_signal(int number) {
  if (has_ended)
    return; // its number may be another process's by now
  kill(-session->state.pid, number);
  pid_t foreground = 0;
  if (session->is_terminal && session->sources[0] >= 0 &&
      ioctl(session->sources[0], TIOCGPGRP, &foreground) == 0 && foreground > 1 &&
      foreground != session->state.pid)
    kill(-foreground, number);
}

static void stop(void) {
  is_deleted = true;
}

static void close_source(int* source) {
  close(*source);
  if (session->is_terminal)
    session_input_close(); // the same descriptor
  *source = -1;
}

/// The journal first: what was sent must be there when this process is killed.
static void take_output(enum journal_type type, const unsigned char* bytes, size_t size) {
  struct journal* journal = &session->journal;
  struct journal_record record = {
      .size = (uint32_t)size, .type = (uint8_t)type, .offset = journal->offset};
  uint64_t position = 0;
  if (journal_output(journal, type, bytes, size, &position))
    attaches_output(position, &record, bytes);
}

/// @returns how many bytes came
static size_t read_source(int index) {
  static unsigned char bytes[journal_data_max];
  int* source = &session->sources[index];
  ssize_t n = read(*source, bytes, journal_chunk(&session->journal));
  if (n > 0) {
    take_output(index == 0 ? journal_stdout : journal_stderr, bytes, (size_t)n);
    return (size_t)n;
  }
  if (n == 0 || (errno != EAGAIN && errno != EINTR))
    close_source(source); // a terminal that nobody has open any more says EIO
  return 0;
}

/// What the command itself wrote: all that can be read now that it is gone.
static void drain(void) {
  for (int i = 0; i < 2; ++i)
    for (size_t all = 0, n = 1; n > 0 && all < drain_max && session->sources[i] >= 0; all += n)
      n = read_source(i);
}

static void take_end(int status) {
  struct session_state* state = &session->state;
  has_ended = true;
  drain();
  session_input_close();
  if (WIFSIGNALED(status))
    state->signal = WTERMSIG(status);
  else
    state->exit_code = WEXITSTATUS(status);
  state->phase = session_phase_exited;
  state->ended_at_ms = session_now_ms();
  state->end_offset = session->journal.offset;
}

/// The journal before the state file: who reads of an end finds all of the output. Where the
/// journal has no room for it the state file will do: attaches take the end, and what is lost, from
/// there.
static void tell_end(void) {
  static bool is_in_journal;
  struct session_ended ended = session_state_ended(&session->state);
  if (!is_in_journal && journal_ended(&session->journal, &ended)) {
    is_in_journal = true;
    attaches_look();
    attaches_work(NULL, 0); // those that have all of the output need not wait for the disk
    journal_sync(&session->journal);
  }
  is_told = session_state_save(session->folder, &session->state, true);
  is_deleted = is_deleted || session_folder_is_gone(session->folder);
  attached.is_over = is_told;
  if (is_told)
    attaches_look();
}

static void reap(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
    ;
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    if (pid == session->state.pid && !has_ended)
      take_end(status);
}

static bool is_over(void) {
  return is_deleted || (is_told && session->sources[0] < 0 && session->sources[1] < 0);
}

static void work(int signals) {
  static struct pollfd fds[4 + attaches_poll_max + session_clients_poll_max];
  int timeout = attaches_timeout();
  if (timeout < 0 && has_ended && !is_told)
    timeout = retry_ms;
  fds[0] = (struct pollfd){.fd = signals, .events = POLLIN};
  fds[1] = (struct pollfd){.fd = session->sources[0], .events = POLLIN};
  fds[2] = (struct pollfd){.fd = session->sources[1], .events = POLLIN};
  fds[3] = (struct pollfd){.fd = session_input_poll(), .events = POLLOUT};
  struct pollfd* attaches = fds + 4;
  int attach_count = attaches_poll(attaches);
  struct pollfd* clients = attaches + attach_count;
  int client_count = session_clients_poll(clients);
  if (poll(fds, (nfds_t)(4 + attach_count + client_count), timeout) < 0)
    return;
  for (int i = 0; i < 2; ++i)
    if (fds[1 + i].revents != 0)
      read_source(i);
  if (fds[3].revents != 0)
    session_input_pump();
  attaches_work(attaches, attach_count);
  session_clients_work(clients, client_count);
  if (fds[0].revents != 0)
    reap(signals);
  if (has_ended && !is_told)
    tell_end();
}

static void open_attached(struct session* of) {
  attached = (struct attach_session){.journal = &of->journal,
                                     .state = &of->state,
                                     .set_window = set_window,
                                     .send_signal = send_signal};
  attach_set_session(&attached);
}

/// What is left goes on without the host, which so ends with its session.
static void leave_attaches(void) {
  if (attaches_count() == 0 || fork() != 0)
    return;
  const int ours[] = {session->sources[0], session->sources[1], session->folder};
  for (int i = 0; i < 3; ++i)
    if (ours[i] >= 0)
      close(ours[i]);
  session_process_set_up("banger-attach");
  attaches_finish();
}

_Noreturn void session_host_end(struct session* ended, int status) {
  session = ended;
  if (attached.journal == NULL)
    open_attached(ended);
  session_remove_socket(session->id);
  session_input_close();
  attached.is_over = true;
  attached.set_window = NULL;
  attached.send_signal = NULL;
  session_clients_close(session->listener, 0);
  attaches_look();
  attaches_work(NULL, 0);
  leave_attaches();
  _exit(status);
}

_Noreturn void session_host_serve(struct session* served, int signals) {
  session = served;
  open_attached(served);
  session_input_open(session->input, session->is_terminal);
  session_clients_open(session->listener, stop);
  while (!is_over())
    work(signals);
  journal_settle_gap(&session->journal);
  session_host_end(served, 0);
}
