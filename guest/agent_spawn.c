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

/// Takes the payload apart from the front. After an error everything it returns is empty.
struct cursor {
  const unsigned char* at;
  size_t left;
  bool is_bad;
};

static uint32_t take_u32(struct cursor* cursor) {
  if (cursor->left < 4) {
    cursor->is_bad = true;
    return 0;
  }
  const unsigned char* at = cursor->at;
  cursor->at += 4;
  cursor->left -= 4;
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static const char* take_string(struct cursor* cursor) {
  const unsigned char* end = cursor->is_bad ? NULL : memchr(cursor->at, '\0', cursor->left);
  if (end == NULL) {
    cursor->is_bad = true;
    return "";
  }
  const char* text = (const char*)cursor->at;
  cursor->left -= (size_t)(end + 1 - cursor->at);
  cursor->at = end + 1;
  return text;
}

/// A count of strings and then these. Each takes a byte at least, which bounds the count.
/// @returns an array with `extra` free places and a NULL at its end.
static char** take_strings(struct cursor* cursor, size_t extra, size_t* count) {
  *count = take_u32(cursor);
  if (cursor->is_bad || *count > cursor->left) {
    cursor->is_bad = true;
    return NULL;
  }
  char** strings = calloc(*count + extra + 1, sizeof *strings);
  cursor->is_bad = strings == NULL;
  for (size_t i = 0; i < *count && !cursor->is_bad; ++i)
    strings[i] = (char*)take_string(cursor);
  return strings;
}

/// Where `environment` sets the variable that `setting` ("K=V") sets.
static char** find_variable(char** environment, const char* setting) {
  size_t length = strcspn(setting, "=");
  for (char** at = environment; *at != NULL; ++at)
    if (strncmp(*at, setting, length) == 0 && (*at)[length] == '=')
      return at;
  return NULL;
}

bool exec_request_parse(const unsigned char* payload, size_t size, struct exec_request* out) {
  struct cursor cursor = {.at = payload, .left = size};
  size_t argument_count = 0, variable_count = 0;
  memset(out, 0, sizeof *out);
  if (size < BANGER_TOKEN_SIZE)
    return false;
  out->token = payload;
  cursor.at += BANGER_TOKEN_SIZE;
  cursor.left -= BANGER_TOKEN_SIZE;
  out->flags = take_u32(&cursor);
  out->cwd = take_string(&cursor);
  out->arguments = take_strings(&cursor, 0, &argument_count);
  if (!cursor.is_bad)
    out->environment = take_strings(&cursor, base_count, &variable_count);
  bool is_good = !cursor.is_bad && cursor.left == 0 && argument_count > 0 &&
                 (out->flags & ~BANGER_EXEC_MERGE_STDERR) == 0;
  for (size_t i = 0; is_good && i < variable_count; ++i)
    is_good = out->environment[i][0] != '=' && strchr(out->environment[i], '=') != NULL;
  if (!is_good) {
    exec_request_free(out);
    return false;
  }
  for (size_t i = 0; i < base_count; ++i)
    if (find_variable(out->environment, base_environment[i]) == NULL)
      out->environment[variable_count++] = (char*)base_environment[i];
  if (out->cwd[0] == '\0')
    out->cwd = "/root";
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

/// As execvpe(3), with the PATH of the command's environment. Returns only on failure: EACCES where
/// a file was found but may not be run, else ENOENT.
static int exec_by_path(const struct exec_request* request) {
  const char* name = request->arguments[0];
  if (name[0] == '\0')
    return ENOENT;
  if (strchr(name, '/') != NULL) {
    try_exec(name, request);
    return errno;
  }
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
    try_exec(path, request);
    if (errno == EACCES)
      saw_forbidden = true;
    else if (errno != ENOENT && errno != ENOTDIR)
      return errno;
  }
  return saw_forbidden ? EACCES : ENOENT;
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

static _Noreturn void run_child(const struct exec_request* request, int stdio, int error_output,
                                int failure_pipe) {
  struct spawn_failure failure = {0};
  setsid();
  reset_limits();
  umask(022);
  stdio = move_up(stdio);
  error_output = move_up(error_output);
  failure_pipe = move_up(failure_pipe);
  close_on_exec_from(3);
  if (dup2(stdio, 0) < 0 || dup2(stdio, 1) < 0 || dup2(error_output, 2) < 0) {
    failure.error = errno;
  } else if (chdir(request->cwd) != 0) {
    failure.error = errno;
    failure.is_cwd = true;
  } else {
    reset_signals();
    failure.error = exec_by_path(request);
  }
  (void)!write(failure_pipe, &failure, sizeof failure);
  _exit(127);
}

pid_t spawn_command(const struct exec_request* request, int stdio, int error_output,
                    int* failure_pipe) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return -1;
  // The flag is on the open file, which the command shares: it expects to block.
  fcntl(stdio, F_SETFL, fcntl(stdio, F_GETFL) & ~O_NONBLOCK);
  fcntl(error_output, F_SETFL, fcntl(error_output, F_GETFL) & ~O_NONBLOCK);
  pid_t child = fork();
  if (child == 0)
    run_child(request, stdio, error_output, ends[1]);
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
