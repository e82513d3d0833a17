#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "archive/unpack.h"

#include "archive/pack.h"
#include "archive/remove.h"
#include "archive/unpack_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct archive_level* here(struct archive_unpacker* unpacker) {
  return &unpacker->levels[unpacker->depth];
}

bool archive_unpack_fail(struct archive_unpacker* unpacker, enum archive_step step, int error,
                         const char* name) {
  struct archive_failure* out = &unpacker->failure;
  if (out->step != archive_step_none)
    return false; // the first one is the cause
  out->step = step;
  out->error = (uint32_t)error;
  bool has_both = unpacker->path_size > 0 && name[0] != '\0';
  bool has_slash = has_both && unpacker->path[unpacker->path_size - 1] != '/';
  snprintf(out->path, sizeof out->path, "%.*s%s%s", (int)unpacker->path_size, unpacker->path,
           has_slash ? "/" : "", name);
  return false;
}

static bool fail(struct archive_unpacker* unpacker, const char* name) {
  return archive_unpack_fail(unpacker, archive_step_write, errno, name);
}

size_t archive_unpack_push(struct archive_unpacker* unpacker, const char* name) {
  size_t before = unpacker->path_size;
  unpacker->path_size = archive_path_join(unpacker->path, before, name);
  return before;
}

void archive_unpack_temporary(struct archive_unpacker* unpacker, char* out) {
  snprintf(out, ARCHIVE_TEMPORARY_SIZE, ARCHIVE_TEMPORARY_PREFIX "%s-%x", unpacker->serial_base,
           ++unpacker->serial);
}

/// The name in its directory: what the user wants the one thing at the top to be called, or its
/// own.
/// @returns NULL where a second thing would get that name
static const char* name_of(struct archive_unpacker* unpacker, const struct archive_entry* entry) {
  if (unpacker->depth != unpacker->base || unpacker->top_name[0] == '\0')
    return entry->name;
  if (unpacker->has_top) {
    archive_unpack_fail(unpacker, archive_step_place, ENOTDIR, unpacker->top_name);
    return NULL;
  }
  unpacker->has_top = true;
  return unpacker->top_name;
}

static uint32_t mode_of(const struct archive_unpacker* unpacker, uint32_t mode) {
  return mode & ((unpacker->flags & ARCHIVE_UNPACK_SPECIAL_BITS) != 0 ? 07777U : 0777U);
}

static void times_of(int64_t seconds, uint32_t nanoseconds, struct timespec out[2]) {
  out[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
  out[1] = (struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds};
}

// -- directories

static int open_directory(int at, const char* name) {
  return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/// Makes a directory, under a temporary name unless one above it has one. @returns it, open; or -1
static int make_directory(struct archive_unpacker* unpacker, int at, const char* name,
                          struct archive_level* level) {
  bool stages = unpacker->staged == 0;
  if (stages)
    archive_unpack_temporary(unpacker, unpacker->staged_name);
  const char* made = stages ? unpacker->staged_name : name;
  level->made_mode = (level->mode & 0777U) | 0700U; // we must be able to write in it
  if (mkdirat(at, made, level->made_mode) != 0)
    return -1;
  level->is_new = true;
  if (stages)
    unpacker->staged = unpacker->depth + 1;
  return open_directory(at, made);
}

bool archive_unpack_enter(struct archive_unpacker* unpacker, const char* name,
                          const struct archive_entry* entry) {
  int at = here(unpacker)->fd;
  struct archive_level* level = &unpacker->levels[unpacker->depth + 1];
  level->mode = mode_of(unpacker, entry->mode);
  level->seconds = entry->seconds;
  level->nanoseconds = entry->nanoseconds;
  level->is_new = false;
  level->is_kept = (entry->flags & ARCHIVE_FLAG_AS_IT_IS) != 0;
  // Within one of ours there is nothing yet.
  level->fd = unpacker->staged == 0 || level->is_kept ? open_directory(at, name) : -1;
  if (level->fd < 0 && !level->is_kept && (unpacker->staged != 0 || errno == ENOENT))
    level->fd = make_directory(unpacker, at, name, level);
  if (level->fd < 0 && errno == EEXIST)
    level->fd = open_directory(at, name);
  strcpy(level->name, name);
  if (level->fd < 0 && unpacker->staged != unpacker->depth + 1)
    return fail(unpacker, name);
  level->path_size = archive_unpack_push(unpacker, name);
  ++unpacker->depth;
  return level->fd >= 0 || fail(unpacker, "");
}

static bool directory(void* context, const struct archive_entry* entry) {
  struct archive_unpacker* unpacker = context;
  const char* name = name_of(unpacker, entry);
  return name != NULL && archive_unpack_enter(unpacker, name, entry);
}

/// What was written into it has changed its time, so that comes last.
static bool set_attributes(const struct archive_level* level) {
  struct timespec times[2];
  times_of(level->seconds, level->nanoseconds, times);
  if (level->is_kept)
    return true;
  if ((!level->is_new || level->mode != level->made_mode) && fchmod(level->fd, level->mode) != 0)
    return false;
  return futimens(level->fd, times) == 0;
}

bool archive_unpack_leave(struct archive_unpacker* unpacker) {
  struct archive_level* level = here(unpacker);
  int above = unpacker->levels[unpacker->depth - 1].fd;
  if (!set_attributes(level))
    return fail(unpacker, "");
  if (unpacker->staged == unpacker->depth) {
    if (renameat(above, unpacker->staged_name, above, level->name) != 0)
      return fail(unpacker, "");
    unpacker->staged = 0;
  }
  close(level->fd);
  unpacker->path_size = level->path_size;
  --unpacker->depth;
  return true;
}

static bool up(void* context) {
  return archive_unpack_leave(context);
}

// -- files

static bool file(void* context, const struct archive_entry* entry) {
  struct archive_unpacker* unpacker = context;
  const char* name = name_of(unpacker, entry);
  if (name == NULL)
    return false;
  unpacker->file_entry = *entry;
  unpacker->file_entry.mode = mode_of(unpacker, entry->mode);
  unpacker->file_written = 0;
  strcpy(unpacker->file_name, name);
  unpacker->file_temporary[0] = '\0';
  if (unpacker->staged == 0)
    archive_unpack_temporary(unpacker, unpacker->file_temporary);
  const char* made = unpacker->staged == 0 ? unpacker->file_temporary : name;
  unpacker->file =
      openat(here(unpacker)->fd, made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
             unpacker->file_entry.mode);
  return unpacker->file >= 0 || fail(unpacker, name);
}

static bool data(void* context, uint64_t offset, const unsigned char* bytes, size_t size) {
  struct archive_unpacker* unpacker = context;
  while (size > 0) {
    ssize_t n = pwrite(unpacker->file, bytes, size, (off_t)offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail(unpacker, unpacker->file_name);
    bytes += n;
    size -= (size_t)n;
    offset += (uint64_t)n;
  }
  unpacker->file_written = offset;
  return true;
}

/// Writing takes away the set-user-ID bit, so those bits come after it.
static bool complete(struct archive_unpacker* unpacker, uint64_t size) {
  const struct archive_entry* entry = &unpacker->file_entry;
  struct timespec times[2];
  times_of(entry->seconds, entry->nanoseconds, times);
  if (size != unpacker->file_written && ftruncate(unpacker->file, (off_t)size) != 0)
    return false;
  if ((entry->mode & ~0777U) != 0 && fchmod(unpacker->file, entry->mode) != 0)
    return false;
  return futimens(unpacker->file, times) == 0;
}

static bool file_end(void* context, uint64_t size) {
  struct archive_unpacker* unpacker = context;
  int at = here(unpacker)->fd;
  if (!complete(unpacker, size))
    return fail(unpacker, unpacker->file_name);
  int fd = unpacker->file;
  unpacker->file = -1;
  bool is_there = close(fd) == 0;
  if (is_there && unpacker->file_temporary[0] != '\0')
    is_there = renameat(at, unpacker->file_temporary, at, unpacker->file_name) == 0;
  if (!is_there)
    return fail(unpacker, unpacker->file_name);
  unpacker->file_temporary[0] = '\0';
  return true;
}

static bool make_link(void* context, const struct archive_entry* entry) {
  struct archive_unpacker* unpacker = context;
  const char* name = name_of(unpacker, entry);
  if (name == NULL)
    return false;
  int at = here(unpacker)->fd;
  char temporary[ARCHIVE_TEMPORARY_SIZE] = "";
  if (unpacker->staged == 0)
    archive_unpack_temporary(unpacker, temporary);
  const char* made = unpacker->staged == 0 ? temporary : name;
  struct timespec times[2];
  times_of(entry->seconds, entry->nanoseconds, times);
  if (symlinkat(entry->target, at, made) != 0)
    return fail(unpacker, name);
  (void)utimensat(at, made, times, AT_SYMLINK_NOFOLLOW); // not every file system has it
  if (made == name || renameat(at, made, at, name) == 0)
    return true;
  int error = errno;
  unlinkat(at, made, 0);
  errno = error;
  return fail(unpacker, name);
}

static bool remove_entry(void* context, const struct archive_entry* entry) {
  struct archive_unpacker* unpacker = context;
  if ((unpacker->flags & ARCHIVE_UNPACK_DELETE) == 0)
    return archive_unpack_fail(unpacker, archive_step_delete, EPERM, entry->name);
  return archive_remove(here(unpacker)->fd, entry->name) ||
         archive_unpack_fail(unpacker, archive_step_delete, errno, entry->name);
}

// -- the end

/// What is not whole goes; what has its own name stays.
static void undo(struct archive_unpacker* unpacker) {
  if (unpacker->file >= 0)
    close(unpacker->file);
  if (unpacker->file_temporary[0] != '\0')
    unlinkat(here(unpacker)->fd, unpacker->file_temporary, 0);
  for (; unpacker->depth > 0; --unpacker->depth) {
    if (here(unpacker)->fd >= 0)
      close(here(unpacker)->fd);
    if (unpacker->staged == unpacker->depth)
      archive_remove(unpacker->levels[unpacker->depth - 1].fd, unpacker->staged_name);
  }
}

/// Where no step of ours failed.
static void describe_archive(struct archive_unpacker* unpacker) {
  switch (unpacker->reader.state) {
    case archive_state_failed: unpacker->failure = unpacker->reader.failure; break;
    case archive_state_reading:
      archive_unpack_fail(unpacker, archive_step_archive, EPIPE, "");
      break;
    case archive_state_version:
      archive_unpack_fail(unpacker, archive_step_archive, EPROTO, "");
      break;
    case archive_state_bad:
    case archive_state_stopped:
    case archive_state_ended:
      archive_unpack_fail(unpacker, archive_step_archive, EBADMSG, "");
      break;
  }
}

bool archive_unpack_begin(struct archive_unpacker* unpacker, const char* destination,
                          unsigned flags) {
  unpacker->handler = (struct archive_handler){.context = unpacker,
                                               .directory = directory,
                                               .up = up,
                                               .file = file,
                                               .data = data,
                                               .file_end = file_end,
                                               .link = make_link,
                                               .remove = remove_entry};
  archive_reader_init(&unpacker->reader, &unpacker->handler);
  unpacker->flags = flags;
  unpacker->failure = (struct archive_failure){.step = archive_step_none};
  unpacker->depth = unpacker->base = unpacker->staged = 0;
  unpacker->file = -1;
  unpacker->file_temporary[0] = unpacker->top_name[0] = '\0';
  unpacker->has_top = false;
  unpacker->serial = 0;
  unpacker->path_size = 0;
  unpacker->levels[0].fd = -1;
  unpacker->default_mode = 0777U & ~(uint32_t)umask(0);
  return archive_unpack_place(unpacker, destination);
}

bool archive_unpack(struct archive_unpacker* unpacker, const void* bytes, size_t size) {
  return archive_read(&unpacker->reader, bytes, size) == archive_state_reading;
}

bool archive_unpack_finish(struct archive_unpacker* unpacker, struct archive_report* report) {
  bool is_whole = unpacker->failure.step == archive_step_none &&
                  unpacker->reader.state == archive_state_ended &&
                  (unpacker->base == 0 || archive_unpack_leave(unpacker));
  if (!is_whole) {
    if (unpacker->failure.step == archive_step_none)
      describe_archive(unpacker);
    undo(unpacker);
  }
  if (unpacker->levels[0].fd >= 0)
    close(unpacker->levels[0].fd);
  report->totals = unpacker->reader.totals;
  report->failure = unpacker->failure;
  return is_whole;
}
