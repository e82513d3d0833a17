// Brings a network interface up with a fixed IPv4 address: no DHCP client, no exec.
#ifndef BANGER_GUEST_NETWORK_H
#define BANGER_GUEST_NETWORK_H

/// Gives the loopback its address, and the first other interface `address` ("10.0.2.15/24") and a
/// default route through `gateway`, unless that is empty.
/// @returns NULL, or what did not work, with errno set.
const char* network_up(const char* address, const char* gateway);

#endif
