// Makes a freshly booted root disk a usable machine: file systems, name, network, clock, /root.
#ifndef BANGER_GUEST_SETUP_H
#define BANGER_GUEST_SETUP_H

/// /proc, /sys, /dev/pts and the like. Only for our own init: systemd mounts them itself.
void mount_system(void);

/// Host name, /etc/hosts, eth0, resolv.conf, clock and random seed, from /run/banger.
void set_up_identity(void);

/// Mounts the work disk on /root, if there is one; grows it and the root file system to the size of
/// their devices. A new disk gets the image's /root.
void set_up_disks(void);

#endif
