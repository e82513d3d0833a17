#define _GNU_SOURCE
#include "network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ifreq request_for(const char* interface) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
  return request;
}

static void put_address(struct sockaddr* out, struct in_addr address) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = address};
  memcpy(out, &in, sizeof in);
}

static bool link_up(int fd, const char* interface) {
  struct ifreq request = request_for(interface);
  if (ioctl(fd, SIOCGIFFLAGS, &request) != 0)
    return false;
  request.ifr_flags |= IFF_UP;
  return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static bool set_address(int fd, const char* interface, struct in_addr address, unsigned prefix) {
  struct ifreq request = request_for(interface);
  put_address(&request.ifr_addr, address);
  if (ioctl(fd, SIOCSIFADDR, &request) != 0)
    return false;
  struct in_addr mask = {.s_addr = prefix == 0 ? 0 : htonl(~0u << (32 - prefix))};
  put_address(&request.ifr_netmask, mask);
  return ioctl(fd, SIOCSIFNETMASK, &request) == 0;
}

static bool add_default_route(int fd, struct in_addr gateway) {
  struct rtentry route;
  memset(&route, 0, sizeof route);
  put_address(&route.rt_dst, (struct in_addr){0});
  put_address(&route.rt_genmask, (struct in_addr){0});
  put_address(&route.rt_gateway, gateway);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  return ioctl(fd, SIOCADDRT, &route) == 0 || errno == EEXIST;
}

/// The first interface by name that is a device (the loopback is none). The name depends on who
/// booted us: udev renames eth0.
static bool find_interface(char* out, size_t size) {
  struct dirent** names = NULL;
  int count = scandir("/sys/class/net", &names, NULL, alphasort);
  bool found = false;
  for (int i = 0; i < count; ++i) {
    char path[300];
    snprintf(path, sizeof path, "/sys/class/net/%s/device", names[i]->d_name);
    if (!found && access(path, F_OK) == 0) {
      snprintf(out, size, "%.15s", names[i]->d_name); // IFNAMSIZ - 1
      found = true;
    }
    free(names[i]);
  }
  free(names);
  errno = ENODEV;
  return found;
}

static const char* configure(int fd, const char* address, const char* gateway) {
  char interface[IFNAMSIZ], text[32];
  struct in_addr own, next_hop;
  unsigned prefix = 24;
  if (sscanf(address, "%31[0-9.]/%u", text, &prefix) < 1 || prefix > 32 ||
      inet_aton(text, &own) == 0) {
    errno = EINVAL;
    return "address";
  }
  if (!link_up(fd, "lo"))
    return "lo";
  if (!find_interface(interface, sizeof interface))
    return "no interface";
  if (!set_address(fd, interface, own, prefix) || !link_up(fd, interface))
    return "set the address";
  if (gateway[0] == '\0')
    return NULL;
  if (inet_aton(gateway, &next_hop) == 0) {
    errno = EINVAL;
    return "gateway";
  }
  return add_default_route(fd, next_hop) ? NULL : "add the default route";
}

const char* network_up(const char* address, const char* gateway) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return "socket";
  const char* wrong = configure(fd, address, gateway);
  int error = errno;
  close(fd);
  errno = error;
  return wrong;
}
