#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "archive/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool remove_children(DIR* directory) {
  bool all = true;
  for (;;) {
    errno = 0;
    struct dirent* child = readdir(directory);
    if (child == NULL)
      return errno == 0 && all;
    if (strcmp(child->d_name, ".") != 0 && strcmp(child->d_name, "..") != 0)
      all = archive_remove(dirfd(directory), child->d_name) && all;
  }
}

static bool remove_directory(int at, const char* name) {
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return false;
  fchmod(fd, 0700); // its names can only be removed where it may be written; rmdir tells otherwise
  DIR* directory = fdopendir(fd);
  if (directory == NULL) {
    close(fd);
    return false;
  }
  bool all = remove_children(directory);
  int error = errno;
  closedir(directory);
  errno = error;
  return all && unlinkat(at, name, AT_REMOVEDIR) == 0;
}

bool archive_remove(int at, const char* name) {
  if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
    return true;
  // EPERM is what POSIX has for a directory, EISDIR what Linux has.
  return (errno == EISDIR || errno == EPERM) && remove_directory(at, name);
}
