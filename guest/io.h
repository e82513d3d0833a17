// Small file and log helpers that every guest program shares. No allocation, no locale.
#ifndef BANGER_GUEST_IO_H
#define BANGER_GUEST_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// Writes "<name>: <text>\n" in one write to standard error, which is the serial console.
void log_line(const char* name, const char* format, ...) __attribute__((format(printf, 2, 3)));

/// Reads at most `size - 1` bytes and ends them with a NUL byte.
/// @returns the number of bytes, or -1 with errno set; then `out` is the empty string.
ssize_t read_text(const char* path, char* out, size_t size);

/// Writes all of `size` bytes to `fd`, over short writes and interruptions.
bool write_all(int fd, const void* bytes, size_t size);

/// Makes `path` hold exactly `text`. Leaves the file alone where it already does, so that a boot
/// does not dirty the disk. Replaces a symbolic link instead of writing through it.
bool replace_text(const char* path, const char* text, mode_t mode);

/// Writes to a file of /proc or /sys, which must exist.
bool write_kernel_file(const char* path, const char* text);

/// The value of `key` in lines "key=value"; cut at the end of the line.
/// @returns false, and an empty `out`, where there is no such key or the value does not fit.
bool config_value(const char* lines, const char* key, char* out, size_t size);

/// Seconds since the machine started.
double uptime_seconds(void);

#endif
