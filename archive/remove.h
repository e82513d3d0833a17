// Removes a file, or a directory with all in it.
#ifndef BANGER_ARCHIVE_REMOVE_H
#define BANGER_ARCHIVE_REMOVE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Follows no link. What is not there counts as removed. @returns false with errno
bool archive_remove(int at, const char* name);

#ifdef __cplusplus
}
#endif

#endif
