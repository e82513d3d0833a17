#define _GNU_SOURCE
#include "guest/port_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// Each 32-bit word was printed as a number of this machine.
static bool parse_address(const char* hex, bool is_ipv6, unsigned char* out) {
  size_t words = is_ipv6 ? 4 : 1;
  if (strlen(hex) != 8 * words)
    return false;
  for (size_t i = 0; i < words; ++i) {
    char digits[9] = {0};
    memcpy(digits, hex + 8 * i, 8);
    uint32_t word = (uint32_t)strtoul(digits, NULL, 16);
    memcpy(out + 4 * i, &word, sizeof word);
  }
  return true;
}

bool port_list_parse(const char* line, bool is_udp, bool is_ipv6, struct port_entry* out) {
  enum { tcp_listen = 0x0A, unconnected = 0x07 }; // include/net/tcp_states.h
  char hex[33];
  unsigned port = 0, state = 0;
  uint64_t inode = 0;
  int fields = sscanf(line,
                      " %*u: %32[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x %*[0-9A-Fa-f:]"
                      " %*[0-9A-Fa-f:] %*x %*u %*u %" SCNu64,
                      hex, &port, &state, &inode);
  if (fields != 4 || port == 0 || state != (is_udp ? unconnected : tcp_listen))
    return false;
  *out = (struct port_entry){
      .is_udp = is_udp, .is_ipv6 = is_ipv6, .port = (uint16_t)port, .inode = inode};
  return parse_address(hex, is_ipv6, out->address);
}

struct list {
  struct port_entry* entries;
  int count, capacity;
};

static bool add(struct list* list, const struct port_entry* entry) {
  if (list->count == list->capacity) {
    int capacity = list->capacity > 0 ? 2 * list->capacity : 32;
    struct port_entry* more = realloc(list->entries, (size_t)capacity * sizeof *more);
    if (more == NULL)
      return false;
    list->entries = more;
    list->capacity = capacity;
  }
  list->entries[list->count++] = *entry;
  return true;
}

/// A kernel without IPv6 lacks two of the files. @returns false with errno
static bool read_table(const char* path, bool is_udp, bool is_ipv6, struct list* list) {
  FILE* file = fopen(path, "re");
  if (file == NULL)
    return is_ipv6 && errno == ENOENT;
  char line[512];
  struct port_entry entry;
  bool is_good = true;
  while (is_good && fgets(line, sizeof line, file) != NULL)
    if (port_list_parse(line, is_udp, is_ipv6, &entry))
      is_good = add(list, &entry);
  fclose(file);
  return is_good;
}

int port_list_read(bool wants_udp, struct port_entry** out) {
  struct list list = {0};
  bool is_good = read_table("/proc/net/tcp", false, false, &list) &&
                 read_table("/proc/net/tcp6", false, true, &list) &&
                 (!wants_udp || (read_table("/proc/net/udp", true, false, &list) &&
                                 read_table("/proc/net/udp6", true, true, &list)));
  if (!is_good) {
    free(list.entries);
    return -1;
  }
  *out = list.entries;
  return list.count;
}

static void read_name(int process_folder, char* out, size_t size) {
  int fd = openat(process_folder, "comm", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;
  if (fd >= 0)
    close(fd);
  out[n > 0 ? n : 0] = '\0';
  out[strcspn(out, "\n")] = '\0';
}

/// Those of the entries that this process has.
static void name_those_of(pid_t pid, int process_folder, struct port_entry* entries, int count) {
  int fd = openat(process_folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* folder = fd >= 0 ? fdopendir(fd) : NULL;
  if (folder == NULL) {
    if (fd >= 0)
      close(fd);
    return;
  }
  for (struct dirent* found; (found = readdir(folder)) != NULL;) {
    char target[64];
    ssize_t n = readlinkat(dirfd(folder), found->d_name, target, sizeof target - 1);
    uint64_t inode = 0;
    target[n > 0 ? n : 0] = '\0';
    if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
      continue;
    for (int i = 0; i < count; ++i)
      if (entries[i].inode == inode && entries[i].pid == 0) {
        entries[i].pid = pid;
        read_name(process_folder, entries[i].process, sizeof entries[i].process);
      }
  }
  closedir(folder);
}

void port_list_name(struct port_entry* entries, int count) {
  DIR* folder = opendir("/proc");
  if (folder == NULL)
    return;
  // In the order of their numbers: a server comes before its workers.
  for (struct dirent* found; (found = readdir(folder)) != NULL;) {
    int pid = atoi(found->d_name);
    int fd =
        pid > 0 ? openat(dirfd(folder), found->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
      continue;
    name_those_of(pid, fd, entries, count);
    close(fd);
  }
  closedir(folder);
}
