#define _GNU_SOURCE
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void log_line(const char* name, const char* format, ...) {
  char line[512];
  int used = snprintf(line, sizeof line, "%s: ", name);
  va_list arguments;
  va_start(arguments, format);
  int text = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, arguments);
  va_end(arguments);
  if (text < 0)
    return;
  size_t length = strlen(line);
  line[length] = '\n';
  write_all(STDERR_FILENO, line, length + 1);
}

ssize_t read_text(const char* path, char* out, size_t size) {
  out[0] = '\0';
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  size_t have = 0;
  while (have + 1 < size) {
    ssize_t n = read(fd, out + have, size - 1 - have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    have += (size_t)n;
  }
  close(fd);
  out[have] = '\0';
  return (ssize_t)have;
}

bool write_all(int fd, const void* bytes, size_t size) {
  const char* at = bytes;
  while (size > 0) {
    ssize_t n = write(fd, at, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    at += n;
    size -= (size_t)n;
  }
  return true;
}

bool replace_text(const char* path, const char* text, mode_t mode) {
  char old[16384];
  struct stat info;
  bool is_plain = lstat(path, &info) == 0 && S_ISREG(info.st_mode);
  if (is_plain && read_text(path, old, sizeof old) >= 0 && strcmp(old, text) == 0)
    return true;
  char temporary[256];
  if ((size_t)snprintf(temporary, sizeof temporary, "%s.banger", path) >= sizeof temporary)
    return false;
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0)
    return false;
  bool written = write_all(fd, text, strlen(text));
  written = close(fd) == 0 && written && rename(temporary, path) == 0;
  if (!written)
    unlink(temporary);
  return written;
}

bool write_kernel_file(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  bool written = write_all(fd, text, strlen(text));
  close(fd);
  return written;
}

bool config_value(const char* lines, const char* key, char* out, size_t size) {
  size_t key_length = strlen(key);
  out[0] = '\0';
  for (const char* line = lines; line != NULL && *line != '\0';) {
    const char* end = strchr(line, '\n');
    size_t length = end != NULL ? (size_t)(end - line) : strlen(line);
    if (length > key_length && strncmp(line, key, key_length) == 0 && line[key_length] == '=') {
      size_t value_length = length - key_length - 1;
      if (value_length >= size)
        return false;
      memcpy(out, line + key_length + 1, value_length);
      out[value_length] = '\0';
      return true;
    }
    line = end != NULL ? end + 1 : NULL;
  }
  return false;
}

double uptime_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
