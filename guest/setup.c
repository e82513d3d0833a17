#define _GNU_SOURCE
#include "setup.h"

#include "agent_protocol.h"
#include "io.h"
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char program[] = "banger-init";

static void mount_one(const char* type, const char* target, unsigned long flags,
                      const char* options) {
  mkdir(target, 0755);
  if (mount(type, target, type, flags, options) != 0 && errno != EBUSY)
    log_line(program, "mount %s: %s", target, strerror(errno));
}

void mount_system(void) {
  const unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  mount_one("proc", "/proc", safe, NULL);
  mount_one("sysfs", "/sys", safe, NULL);
  mount_one("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=620,gid=5,ptmxmode=666");
  mount_one("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_one("cgroup2", "/sys/fs/cgroup", safe, NULL);
  (void)!symlink("/proc/self/fd", "/dev/fd");
  (void)!symlink("/proc/self/fd/0", "/dev/stdin");
  (void)!symlink("/proc/self/fd/1", "/dev/stdout");
  (void)!symlink("/proc/self/fd/2", "/dev/stderr");
  mkdir("/run/sshd", 0755);
  mkdir("/run/lock", 0755);
  chmod("/run/lock", 01777);
  chmod("/tmp", 01777);
}

/// /etc/hosts with our line for `name`; every other line stays as the user has it. Without that
/// line sudo and `hostname -f` ask the name server, and wait for it.
static void write_hosts(const char* name) {
  static const char ours[] = "127.0.1.1";
  char old[12288], text[16384];
  if (read_text("/etc/hosts", old, sizeof old) <= 0)
    strcpy(old, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
  size_t used = 0;
  for (char* line = old; *line != '\0';) {
    size_t length = strcspn(line, "\n");
    if (strncmp(line, ours, sizeof ours - 1) != 0) {
      memcpy(text + used, line, length);
      used += length;
      text[used++] = '\n';
    }
    line += length + (line[length] == '\n');
  }
  snprintf(text + used, sizeof text - used, "%s\t%s.vm %s\n", ours, name, name);
  if (!replace_text("/etc/hosts", text, 0644))
    log_line(program, "/etc/hosts: %s", strerror(errno));
}

static void set_host_name(void) {
  char name[65], text[66];
  if (read_text(BANGER_RUN_DIR "/hostname", name, sizeof name) <= 0)
    return;
  name[strcspn(name, "\r\n")] = '\0';
  sethostname(name, strlen(name));
  snprintf(text, sizeof text, "%s\n", name);
  replace_text("/etc/hostname", text, 0644);
  write_hosts(name);
}

/// Sets the clock where it is off by more than a tenth of a second: the emulated clock chip only
/// knows whole seconds, and a file from the host must not be of tomorrow.
static void set_clock(const char* config) {
  char text[64];
  if (!config_value(config, "time", text, sizeof text))
    return;
  double wanted = strtod(text, NULL) + uptime_seconds();
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  double off = wanted - ((double)now.tv_sec + (double)now.tv_nsec / 1e9);
  if (wanted < 1e9 || (off > -0.1 && off < 0.1))
    return;
  now.tv_sec = (time_t)wanted;
  now.tv_nsec = (long)((wanted - (double)now.tv_sec) * 1e9);
  if (clock_settime(CLOCK_REALTIME, &now) != 0)
    log_line(program, "set the clock: %s", strerror(errno));
}

/// Stirs the host's seed into the random pool, without claiming any entropy for it.
static void seed_random(const char* config) {
  char seed[1025];
  if (config_value(config, "seed", seed, sizeof seed))
    write_kernel_file("/dev/urandom", seed);
}

static void set_up_network(const char* config) {
  char address[64], gateway[64], dns[64], text[96];
  if (!config_value(config, "address", address, sizeof address))
    return;
  config_value(config, "gateway", gateway, sizeof gateway);
  const char* wrong = network_up(address, gateway);
  if (wrong != NULL)
    log_line(program, "network: %s: %s", wrong, strerror(errno));
  if (!config_value(config, "dns", dns, sizeof dns))
    return;
  snprintf(text, sizeof text, "nameserver %s\n", dns);
  if (!replace_text("/etc/resolv.conf", text, 0644))
    log_line(program, "/etc/resolv.conf: %s", strerror(errno));
}

void set_up_identity(void) {
  static char config[8192];
  read_text(BANGER_RUN_DIR "/config", config, sizeof config);
  set_host_name();
  set_clock(config);
  seed_random(config);
  set_up_network(config);
}
