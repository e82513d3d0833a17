#define _GNU_SOURCE
#include "agent_spawn.h"

#include "agent_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char* const base_environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "USER=root",
    "LOGNAME=root",
    "SHELL=/bin/bash",
    "LANG=C.UTF-8",
};
enum { base_count = sizeof base_environment / sizeof *base_environment };

/// @returns an array with `extra` free places and a NULL at its end, or NULL where memory is short
static char** to_array(struct wire_strings strings, size_t extra) {
  char** array = calloc(strings.count + extra + 1, sizeof *array);
  const char* at = strings.first;
  for (uint32_t i = 0; array != NULL && i < strings.count; ++i, at += strlen(at) + 1)
    array[i] = (char*)at;
  return array;
}

/// Where `environment` sets the variable that `setting` ("K=V") sets.
static char** find_variable(char** environment, const char* setting) {
  size_t length = strcspn(setting, "=");
  for (char** at = environment; *at != NULL; ++at)
    if (strncmp(*at, setting, length) == 0 && (*at)[length] == '=')
      return at;
  return NULL;
}

bool exec_request_build(const char* cwd, struct wire_strings arguments,
                        struct wire_strings environment, struct exec_request* out) {
  memset(out, 0, sizeof *out);
  out->cwd = cwd[0] != '\0' ? cwd : "/root";
  out->arguments = to_array(arguments, 0);
  out->environment = to_array(environment, base_count);
  size_t count = environment.count;
  bool is_good = arguments.count > 0 && out->arguments != NULL && out->environment != NULL;
  for (size_t i = 0; is_good && i < count; ++i)
    is_good = out->environment[i][0] != '=' && strchr(out->environment[i], '=') != NULL;
  if (!is_good) {
    exec_request_free(out);
    return false;
  }
  for (size_t i = 0; i < base_count; ++i)
    if (find_variable(out->environment, base_environment[i]) == NULL)
      out->environment[count++] = (char*)base_environment[i];
  return true;
}

bool exec_request_parse(const unsigned char* payload, size_t size, struct exec_request* out) {
  struct wire_reader reader = {.at = payload, .left = size};
  const unsigned char* token = wire_take_bytes(&reader, BANGER_TOKEN_SIZE);
  uint32_t flags = wire_take_u32(&reader);
  const char* cwd = wire_take_string(&reader);
  struct wire_strings arguments = wire_take_strings(&reader);
  struct wire_strings environment = wire_take_strings(&reader);
  memset(out, 0, sizeof *out);
  if (!wire_is_done(&reader) || (flags & ~BANGER_EXEC_MERGE_STDERR) != 0 ||
      !exec_request_build(cwd, arguments, environment, out))
    return false;
  out->token = token;
  out->flags = flags;
  return true;
}

void exec_request_free(struct exec_request* request) {
  free(request->arguments);
  free(request->environment);
  memset(request, 0, sizeof *request);
}

/// execve(2), and for a script without "#!" what execvp(3) does: /bin/sh runs it.
static void try_exec(const char* path, const struct exec_request* request) {
  execve(path, request->arguments, request->environment);
  if (errno != ENOEXEC)
    return;
  size_t count = 0;
  while (request->arguments[count] != NULL)
    ++count;
  char** arguments = calloc(count + 2, sizeof *arguments);
  if (arguments == NULL)
    return;
  arguments[0] = (char*)"/bin/sh";
  arguments[1] = (char*)path;
  memcpy(arguments + 2, request->arguments + 1, count * sizeof *arguments);
  execve(arguments[0], arguments, request->environment);
  errno = ENOEXEC;
}

/// Calls `visit` with each file that `name` may stand for, in the order of PATH, until it wants no
/// more. @returns EACCES where a file was found but may not be run, else ENOENT; 0 or another errno
/// where `visit` ended it with that.
static int search_path(const struct exec_request* request, const char* name,
                       int (*visit)(const char* path, const struct exec_request* request)) {
  if (name[0] == '\0')
    return ENOENT;
  if (strchr(name, '/') != NULL)
    return visit(name, request);
  char** setting = find_variable(request->environment, "PATH=");
  bool saw_forbidden = false;
  for (const char* folder = setting != NULL ? *setting + 5 : "/usr/bin:/bin"; folder != NULL;) {
    const char* end = strchr(folder, ':');
    int length = end != NULL ? (int)(end - folder) : (int)strlen(folder);
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%.*s%s%s", length, folder, length > 0 ? "/" : "", name);
    folder = end != NULL ? end + 1 : NULL;
    if (size < 0 || (size_t)size >= sizeof path)
      continue;
    int error = visit(path, request);
    if (error == EACCES)
      saw_forbidden = true;
    else if (error != ENOENT && error != ENOTDIR)
      return error;
  }
  return saw_forbidden ? EACCES : ENOENT;
}

static int visit_exec(const char* path, const struct exec_request* request) {
  try_exec(path, request);
  return errno;
}

static int visit_check(const char* path, const struct exec_request* request) {
  (void)request;
  struct stat info;
  if (stat(path, &info) != 0 || access(path, X_OK) != 0)
    return errno;
  return S_ISREG(info.st_mode) ? 0 : EACCES;
}

int find_command(const struct exec_request* request, const char* name) {
  return search_path(request, name, visit_check);
}

static void reset_signals(void) {
  for (int number = 1; number < 65; ++number)
    signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void reset_limits(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > 1024) {
    files.rlim_cur = 1024;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)!write(fd, "0", 1);
    close(fd);
  }
}

/// What the agent itself was started with, say, is no business of the command.
static void close_on_exec_from(unsigned first) {
  enum { close_range_cloexec = 4 }; // CLOSE_RANGE_CLOEXEC of linux/close_range.h
  syscall(SYS_close_range, first, ~0U, close_range_cloexec);
}

/// Moves a descriptor out of the way of 0, 1 and 2.
static int move_up(int fd) {
  return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static _Noreturn void run_child(const struct exec_request* request, struct spawn_streams streams,
                                int failure_pipe) {
  struct spawn_failure failure = {0};
  setsid();
  reset_limits();
  umask(022);
  streams.input = move_up(streams.input);
  streams.output = move_up(streams.output);
  streams.error_output = move_up(streams.error_output);
  failure_pipe = move_up(failure_pipe);
  close_on_exec_from(3);
  if (dup2(streams.input, 0) < 0 || dup2(streams.output, 1) < 0 ||
      dup2(streams.error_output, 2) < 0 || (streams.is_terminal && ioctl(0, TIOCSCTTY, 0) != 0)) {
    failure.error = errno;
  } else if (chdir(request->cwd) != 0) {
    failure.error = errno;
    failure.is_cwd = true;
  } else {
    reset_signals();
    failure.error = search_path(request, request->arguments[0], visit_exec);
  }
  (void)!write(failure_pipe, &failure, sizeof failure);
  _exit(127);
}

static void make_blocking(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

pid_t spawn_command(const struct exec_request* request, struct spawn_streams streams,
                    int* failure_pipe) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return -1;
  // The flag is on the open file, which the command shares: it expects to block.
  make_blocking(streams.input);
  make_blocking(streams.output);
  make_blocking(streams.error_output);
  pid_t child = fork();
  if (child == 0)
    run_child(request, streams, ends[1]);
  int error = errno;
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    errno = error;
    return -1;
  }
  *failure_pipe = ends[0];
  return child;
}
