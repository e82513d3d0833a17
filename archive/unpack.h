// Unpacks an archive, from bytes as they come, to where a user said. Whoever wrote the archive can
// write nowhere else: it has names within directories only, and no link is followed below the
// destination. Nothing appears under its own name before it is whole: a file, or a directory that
// was not there, is made under a temporary name beside its place and then renamed. Blocks.
#ifndef BANGER_ARCHIVE_UNPACK_H
#define BANGER_ARCHIVE_UNPACK_H

#include "archive/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ARCHIVE_UNPACK_MANY = 1,     ///< several come, so the destination must be a directory
  ARCHIVE_UNPACK_CONTENTS = 2, ///< what a directory holds comes: the destination is that directory
  ARCHIVE_UNPACK_NAMED = 4,    ///< what comes has no name of its own, so it must be none
  ARCHIVE_UNPACK_SPECIAL_BITS = 8, ///< set-user-ID, set-group-ID and sticky bits are kept
  ARCHIVE_UNPACK_DELETE = 16,      ///< deletions are done; else they are refused
};

struct archive_level {
  int fd;
  bool is_new;  ///< made by us
  bool is_kept; ///< its mode and time are not ours to set
  uint32_t made_mode;
  uint32_t mode;
  int64_t seconds;
  uint32_t nanoseconds;
  size_t path_size; ///< of the path above
  char name[ARCHIVE_NAME_MAX + 1];
};

enum { ARCHIVE_TEMPORARY_SIZE = 40 };

/// Large: on the heap or static.
struct archive_unpacker {
  struct archive_handler handler;
  struct archive_reader reader;
  unsigned flags;
  uint32_t default_mode; ///< of a directory nobody packed
  struct archive_failure failure;
  // The directories that are entered. What the archive has at its top goes to levels[base].
  unsigned depth, base;
  unsigned staged; ///< the level that has a temporary name; 0: none
  char staged_name[ARCHIVE_TEMPORARY_SIZE];
  // The file that comes.
  int file;
  struct archive_entry file_entry;
  uint64_t file_written; ///< where its data ends so far
  char file_name[ARCHIVE_NAME_MAX + 1];
  char file_temporary[ARCHIVE_TEMPORARY_SIZE]; ///< empty: it is made under its own name
  char top_name[ARCHIVE_NAME_MAX + 1]; ///< what the one thing at the top is to be called; or empty
  bool has_top;
  char serial_base[20];
  unsigned serial;
  size_t path_size;
  char path[ARCHIVE_TEXT_MAX + 1];
  struct archive_level levels[ARCHIVE_DEPTH_MAX + 2];
};

/// An existing directory: into it. A path that ends in '/', or is to take contents: a directory,
/// made where it is not there. Otherwise it is the name of the one thing that comes. Sets the
/// process's umask to 0: modes are the archive's.
/// @returns false where the destination is not possible; finish() says why
bool archive_unpack_begin(struct archive_unpacker* unpacker, const char* destination,
                          unsigned flags);

/// Takes the next bytes. @returns false where no more are wanted: all is there, or something failed
bool archive_unpack(struct archive_unpacker* unpacker, const void* bytes, size_t size);

/// To be called once, also where begin() failed. Undoes what is not whole.
/// @returns whether all of the archive is in its place; the report says what is, or what went wrong
bool archive_unpack_finish(struct archive_unpacker* unpacker, struct archive_report* report);

#ifdef __cplusplus
}
#endif

#endif
