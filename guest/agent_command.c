#define _GNU_SOURCE
#include "agent_command.h"

#include "guest/wire.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { signal_frame_size = BANGER_FRAME_HEADER_SIZE + 4 };

/// One started command. It outlives its control connection until its process group is gone.
struct command {
  pid_t pid;        ///< also its process group; 0: this place is free
  int control;      ///< -1 once closed
  int failure_pipe; ///< -1 once it is known whether exec worked
  unsigned char* payload;
  struct exec_request request; ///< for the text of 'F'; until exec is known to have worked
  unsigned char frame[signal_frame_size];
  uint32_t have; ///< bytes of the frame that comes
  bool has_ended;
  int status;           ///< of waitpid(2)
  double kill_deadline; ///< 0: nobody wants it dead
};

static struct command commands[BANGER_MAX_COMMANDS];

/// Replies are small and a connection gets two at most: its buffer always has room for them.
static void reply(int control, char type, const void* payload, size_t size) {
  unsigned char frame[BANGER_FRAME_HEADER_SIZE + 512];
  frame[0] = (unsigned char)type;
  wire_store_u32(frame + 1, (uint32_t)size);
  memcpy(frame + BANGER_FRAME_HEADER_SIZE, payload, size);
  (void)!send(control, frame, BANGER_FRAME_HEADER_SIZE + size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void reply_failed(int control, const char* what, const char* name, int error) {
  unsigned char payload[4 + 400];
  wire_store_u32(payload, (uint32_t)error);
  int length = snprintf((char*)payload + 4, sizeof payload - 4, "%s%s%.200s: %s", what,
                        name[0] != '\0' ? " " : "", name, strerror(error));
  reply(control, BANGER_FRAME_FAILED, payload, 4 + (size_t)length);
}

static void close_control(struct command* command) {
  if (command->control >= 0)
    close(command->control);
  command->control = -1;
}

static void forget_request(struct command* command) {
  exec_request_free(&command->request);
  free(command->payload);
  command->payload = NULL;
}

static void forget(struct command* command) {
  close_control(command);
  forget_request(command);
  if (command->failure_pipe >= 0)
    close(command->failure_pipe);
  memset(command, 0, sizeof *command);
}

/// The control connection is gone, or wrong.
static void end_group(struct command* command) {
  close_control(command);
  if (command->kill_deadline > 0)
    return;
  command->kill_deadline = uptime_seconds() + BANGER_KILL_SECONDS;
  kill(-command->pid, SIGHUP);
  if (kill(-command->pid, SIGTERM) != 0 && !command->has_ended)
    kill(command->pid, SIGTERM); // between fork and setsid it has no group yet
  kill(-command->pid, SIGCONT);  // a stopped process acts on nothing else
}

/// Says how exec went, once it is known. @returns false where it is not known yet.
static bool report_start(struct command* command) {
  struct spawn_failure failure;
  if (command->failure_pipe < 0)
    return true;
  ssize_t n = read(command->failure_pipe, &failure, sizeof failure);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  close(command->failure_pipe);
  command->failure_pipe = -1;
  if (n == (ssize_t)sizeof failure) {
    const struct exec_request* request = &command->request;
    if (command->control >= 0)
      reply_failed(command->control, failure.is_cwd ? "enter" : "run",
                   failure.is_cwd ? request->cwd : request->arguments[0], failure.error);
    close_control(command);
  } else if (command->control >= 0) {
    unsigned char pid[4];
    wire_store_u32(pid, (uint32_t)command->pid);
    reply(command->control, BANGER_FRAME_STARTED, pid, sizeof pid);
  }
  forget_request(command);
  return true;
}

static void report_end(struct command* command) {
  unsigned char ended[8] = {0};
  if (WIFSIGNALED(command->status))
    wire_store_u32(ended + 4, (uint32_t)WTERMSIG(command->status));
  else
    wire_store_u32(ended, (uint32_t)WEXITSTATUS(command->status));
  reply(command->control, BANGER_FRAME_ENDED, ended, sizeof ended);
}

/// Reports in order, and frees the place of a command that is over.
static void settle(struct command* command) {
  if (!report_start(command) || !command->has_ended)
    return;
  if (command->control >= 0)
    report_end(command);
  else if (command->kill_deadline > 0 && kill(-command->pid, 0) == 0)
    return; // others of its group still run: until the deadline
  forget(command);
}

void command_start(int control, unsigned char* payload, struct exec_request request, int stdio,
                   int error_output) {
  struct command* command = commands;
  while (command < commands + BANGER_MAX_COMMANDS && command->pid != 0)
    ++command;
  bool has_place = command < commands + BANGER_MAX_COMMANDS;
  int failure_pipe = -1;
  errno = EAGAIN;
  struct spawn_streams streams = {.input = stdio, .output = stdio, .error_output = error_output};
  pid_t pid = has_place ? spawn_command(&request, streams, &failure_pipe) : -1;
  if (pid < 0) {
    reply_failed(control, has_place ? "start a process" : "too many commands", "", errno);
    close(control);
    exec_request_free(&request);
    free(payload);
    return;
  }
  fcntl(failure_pipe, F_SETFL, O_NONBLOCK);
  *command = (struct command){.pid = pid,
                              .control = control,
                              .failure_pipe = failure_pipe,
                              .payload = payload,
                              .request = request};
}

int command_poll(struct pollfd* out) {
  int count = 0;
  for (struct command* at = commands; at < commands + BANGER_MAX_COMMANDS; ++at) {
    if (at->pid == 0)
      continue;
    if (at->failure_pipe >= 0)
      out[count++] = (struct pollfd){.fd = at->failure_pipe, .events = POLLIN};
    // Requests are for a command that started; until then only the end of the connection counts.
    if (at->control >= 0)
      out[count++] =
          (struct pollfd){.fd = at->control, .events = at->failure_pipe >= 0 ? POLLRDHUP : POLLIN};
  }
  return count;
}

int command_timeout(void) {
  double now = uptime_seconds(), next = -1;
  for (struct command* at = commands; at < commands + BANGER_MAX_COMMANDS; ++at)
    if (at->pid != 0 && at->kill_deadline > 0 && (next < 0 || at->kill_deadline < next))
      next = at->kill_deadline;
  if (next < 0)
    return -1;
  return next > now ? (int)((next - now) * 1000) + 1 : 0;
}

/// 'K' frames; anything else ends the connection, and the command with it.
static void read_control(struct command* command) {
  ssize_t n = recv(command->control, command->frame + command->have,
                   signal_frame_size - command->have, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0) {
    end_group(command);
    return;
  }
  command->have += (uint32_t)n;
  if (command->have < signal_frame_size)
    return;
  command->have = 0;
  uint32_t number = wire_load_u32(command->frame + BANGER_FRAME_HEADER_SIZE);
  if (command->frame[0] != BANGER_FRAME_SIGNAL || wire_load_u32(command->frame + 1) != 4 ||
      number < 1 || number > 64)
    end_group(command);
  else
    kill(-command->pid, (int)number);
}

static void take_event(const struct pollfd* event) {
  for (struct command* at = commands; at < commands + BANGER_MAX_COMMANDS; ++at) {
    if (at->pid == 0)
      continue;
    if (at->failure_pipe == event->fd) {
      settle(at);
      return;
    }
    if (at->control == event->fd) {
      if (at->failure_pipe >= 0 && (event->revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
        end_group(at);
      else if (at->failure_pipe < 0)
        read_control(at);
      return;
    }
  }
}

void command_work(const struct pollfd* fds, int count) {
  for (int i = 0; i < count; ++i)
    if (fds[i].revents != 0)
      take_event(&fds[i]);
  double now = uptime_seconds();
  for (struct command* at = commands; at < commands + BANGER_MAX_COMMANDS; ++at) {
    if (at->pid == 0 || at->kill_deadline == 0 || now < at->kill_deadline)
      continue;
    kill(-at->pid, SIGKILL);
    if (at->has_ended)
      forget(at); // the leader was reaped; init reaps the rest
    else
      at->kill_deadline = now + BANGER_KILL_SECONDS; // in uninterruptible sleep, perhaps
  }
}

void command_reaped(pid_t pid, int status) {
  for (struct command* at = commands; at < commands + BANGER_MAX_COMMANDS; ++at)
    if (at->pid == pid && !at->has_ended) {
      at->has_ended = true;
      at->status = status;
      settle(at);
    }
}

void command_end_all(void) {
  for (struct command* at = commands; at < commands + BANGER_MAX_COMMANDS; ++at)
    if (at->pid != 0)
      end_group(at);
}
