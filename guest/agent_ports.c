#define _GNU_SOURCE
#include "agent_forward.h"
#include "guest/port_list.h"
#include "io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// A process names itself as it likes; what is no plain text of it is left out.
static void print_text(const char* text) {
  putchar('"');
  for (; *text != '\0'; ++text) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\')
      printf("\\%c", byte);
    else
      putchar(byte >= 0x20 && byte < 0x7F ? byte : '?');
  }
  putchar('"');
}

static void print_entry(const struct port_entry* entry) {
  char address[INET6_ADDRSTRLEN];
  inet_ntop(entry->is_ipv6 ? AF_INET6 : AF_INET, entry->address, address, sizeof address);
  printf("{\"protocol\":\"%s\",\"address\":\"%s\",\"port\":%u,", entry->is_udp ? "udp" : "tcp",
         address, (unsigned)entry->port);
  if (entry->pid == 0) {
    puts("\"pid\":null,\"process\":null}");
    return;
  }
  printf("\"pid\":%d,\"process\":", (int)entry->pid);
  print_text(entry->process);
  puts("}");
}

int agent_ports(void) {
  struct port_entry* entries = NULL;
  int count = port_list_read(true, &entries);
  if (count < 0) {
    log_line("banger-agent", "read /proc/net: %s", strerror(errno));
    return 1;
  }
  port_list_name(entries, count);
  for (int i = 0; i < count; ++i)
    print_entry(&entries[i]);
  free(entries);
  return fflush(stdout) == 0 ? 0 : 1;
}
