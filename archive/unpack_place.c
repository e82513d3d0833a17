#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "archive/unpack_place.h"

#include "archive/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/// Temporary names are random, so that two copies into one directory do not meet.
static void choose_serial(struct archive_unpacker* unpacker) {
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
    random = (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL); // O_EXCL tells where it is taken
  snprintf(unpacker->serial_base, sizeof unpacker->serial_base, "%016llx",
           (unsigned long long)random);
}

/// The part of `path` before its last name: "." and "/" where there is none.
static void parent_of(const char* path, char* out, size_t size) {
  size_t end = strlen(path);
  while (end > 0 && path[end - 1] == '/')
    --end;
  while (end > 0 && path[end - 1] != '/')
    --end;
  while (end > 1 && path[end - 1] == '/')
    --end;
  snprintf(out, size, "%.*s", (int)end, end > 0 ? path : ".");
  if (end == 0)
    snprintf(out, size, ".");
}

/// The destination as it was written, for errors.
static bool cannot(struct archive_unpacker* unpacker, int error, const char* path) {
  unpacker->path_size = 0;
  return archive_unpack_fail(unpacker, archive_step_place, error, path);
}

static bool into_parent(struct archive_unpacker* unpacker, const char* destination, char* name) {
  char parent[ARCHIVE_TEXT_MAX + 1];
  archive_base_name(destination, name);
  if (name[0] == '\0' || strlen(destination) > ARCHIVE_TEXT_MAX)
    return cannot(unpacker, ENOENT, destination);
  parent_of(destination, parent, sizeof parent);
  unpacker->levels[0].fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (unpacker->levels[0].fd < 0)
    return cannot(unpacker, errno, parent);
  if (strcmp(parent, ".") != 0 || destination[0] == '.')
    archive_unpack_push(unpacker, parent);
  return true;
}

bool archive_unpack_place(struct archive_unpacker* unpacker, const char* destination) {
  const char* path = destination[0] != '\0' ? destination : ".";
  size_t size = strlen(path);
  bool has_slash = path[size - 1] == '/';
  bool may_make = has_slash || (unpacker->flags & ARCHIVE_UNPACK_CONTENTS) != 0;
  bool is_directory = may_make || (unpacker->flags & ARCHIVE_UNPACK_MANY) != 0;
  choose_serial(unpacker);
  unpacker->levels[0].fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (unpacker->levels[0].fd >= 0) {
    if ((unpacker->flags & ARCHIVE_UNPACK_NAMED) != 0)
      return cannot(unpacker, EISDIR, path);
    if (destination[0] != '\0')
      archive_unpack_push(unpacker, path);
    return true;
  }
  int error = errno;
  if ((error != ENOENT && error != ENOTDIR) || (is_directory && (error != ENOENT || !may_make)))
    return cannot(unpacker, error, path);
  char name[ARCHIVE_NAME_MAX + 1];
  if (!into_parent(unpacker, path, name))
    return false;
  if (!is_directory) {
    strcpy(unpacker->top_name, name);
    return true;
  }
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct archive_entry made = {.name = name,
                               .mode = unpacker->default_mode,
                               .seconds = now.tv_sec,
                               .nanoseconds = (uint32_t)now.tv_nsec};
  unpacker->base = 1;
  return archive_unpack_enter(unpacker, name, &made);
}
