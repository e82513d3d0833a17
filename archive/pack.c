#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "archive/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool pack_directory(struct archive_packer* packer, int fd, unsigned depth);

void archive_base_name(const char* path, char* out) {
  size_t end = strlen(path);
  while (end > 0 && path[end - 1] == '/')
    --end;
  size_t begin = end;
  while (begin > 0 && path[begin - 1] != '/')
    --begin;
  size_t size = end - begin;
  out[0] = '\0';
  if (!archive_name_is_valid(path + begin, size))
    return;
  memcpy(out, path + begin, size);
  out[size] = '\0';
}

void archive_packer_init(struct archive_packer* packer, struct archive_writer* writer) {
  packer->writer = writer;
  packer->totals = (struct archive_totals){0};
  packer->failure.step = archive_step_none;
  packer->path_size = 0;
}

struct archive_entry archive_entry_of(const char* name, const struct stat* info) {
  return (struct archive_entry){.name = name,
                                .mode = info->st_mode & 07777,
                                .seconds = info->st_mtim.tv_sec,
                                .nanoseconds = (uint32_t)info->st_mtim.tv_nsec};
}

/// @returns where the path ended before
static size_t push(struct archive_packer* packer, const char* name) {
  size_t before = packer->path_size;
  packer->path_size = archive_path_join(packer->path, before, name);
  packer->path[packer->path_size] = '\0';
  return before;
}

static void pop(struct archive_packer* packer, size_t before) {
  packer->path_size = before;
  packer->path[before] = '\0';
}

static void describe(const struct archive_packer* packer, int error, struct archive_failure* out) {
  out->step = archive_step_read;
  out->error = (uint32_t)error;
  memcpy(out->path, packer->path, packer->path_size + 1);
}

static bool leave_out(struct archive_packer* packer, int error) {
  struct archive_failure why;
  describe(packer, error, &why);
  return packer->writer == NULL || archive_put_left_out(packer->writer, &why);
}

/// What is being copied may change: a name that is gone is nobody's mistake, but the source itself
/// must be there.
static bool cannot(struct archive_packer* packer, unsigned depth, int error) {
  if (packer->writer == NULL || (error == ENOENT && depth > 0))
    return leave_out(packer, error);
  describe(packer, error, &packer->failure);
  return false;
}

/// Reads from `at` to `end`, or to the end of the file where that comes first.
/// @returns where the reading ended; -1 with errno
static off_t pack_data(struct archive_writer* writer, int fd, off_t at, off_t end) {
  while (at < end) {
    unsigned char* bytes;
    size_t room = archive_data_room(writer, (size_t)(end - at), &bytes);
    size_t wanted = (off_t)room < end - at ? room : (size_t)(end - at);
    ssize_t n = wanted > 0 ? pread(fd, bytes, wanted, at) : -1;
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    if (!archive_data_put(writer, (uint64_t)at, (size_t)n))
      return -1;
    at += n;
  }
  return at;
}

/// Holes cost nothing: only what is between them is read. @returns as pack_data
static off_t pack_sparse(struct archive_writer* writer, int fd, off_t size) {
  off_t at = 0;
  while (at < size) {
    off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
      break;
    off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
    if (hole < 0) // a file system without holes
      return pack_data(writer, fd, at, size);
    at = pack_data(writer, fd, data, hole < size ? hole : size);
    if (at < 0)
      return -1;
    if (at < hole) // it shrank
      return at;
  }
  return size;
}

/// A file's size is what it has when its end is reached; files of /proc say that they are empty.
static off_t pack_content(struct archive_writer* writer, int fd, const struct stat* info) {
  const off_t endless = (off_t)1 << 62;
  if (info->st_size == 0)
    return pack_data(writer, fd, 0, endless);
  if ((off_t)info->st_blocks * 512 < info->st_size)
    return pack_sparse(writer, fd, info->st_size);
  return pack_data(writer, fd, 0, info->st_size);
}

static bool pack_file(struct archive_packer* packer, int fd, const char* name,
                      const struct stat* info) {
  struct archive_writer* writer = packer->writer;
  struct archive_entry entry = archive_entry_of(name, info);
  if (!archive_put_entry(writer, archive_type_file, &entry))
    return false;
  off_t size = pack_content(writer, fd, info);
  if (size < 0 && !writer->is_broken)
    describe(packer, errno, &packer->failure);
  return size >= 0 && archive_put_file_end(writer, (uint64_t)size);
}

static bool pack_link(struct archive_packer* packer, int at, const char* path, const char* name,
                      unsigned depth, const struct stat* info) {
  char target[ARCHIVE_TEXT_MAX + 1];
  ssize_t size = readlinkat(at, path, target, ARCHIVE_TEXT_MAX);
  if (size < 0)
    return cannot(packer, depth, errno);
  target[size] = '\0';
  struct archive_entry entry = archive_entry_of(name, info);
  entry.target = target;
  return archive_put_entry(packer->writer, archive_type_link, &entry);
}

/// Counts what is no directory.
static bool count(struct archive_packer* packer, const struct stat* info) {
  if (S_ISLNK(info->st_mode))
    ++packer->totals.links;
  if (!S_ISREG(info->st_mode))
    return true;
  ++packer->totals.files;
  off_t held = (off_t)info->st_blocks * 512;
  packer->totals.bytes += (uint64_t)(held < info->st_size ? held : info->st_size);
  return true;
}

/// An empty `name`: what is in the directory, not it itself.
static bool enter(struct archive_packer* packer, int fd, const char* name, unsigned depth,
                  const struct stat* info) {
  struct archive_entry entry = archive_entry_of(name, info);
  bool has_own = name[0] != '\0';
  packer->totals.directories += has_own && packer->writer == NULL;
  bool records = has_own && packer->writer != NULL;
  if (records && !archive_put_entry(packer->writer, archive_type_directory, &entry)) {
    close(fd);
    return false;
  }
  return pack_directory(packer, fd, depth + 1) && (!records || archive_put_up(packer->writer));
}

/// @param path  relative to `at`; `name` is what it is packed as
static bool pack_one(struct archive_packer* packer, int at, const char* path, const char* name,
                     unsigned char kind, unsigned depth) {
  struct stat info;
  bool is_opened = kind == DT_DIR || (kind == DT_REG && packer->writer != NULL);
  int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  int fd = is_opened ? openat(at, path, flags) : -1;
  if ((is_opened && fd < 0) ||
      (fd >= 0 ? fstat(fd, &info) : fstatat(at, path, &info, AT_SYMLINK_NOFOLLOW)) != 0)
    return cannot(packer, depth, errno);
  if (S_ISDIR(info.st_mode) && fd >= 0)
    return enter(packer, fd, name, depth, &info);
  bool done = false;
  if (name[0] == '\0' && packer->writer != NULL)
    done = cannot(packer, 0, ENOTDIR);
  else if (packer->writer == NULL)
    done = count(packer, &info);
  else if (S_ISREG(info.st_mode) && fd >= 0)
    done = pack_file(packer, fd, name, &info);
  else if (S_ISLNK(info.st_mode))
    done = pack_link(packer, at, path, name, depth, &info);
  else
    done = depth > 0 ? leave_out(packer, EINVAL) : cannot(packer, 0, EINVAL);
  if (fd >= 0)
    close(fd);
  return done;
}

/// Where the file system does not say what it is.
static unsigned char kind_of(int at, const char* path) {
  struct stat info;
  if (fstatat(at, path, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return DT_UNKNOWN; // told when it is packed
  return S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
}

static bool is_passed_over(const char* name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
         strncmp(name, ARCHIVE_TEMPORARY_PREFIX, sizeof ARCHIVE_TEMPORARY_PREFIX - 1) == 0;
}

static bool pack_children(struct archive_packer* packer, DIR* directory, unsigned depth) {
  for (;;) {
    errno = 0;
    struct dirent* child = readdir(directory);
    if (child == NULL)
      return errno == 0 || cannot(packer, depth, errno);
    if (is_passed_over(child->d_name))
      continue;
    int at = dirfd(directory);
    unsigned char kind = child->d_type != DT_UNKNOWN ? child->d_type : kind_of(at, child->d_name);
    size_t before = push(packer, child->d_name);
    bool done = pack_one(packer, at, child->d_name, child->d_name, kind, depth);
    pop(packer, before);
    if (!done)
      return false;
  }
}

/// Closes `fd`.
static bool pack_directory(struct archive_packer* packer, int fd, unsigned depth) {
  DIR* directory = depth <= ARCHIVE_DEPTH_MAX ? fdopendir(fd) : NULL;
  if (directory == NULL) {
    int error = depth > ARCHIVE_DEPTH_MAX ? ENAMETOOLONG : errno;
    close(fd);
    return cannot(packer, depth, error);
  }
  bool done = pack_children(packer, directory, depth);
  closedir(directory);
  return done;
}

bool archive_pack(struct archive_packer* packer, const char* source) {
  char name[ARCHIVE_NAME_MAX + 1];
  archive_base_name(source, name);
  packer->path_size = 0;
  push(packer, source);
  return pack_one(packer, AT_FDCWD, source, name, kind_of(AT_FDCWD, source), 0);
}
