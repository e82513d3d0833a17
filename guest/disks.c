#define _GNU_SOURCE
#include "io.h"
#include "setup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char program[] = "banger-init";
static const char work_device[] = "/dev/vdb";
static const char work_target[] = "/root";

// linux/fs.h and linux/ext4.h, which musl does not come with.
#define BANGER_BLKGETSIZE64 _IOR(0x12, 114, size_t)
#define BANGER_EXT4_RESIZE _IOW('f', 16, uint64_t)

/// What we need of an ext4 super block. Source: the kernel's Documentation/filesystems/ext4.
struct super_block {
  uint64_t blocks;
  uint64_t device_blocks;
  bool needs_check;
};

static uint32_t little32(const unsigned char* at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/// @returns false where the device cannot be read or holds no ext4.
static bool read_super_block(const char* device, struct super_block* out) {
  enum { offset = 1024, size = 1024, incompat_64bit = 0x80, state_clean = 1, state_errors = 2 };
  unsigned char bytes[size];
  uint64_t device_size = 0;
  int fd = open(device, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  bool done =
      pread(fd, bytes, size, offset) == size && ioctl(fd, BANGER_BLKGETSIZE64, &device_size) == 0;
  close(fd);
  if (!done || bytes[0x38] != 0x53 || bytes[0x39] != 0xef || little32(bytes + 0x18) > 6) {
    errno = EINVAL;
    return false;
  }
  out->blocks = little32(bytes + 0x4);
  if ((little32(bytes + 0x60) & incompat_64bit) != 0)
    out->blocks |= (uint64_t)little32(bytes + 0x150) << 32;
  out->device_blocks = device_size / (1024u << little32(bytes + 0x18));
  unsigned state = bytes[0x3a];
  out->needs_check = (state & state_clean) == 0 || (state & state_errors) != 0;
  return true;
}

/// An unclean journal needs nothing: mounting replays it. This is for recorded errors.
static void check(const char* device) {
  log_line(program, "%s is not clean: checking it", device);
  pid_t child = fork();
  if (child == 0) {
    execl("/sbin/e2fsck", "e2fsck", "-p", device, (char*)NULL);
    _exit(127);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
    log_line(program, "e2fsck %s: status 0x%x", device, (unsigned)status);
}

/// Grows a mounted file system to its device. The kernel does all of it: no resize2fs to start.
static void grow(const char* target, const struct super_block* super) {
  enum { slack_blocks = 256 };
  if (super->device_blocks < super->blocks + slack_blocks)
    return;
  uint64_t blocks = super->device_blocks;
  int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ioctl(fd, BANGER_EXT4_RESIZE, &blocks) != 0)
    log_line(program, "grow %s: %s", target, strerror(errno));
  close(fd);
}

static bool copy_file(int from, int to, const char* name, const struct stat* info) {
  char buffer[16384];
  int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, info->st_mode & 07777);
  ssize_t n = -1;
  while (source >= 0 && target >= 0 && (n = read(source, buffer, sizeof buffer)) > 0)
    if (!write_all(target, buffer, (size_t)n))
      break;
  bool done = n == 0 && fchmod(target, info->st_mode & 07777) == 0;
  close(source);
  close(target);
  return done;
}

/// Copies what is in the folder `from` into the folder `to`. Closes both.
static void copy_tree(int from, int to) {
  DIR* entries = fdopendir(from);
  for (struct dirent* entry = NULL; entries != NULL && (entry = readdir(entries)) != NULL;) {
    const char* name = entry->d_name;
    char link[4096];
    struct stat info;
    bool done = true;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
      continue;
    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    if (S_ISREG(info.st_mode)) {
      done = copy_file(from, to, name, &info);
    } else if (S_ISLNK(info.st_mode)) {
      ssize_t length = readlinkat(from, name, link, sizeof link - 1);
      link[length > 0 ? length : 0] = '\0';
      done = length > 0 && symlinkat(link, to, name) == 0;
    } else if (S_ISDIR(info.st_mode)) {
      done = mkdirat(to, name, info.st_mode & 07777) == 0;
      if (done)
        copy_tree(openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                  openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    if (!done)
      log_line(program, "copy /root/%s: %s", name, strerror(errno));
  }
  if (entries != NULL)
    closedir(entries);
  else
    close(from);
  close(to);
}

static bool is_new(int folder) {
  DIR* entries = fdopendir(dup(folder));
  if (entries == NULL)
    return false;
  bool empty = true;
  for (struct dirent* entry = NULL; empty && (entry = readdir(entries)) != NULL;)
    empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, "lost+found") == 0;
  closedir(entries);
  return empty;
}

static void mount_work_disk(void) {
  struct super_block super;
  if (access(work_device, F_OK) != 0)
    return;
  if (!read_super_block(work_device, &super)) {
    log_line(program, "%s: no ext4 on it: /root stays on the root disk", work_device);
    return;
  }
  if (super.needs_check)
    check(work_device);
  int image_home = open(work_target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // noinit_itable: the disk is a new sparse file, so its inode tables are zero without our writing
  // hundreds of megabytes of zeroes. discard: what is deleted here is free again on the host.
  if (mount(work_device, work_target, "ext4", MS_NOATIME | MS_NODEV, "noinit_itable,discard") !=
      0) {
    log_line(program, "mount %s on /root: %s", work_device, strerror(errno));
    close(image_home);
    return;
  }
  grow(work_target, &super);
  int home = open(work_target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (image_home >= 0 && home >= 0 && is_new(home)) {
    fchmod(home, 0700);
    copy_tree(image_home, home);
    return;
  }
  close(image_home);
  close(home);
}

void set_up_disks(void) {
  struct super_block super;
  if (read_super_block("/dev/vda", &super))
    grow("/", &super);
  mount_work_disk();
}
