// Where an archive is unpacked to. A part of unpack.c.
#ifndef BANGER_ARCHIVE_UNPACK_PLACE_H
#define BANGER_ARCHIVE_UNPACK_PLACE_H

#include "archive/unpack.h"

/// Opens what `destination` means: levels[0], and what the thing at the top is to be called, or a
/// new directory that all goes into. @returns false with the failure set
bool archive_unpack_place(struct archive_unpacker* unpacker, const char* destination);

// Of unpack.c.

/// Notes the first failure, with `name` behind the path of where we are. @returns false
bool archive_unpack_fail(struct archive_unpacker* unpacker, enum archive_step step, int error,
                         const char* name);
/// @returns the size of the path before
size_t archive_unpack_push(struct archive_unpacker* unpacker, const char* name);
/// A name that nobody has. @param out  ARCHIVE_TEMPORARY_SIZE bytes
void archive_unpack_temporary(struct archive_unpacker* unpacker, char* out);
bool archive_unpack_enter(struct archive_unpacker* unpacker, const char* name,
                          const struct archive_entry* entry);
bool archive_unpack_leave(struct archive_unpacker* unpacker);

#endif
