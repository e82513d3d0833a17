// stage0: /init of the initramfs. Loads the modules the root disk needs, mounts it, hands the
// per-VM files over and becomes the guest's init. Runs once, as PID 1; a failure is said on the
// console and powers the machine off, so that the host sees it at once.
//
// Kernel arguments: banger.root= (default /dev/vda), banger.init= (default: banger-init).
#define _GNU_SOURCE
#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEW_ROOT "/newroot"

static const char program[] = "stage0";

static _Noreturn void give_up(const char* what) {
  log_line(program, "%s: %s", what, strerror(errno));
  sync();
  reboot(RB_POWER_OFF);
  for (;;)
    pause();
}

/// The value of "key=value" among the kernel's arguments, else `otherwise`.
static const char* kernel_argument(char* arguments, const char* key, const char* otherwise) {
  size_t length = strlen(key);
  for (char* at = arguments; at != NULL && *at != '\0';) {
    char* end = strpbrk(at, " \n");
    if (strncmp(at, key, length) == 0 && at[length] == '=') {
      if (end != NULL)
        *end = '\0';
      return at + length + 1;
    }
    at = end != NULL ? end + 1 : NULL;
  }
  return otherwise;
}

static int is_visible(const struct dirent* entry) {
  return entry->d_name[0] != '.';
}

/// Loads /modules/* by name: the image builder numbers them in the order they need.
static void load_modules(void) {
  struct dirent** names = NULL;
  int count = scandir("/modules", &names, is_visible, alphasort);
  for (int i = 0; i < count; ++i) {
    char path[300];
    snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
      continue;
    if (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)
      log_line(program, "%s: %s", path, strerror(errno));
    close(fd);
    unlink(path);
  }
}

static void wait_for(const char* device) {
  struct stat info;
  for (int tries = 0; tries < 10000 && stat(device, &info) != 0; ++tries)
    usleep(1000);
}

/// Copies a file and removes the original: what is in the initramfs stays in memory for good, and
/// the private host key should not be there twice.
static void hand_over(const char* from, const char* to) {
  static char buffer[65536];
  int source = open(from, O_RDONLY | O_CLOEXEC);
  int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  ssize_t n = 0;
  while (source >= 0 && target >= 0 && (n = read(source, buffer, sizeof buffer)) > 0)
    if (!write_all(target, buffer, (size_t)n))
      break;
  if (source < 0 || target < 0 || n != 0)
    log_line(program, "%s: %s", from, strerror(errno));
  close(source);
  close(target);
  unlink(from);
}

static void hand_over_vm_files(void) {
  mkdir(NEW_ROOT "/run/banger", 0700);
  struct dirent** names = NULL;
  int count = scandir("/banger", &names, is_visible, alphasort);
  for (int i = 0; i < count; ++i) {
    char from[300], to[300];
    snprintf(from, sizeof from, "/banger/%s", names[i]->d_name);
    snprintf(to, sizeof to, NEW_ROOT "/run/banger/%s", names[i]->d_name);
    hand_over(from, to);
  }
}

/// Early, so that systemd (which keeps a name that is set) has it from its first line on.
static void set_host_name(void) {
  char name[65];
  if (read_text(NEW_ROOT "/run/banger/hostname", name, sizeof name) <= 0)
    return;
  name[strcspn(name, "\r\n")] = '\0';
  sethostname(name, strlen(name));
}

int main(void) {
  static char arguments[4096], copy[4096];
  umask(022);
  mkdir("/dev", 0755);
  mkdir("/proc", 0755);
  mkdir(NEW_ROOT, 0755);
  if (mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=755") != 0)
    give_up("mount /dev");
  int console = open("/dev/console", O_RDWR);
  for (int fd = 0; console >= 0 && fd < 3; ++fd)
    dup2(console, fd);
  if (console > 2)
    close(console);
  mount("proc", "/proc", "proc", 0, NULL);
  read_text("/proc/cmdline", arguments, sizeof arguments);
  memcpy(copy, arguments, sizeof copy);
  const char* root = kernel_argument(arguments, "banger.root", "/dev/vda");
  const char* init = kernel_argument(copy, "banger.init", "/usr/lib/banger/banger-init");

  load_modules();
  wait_for(root);
  if (mount(root, NEW_ROOT, "ext4", MS_NOATIME, NULL) != 0)
    give_up("mount the root disk");
  if (mount("/dev", NEW_ROOT "/dev", NULL, MS_MOVE, NULL) != 0)
    give_up("move /dev");
  if (mount("run", NEW_ROOT "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=20%") != 0)
    give_up("mount /run");
  hand_over_vm_files();
  set_host_name();
  umount2("/proc", MNT_DETACH);
  unlink("/init");
  if (chdir(NEW_ROOT) != 0 || mount(NEW_ROOT, "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 ||
      chdir("/") != 0)
    give_up("switch to the root disk");
  execv(init, (char*[]){(char*)init, NULL});
  give_up(init);
}
