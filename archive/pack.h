// Packs files and directories into an archive. Blocks on them, and in the writer's sink.
#ifndef BANGER_ARCHIVE_PACK_H
#define BANGER_ARCHIVE_PACK_H

#include "archive/writer.h"

#include <sys/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What copies in progress are called, beside their places: no copy takes them along.
#define ARCHIVE_TEMPORARY_PREFIX ".banger-cp-"

struct archive_packer {
  struct archive_writer* writer;  ///< NULL: only count
  struct archive_totals totals;   ///< of counting
  struct archive_failure failure; ///< where packing ended early, unless the sink is broken
  size_t path_size;
  char path[ARCHIVE_TEXT_MAX + 1];
};

/// The last part of `path`, which is the name it is packed under. Empty for one that ends in "." or
/// "..", or is "/": of those what is in them is packed.
/// @param out  ARCHIVE_NAME_MAX + 1 bytes
void archive_base_name(const char* path, char* out);

/// @param writer  has begun; NULL to count only
void archive_packer_init(struct archive_packer* packer, struct archive_writer* writer);

/// Packs `source` and all in it; links as links. What is no file, directory or link, and what
/// vanishes meanwhile, is left out, and that is put into the archive.
/// @returns false where it cannot be read, or the sink is broken
bool archive_pack(struct archive_packer* packer, const char* source);

/// An entry's attributes, as stat(2) has them.
struct archive_entry archive_entry_of(const char* name, const struct stat* info);

#ifdef __cplusplus
}
#endif

#endif
