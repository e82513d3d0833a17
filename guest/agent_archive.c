#define _GNU_SOURCE
#include "agent_archive.h"

#include "archive/pack.h"
#include "archive/unpack.h"
#include "io.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { usage = 2, read_size = 256 * 1024 };

static bool to_output(void* context, const void* bytes, size_t size) {
  (void)context;
  return write_all(STDOUT_FILENO, bytes, size);
}

/// Options up to "--"; each has a bit. @returns how many words they are with it, or -1
static int take_flags(int count, char** arguments, const char* const* names, unsigned* flags) {
  for (int i = 0; i < count; ++i) {
    if (strcmp(arguments[i], "--") == 0)
      return i + 1;
    int k = 0;
    while (names[k] != NULL && strcmp(arguments[i], names[k]) != 0)
      ++k;
    if (names[k] == NULL)
      return -1;
    *flags |= 1U << k;
  }
  return -1;
}

static int pack(int count, char** sources, bool counts) {
  static struct archive_writer writer;
  static struct archive_packer packer;
  archive_packer_init(&packer, NULL);
  for (int i = 0; i < count && counts; ++i)
    archive_pack(&packer, sources[i]);
  struct archive_totals planned = packer.totals;
  archive_writer_init(&writer, to_output, NULL);
  archive_packer_init(&packer, &writer);
  archive_put_begin(&writer, &planned);
  for (int i = 0; i < count; ++i)
    if (!archive_pack(&packer, sources[i])) {
      archive_put_failed(&writer, &packer.failure);
      return 1;
    }
  return archive_put_end(&writer) ? 0 : 1;
}

static volatile sig_atomic_t is_ended;

static void end(int number) {
  (void)number;
  is_ended = 1;
}

/// A read that waits ends with them; what was begun is undone.
static void take_signals(void) {
  struct sigaction action = {.sa_handler = end};
  const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i)
    sigaction(numbers[i], &action, NULL);
  signal(SIGPIPE, SIG_IGN);
}

static void feed(struct archive_unpacker* unpacker) {
  static unsigned char bytes[read_size];
  while (!is_ended) {
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0 || !archive_unpack(unpacker, bytes, (size_t)n))
      return;
  }
}

static int finish(struct archive_unpacker* unpacker) {
  static struct archive_writer writer;
  static struct archive_report report;
  bool done = archive_unpack_finish(unpacker, &report);
  archive_writer_init(&writer, to_output, NULL);
  archive_put_report(&writer, &report);
  return done ? 0 : 1;
}

/// To undo may take longer than a process group is given to end once its client is gone, so that is
/// done outside of it.
static int finish_apart(struct archive_unpacker* unpacker) {
  pid_t child = unpacker->reader.state == archive_state_ended ? -1 : fork();
  if (child < 0)
    return finish(unpacker);
  if (child == 0) {
    setsid();
    _exit(finish(unpacker));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int unpack(const char* destination, unsigned flags) {
  static struct archive_unpacker unpacker;
  take_signals();
  if (archive_unpack_begin(&unpacker, destination, flags | ARCHIVE_UNPACK_SPECIAL_BITS))
    feed(&unpacker);
  return finish_apart(&unpacker);
}

int agent_archive(int count, char** arguments) {
  static const char* const pack_options[] = {"--count", NULL};
  static const char* const unpack_options[] = {"--many", "--contents", "--named", NULL};
  unsigned flags = 0;
  bool packs = count > 0 && strcmp(arguments[0], "pack") == 0;
  bool unpacks = count > 0 && strcmp(arguments[0], "unpack") == 0;
  int used = -1;
  if (packs || unpacks)
    used = take_flags(count - 1, arguments + 1, packs ? pack_options : unpack_options, &flags);
  char** words = arguments + 1 + used;
  int left = count - 1 - used;
  if (used >= 0 && packs && left > 0)
    return pack(left, words, flags != 0);
  if (used >= 0 && unpacks && left == 1)
    return unpack(words[0], flags);
  log_line("banger-agent", "usage: banger-agent archive pack [--count] -- SOURCE...");
  log_line("banger-agent",
           "       banger-agent archive unpack [--many] [--contents] [--named] -- DESTINATION");
  return usage;
}
