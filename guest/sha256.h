// SHA-256, so that an agent that was copied into a guest can be compared with what was sent: not
// every guest has sha256sum.
#ifndef BANGER_GUEST_SHA256_H
#define BANGER_GUEST_SHA256_H

enum { SHA256_HEX_SIZE = 65 };

/// The digest of what can be read from `fd` until its end, in lower-case hexadecimal with its NUL.
/// @returns 0, or -1 with errno. Source: FIPS 180-4.
int sha256_file(int fd, char out[SHA256_HEX_SIZE]);

#endif
