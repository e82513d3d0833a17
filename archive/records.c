#include "archive/records.h"

#include <string.h>

// "banger", and bytes that a transfer as text would change (as PNG has them).
static const unsigned char magic[] = {'b', 'a', 'n', 'g', 'e', 'r', '\r', '\n'};

enum {
  magic_size = sizeof magic,
  totals_size = 5 * 8,
  begin_size = magic_size + 4 + totals_size,
  fixed_size = 4 + 4 + 8 + 4 + 2, ///< of an entry: flags, mode, seconds, nanoseconds, name's size
  failure_size = 4 + 4,
  mode_bits = 07777,
  nanoseconds_end = 1000 * 1000 * 1000,
};

void archive_store_u32(unsigned char* out, uint32_t value) {
  for (int i = 0; i < 4; ++i)
    out[i] = (unsigned char)(value >> (24 - 8 * i));
}

void archive_store_u64(unsigned char* out, uint64_t value) {
  archive_store_u32(out, (uint32_t)(value >> 32));
  archive_store_u32(out + 4, (uint32_t)value);
}

uint32_t archive_load_u32(const unsigned char* at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

uint64_t archive_load_u64(const unsigned char* at) {
  return (uint64_t)archive_load_u32(at) << 32 | archive_load_u32(at + 4);
}

void archive_store_header(unsigned char* out, uint8_t type, uint32_t size) {
  out[0] = type;
  archive_store_u32(out + 1, size);
}

static size_t at_most(size_t size, size_t most) {
  return size < most ? size : most;
}

bool archive_name_is_valid(const char* name, size_t size) {
  if (size == 0 || size > ARCHIVE_NAME_MAX || memchr(name, '/', size) != NULL ||
      memchr(name, '\0', size) != NULL)
    return false;
  return !(name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.')));
}

size_t archive_path_join(char* path, size_t size, const char* name) {
  size_t more = strlen(name);
  bool has_slash = size > 0 && path[size - 1] != '/';
  if (size + has_slash + more > ARCHIVE_TEXT_MAX)
    return size; // errors show a shorter one
  if (has_slash)
    path[size++] = '/';
  memcpy(path + size, name, more);
  return size + more;
}

size_t archive_store_totals(unsigned char* out, const struct archive_totals* x) {
  const uint64_t all[] = {x->files, x->directories, x->links, x->deletes, x->bytes};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
    archive_store_u64(out + 8 * i, all[i]);
  return totals_size;
}

bool archive_load_totals(const unsigned char* payload, size_t size, struct archive_totals* out) {
  if (size != totals_size)
    return false;
  *out = (struct archive_totals){.files = archive_load_u64(payload),
                                 .directories = archive_load_u64(payload + 8),
                                 .links = archive_load_u64(payload + 16),
                                 .deletes = archive_load_u64(payload + 24),
                                 .bytes = archive_load_u64(payload + 32)};
  return true;
}

size_t archive_store_begin(unsigned char* out, const struct archive_totals* planned) {
  memcpy(out, magic, magic_size);
  archive_store_u32(out + magic_size, ARCHIVE_VERSION);
  return magic_size + 4 + archive_store_totals(out + magic_size + 4, planned);
}

bool archive_load_begin(const unsigned char* payload, size_t size, uint32_t* version,
                        struct archive_totals* planned) {
  if (size < magic_size + 4 || memcmp(payload, magic, magic_size) != 0)
    return false;
  *version = archive_load_u32(payload + magic_size);
  memset(planned, 0, sizeof *planned);
  if (*version != ARCHIVE_VERSION)
    return true; // what follows is that version's business
  return size == begin_size && archive_load_totals(payload + magic_size + 4, totals_size, planned);
}

size_t archive_store_entry(unsigned char* out, const struct archive_entry* x) {
  size_t name_size = at_most(strlen(x->name), ARCHIVE_NAME_MAX);
  size_t target_size = x->target != NULL ? at_most(strlen(x->target), ARCHIVE_TEXT_MAX) : 0;
  archive_store_u32(out, x->flags);
  archive_store_u32(out + 4, x->mode);
  archive_store_u64(out + 8, (uint64_t)x->seconds);
  archive_store_u32(out + 16, x->nanoseconds);
  out[20] = (unsigned char)(name_size >> 8);
  out[21] = (unsigned char)name_size;
  memcpy(out + fixed_size, x->name, name_size);
  if (x->target == NULL)
    return fixed_size + name_size;
  out[fixed_size + name_size] = '\0';
  memcpy(out + fixed_size + name_size + 1, x->target, target_size);
  return fixed_size + name_size + 1 + target_size;
}

/// Behind the name of a link: a NUL, and the target.
static bool load_target(const char* at, size_t size, struct archive_entry* out) {
  out->target = at + 1;
  return size > 1 && size - 1 <= ARCHIVE_TEXT_MAX && at[0] == '\0' &&
         memchr(out->target, '\0', size - 1) == NULL;
}

bool archive_load_entry(unsigned char* payload, size_t size, uint8_t type,
                        struct archive_entry* out) {
  if (size < fixed_size)
    return false;
  size_t name_size = (size_t)payload[20] << 8 | payload[21];
  size_t rest = size - fixed_size;
  char* name = (char*)payload + fixed_size;
  if (name_size > rest || !archive_name_is_valid(name, name_size))
    return false;
  *out = (struct archive_entry){.name = name,
                                .flags = archive_load_u32(payload),
                                .mode = archive_load_u32(payload + 4),
                                .seconds = (int64_t)archive_load_u64(payload + 8),
                                .nanoseconds = archive_load_u32(payload + 16)};
  payload[size] = '\0';
  if (type == archive_type_link ? !load_target(name + name_size, rest - name_size, out)
                                : name_size != rest)
    return false;
  uint32_t known = type == archive_type_directory ? ARCHIVE_FLAG_AS_IT_IS : 0;
  return (out->flags & ~known) == 0 && out->mode <= mode_bits && out->nanoseconds < nanoseconds_end;
}

size_t archive_store_failure(unsigned char* out, const struct archive_failure* x) {
  size_t path_size = at_most(strlen(x->path), ARCHIVE_TEXT_MAX);
  archive_store_u32(out, x->step);
  archive_store_u32(out + 4, x->error);
  memcpy(out + failure_size, x->path, path_size);
  return failure_size + path_size;
}

bool archive_load_failure(const unsigned char* payload, size_t size, struct archive_failure* out) {
  if (size < failure_size || size - failure_size > ARCHIVE_TEXT_MAX)
    return false;
  size_t path_size = size - failure_size;
  out->step = archive_load_u32(payload);
  out->error = archive_load_u32(payload + 4);
  memcpy(out->path, payload + failure_size, path_size);
  out->path[path_size] = '\0';
  return out->step <= archive_step_archive && strlen(out->path) == path_size;
}

size_t archive_store_report(unsigned char* out, const struct archive_report* x) {
  size_t size = archive_store_totals(out, &x->totals);
  return size + archive_store_failure(out + size, &x->failure);
}

bool archive_load_report(const unsigned char* payload, size_t size, struct archive_report* out) {
  return size >= totals_size && archive_load_totals(payload, totals_size, &out->totals) &&
         archive_load_failure(payload + totals_size, size - totals_size, &out->failure);
}
