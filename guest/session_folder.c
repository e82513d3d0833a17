#define _GNU_SOURCE
#include "session_folder.h"

#include "agent_protocol.h"
#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char* sessions_path = BANGER_SESSIONS_DIR;
static const char* run_path = BANGER_SESSIONS_RUN;

void session_folders_set(const char* sessions, const char* run) {
  sessions_path = sessions;
  run_path = run;
}

static int open_folder_at(int parent, const char* name) {
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/// Opens `path`, and makes it and its parents if need be.
static int make_path(const char* path) {
  int fd = open_folder_at(AT_FDCWD, path);
  if (fd >= 0 || errno != ENOENT)
    return fd;
  char part[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof part) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (size_t i = 1; i < length; ++i)
    if (path[i] == '/') {
      memcpy(part, path, i);
      part[i] = '\0';
      (void)mkdir(part, 0755); // what fails here, fails below
    }
  if (mkdir(path, 0700) != 0 && errno != EEXIST)
    return -1;
  return open_folder_at(AT_FDCWD, path);
}

int session_open_root(void) {
  return make_path(sessions_path);
}

int session_open_folder(const char* id) {
  int root = session_open_root();
  if (root < 0)
    return -1;
  int fd = open_folder_at(root, id);
  int error = errno;
  close(root);
  errno = error;
  return fd;
}

int session_make_folder(const char* id) {
  int root = session_open_root();
  if (root < 0)
    return -1;
  int fd = -1;
  if (mkdirat(root, id, 0700) == 0)
    fd = open_folder_at(root, id);
  int error = errno;
  close(root);
  errno = error;
  return fd;
}

/// Files only: nobody makes folders there.
static void remove_files(int folder) {
  DIR* entries = fdopendir(folder);
  if (entries == NULL) {
    close(folder);
    return;
  }
  for (struct dirent* entry; (entry = readdir(entries)) != NULL;)
    if (entry->d_name[0] != '.')
      unlinkat(folder, entry->d_name, 0);
  closedir(entries);
}

bool session_remove_folder(const char* id) {
  session_remove_socket(id);
  int root = session_open_root();
  if (root < 0)
    return false;
  int folder = open_folder_at(root, id);
  if (folder >= 0)
    remove_files(folder);
  bool is_gone = unlinkat(root, id, AT_REMOVEDIR) == 0 || errno == ENOENT;
  int error = errno;
  close(root);
  errno = error;
  return is_gone;
}

int session_lock(void) {
  int run = make_path(run_path);
  if (run < 0)
    return -1;
  int fd = openat(run, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  close(run);
  while (fd >= 0 && flock(fd, LOCK_EX) != 0)
    if (errno != EINTR) {
      close(fd);
      return -1;
    }
  return fd;
}

/// sun_path is short and a run folder's name may not be: so through a descriptor of the folder.
static int open_socket(const char* id, struct sockaddr_un* address, int* run) {
  *run = make_path(run_path);
  if (*run < 0)
    return -1;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%.12s.sock", *run, id);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    close(*run);
  return fd;
}

/// Closes what open_socket opened; the socket only where `is_good` is false.
static int settle_socket(int fd, int run, bool is_good) {
  int error = errno;
  close(run);
  if (!is_good)
    close(fd);
  errno = error;
  return is_good ? fd : -1;
}

int session_listen(const char* id) {
  struct sockaddr_un address;
  int run = -1;
  int fd = open_socket(id, &address, &run);
  if (fd < 0)
    return -1;
  unlink(address.sun_path);
  mode_t old = umask(0177);
  bool is_good = bind(fd, (struct sockaddr*)&address, sizeof address) == 0;
  umask(old);
  return settle_socket(fd, run, is_good && listen(fd, SOMAXCONN) == 0);
}

int session_connect(const char* id) {
  struct sockaddr_un address;
  int run = -1;
  int fd = open_socket(id, &address, &run);
  if (fd < 0)
    return -1;
  // The largest frame is one packet, whatever the system's default may be.
  int room = 4 * SESSION_DATA_MAX;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  return settle_socket(fd, run, connect(fd, (struct sockaddr*)&address, sizeof address) == 0);
}

void session_remove_socket(const char* id) {
  int run = make_path(run_path);
  if (run < 0)
    return;
  char name[SESSION_ID_SIZE + 6];
  snprintf(name, sizeof name, "%.12s.sock", id);
  unlinkat(run, name, 0);
  close(run);
}

/// Entries that are an ID and then exactly `suffix`.
static void each_entry(const char* path, const char* suffix,
                       void (*visit)(const char* id, void* context), void* context) {
  int folder = make_path(path);
  DIR* entries = folder >= 0 ? fdopendir(folder) : NULL;
  if (entries == NULL) {
    if (folder >= 0)
      close(folder);
    return;
  }
  for (struct dirent* entry; (entry = readdir(entries)) != NULL;) {
    char id[SESSION_ID_SIZE + 1] = "";
    memcpy(id, entry->d_name, strnlen(entry->d_name, SESSION_ID_SIZE));
    if (session_id_is_valid(id) && strcmp(entry->d_name + SESSION_ID_SIZE, suffix) == 0)
      visit(id, context);
  }
  closedir(entries);
}

void session_each_socket(void (*visit)(const char* id, void* context), void* context) {
  each_entry(run_path, ".sock", visit, context);
}

void session_each_folder(void (*visit)(const char* id, void* context), void* context) {
  each_entry(sessions_path, "", visit, context);
}

/// A reader sees the old content or the new; what a crash of the machine leaves is up to `syncs`.
static bool replace_file(int folder, const char* name, const void* bytes, size_t size, bool syncs) {
  char temporary[64];
  snprintf(temporary, sizeof temporary, "%.50s.new", name);
  int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return false;
  bool is_written = write_all(fd, bytes, size) && (!syncs || fsync(fd) == 0);
  is_written = close(fd) == 0 && is_written && renameat(folder, temporary, folder, name) == 0;
  int error = errno;
  if (!is_written)
    unlinkat(folder, temporary, 0);
  else if (syncs)
    fsync(folder);
  errno = error;
  return is_written;
}

/// Where no new file fits: the blocks of the old one are there. A crash in between may leave
/// neither content.
static bool overwrite_file(int folder, const char* name, const void* bytes, size_t size) {
  int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return false;
  bool is_written = pwrite(fd, bytes, size, 0) == (ssize_t)size && ftruncate(fd, (off_t)size) == 0;
  close(fd);
  return is_written;
}

bool session_replace_file(int folder, const char* name, const void* bytes, size_t size,
                          bool syncs) {
  if (replace_file(folder, name, bytes, size, syncs))
    return true;
  return (errno == ENOSPC || errno == EDQUOT) && overwrite_file(folder, name, bytes, size);
}

bool session_folder_is_gone(int folder) {
  struct stat info;
  return fstat(folder, &info) == 0 && info.st_nlink == 0;
}

bool session_sync_folder(int folder, const char* name) {
  int root = session_open_root();
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
  bool is_synced = fd >= 0 && fsync(fd) == 0 && fsync(folder) == 0 && fsync(root) == 0;
  if (fd >= 0)
    close(fd);
  if (root >= 0)
    close(root);
  return is_synced;
}
