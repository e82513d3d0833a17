#define _GNU_SOURCE
#include "session_state.h"

#include "io.h"
#include "session_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char state_file[] = "state";

uint64_t session_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void session_boot_id(char out[40]) {
  read_text("/proc/sys/kernel/random/boot_id", out, 40);
  out[strcspn(out, "\n")] = '\0';
}

uint64_t session_start_ticks(pid_t pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  if (pid <= 0 || read_text(path, text, sizeof text) <= 0)
    return 0;
  const char* at = strrchr(text, ')'); // the name before it may hold anything
  if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
    return 0;
  enum { state_field = 3, start_field = 22 };
  at += 2;
  for (int field = state_field; field < start_field && at != NULL; ++field) {
    at = strchr(at, ' ');
    at = at != NULL ? at + 1 : NULL;
  }
  return at != NULL ? strtoull(at, NULL, 10) : 0;
}

static bool is_this_boot(const struct session_state* state) {
  char boot_id[40];
  session_boot_id(boot_id);
  return strcmp(boot_id, state->boot_id) == 0;
}

bool session_host_is_alive(const struct session_state* state) {
  return state->host_start_ticks != 0 && is_this_boot(state) &&
         session_start_ticks(state->host_pid) == state->host_start_ticks;
}

size_t session_state_format(const struct session_state* state, char* out, size_t size) {
  char text[sizeof state->text];
  snprintf(text, sizeof text, "%s", state->text);
  for (char* at = text; *at != '\0'; ++at)
    if (*at == '\n')
      *at = ' ';
  int length = snprintf(
      out, size,
      "state=%s\npid=%d\nstart_ticks=%llu\nhost_pid=%d\nhost_start_ticks=%llu\nboot_id=%s\n"
      "exit_code=%d\nsignal=%d\nstep=%s\nerror=%d\ntext=%s\nstarted_at_ms=%llu\n"
      "ended_at_ms=%llu\nend_offset=%llu\n",
      session_phase_name(state->phase), (int)state->pid, (unsigned long long)state->start_ticks,
      (int)state->host_pid, (unsigned long long)state->host_start_ticks, state->boot_id,
      state->exit_code, state->signal, session_step_name(state->step), state->error, text,
      (unsigned long long)state->started_at_ms, (unsigned long long)state->ended_at_ms,
      (unsigned long long)state->end_offset);
  return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

bool session_state_save(int folder, const struct session_state* state, bool syncs) {
  char text[session_state_text_max];
  size_t size = session_state_format(state, text, sizeof text);
  return session_replace_file(folder, state_file, text, size, syncs);
}

static uint64_t number(const char* lines, const char* key) {
  char value[32];
  return config_value(lines, key, value, sizeof value) ? strtoull(value, NULL, 10) : 0;
}

static enum session_phase parse_phase(const char* lines) {
  char value[16];
  config_value(lines, "state", value, sizeof value);
  for (int phase = session_phase_starting; phase < session_phase_lost; ++phase)
    if (strcmp(value, session_phase_name((enum session_phase)phase)) == 0)
      return (enum session_phase)phase;
  return session_phase_lost;
}

static enum session_step parse_step(const char* lines) {
  char value[16];
  config_value(lines, "step", value, sizeof value);
  for (int step = session_step_exists; step <= session_step_exec; ++step)
    if (strcmp(value, session_step_name((enum session_step)step)) == 0)
      return (enum session_step)step;
  return session_step_none;
}

static bool read_state(int folder, struct session_state* out) {
  memset(out, 0, sizeof *out);
  char path[64], lines[session_state_text_max];
  snprintf(path, sizeof path, "/proc/self/fd/%d/%s", folder, state_file);
  if (read_text(path, lines, sizeof lines) <= 0)
    return false;
  out->phase = parse_phase(lines);
  out->pid = (pid_t)number(lines, "pid");
  out->host_pid = (pid_t)number(lines, "host_pid");
  out->start_ticks = number(lines, "start_ticks");
  out->host_start_ticks = number(lines, "host_start_ticks");
  config_value(lines, "boot_id", out->boot_id, sizeof out->boot_id);
  out->exit_code = (int)number(lines, "exit_code");
  out->signal = (int)number(lines, "signal");
  out->step = parse_step(lines);
  out->error = (int)number(lines, "error");
  config_value(lines, "text", out->text, sizeof out->text);
  out->started_at_ms = number(lines, "started_at_ms");
  out->ended_at_ms = number(lines, "ended_at_ms");
  out->end_offset = number(lines, "end_offset");
  return true;
}

/// A state file that is not there yet is there once its host lets go of the lock.
static bool read_state_behind_lock(int folder, struct session_state* out) {
  int lock = session_lock();
  bool is_read = read_state(folder, out);
  if (lock >= 0)
    close(lock);
  return is_read;
}

void session_state_load(int folder, struct session_state* out) {
  if (!read_state(folder, out) && !read_state_behind_lock(folder, out)) {
    out->phase = session_phase_lost;
    snprintf(out->text, sizeof out->text, "its host was killed before the command started");
    return;
  }
  if (out->phase == session_phase_exited || out->phase == session_phase_failed)
    return;
  if (session_host_is_alive(out))
    return;
  bool is_rebooted = !is_this_boot(out);
  // The host may have ended in between, with a last word: so the file once more.
  if (read_state(folder, out) &&
      (out->phase == session_phase_exited || out->phase == session_phase_failed))
    return;
  out->phase = session_phase_lost;
  snprintf(out->text, sizeof out->text, "%s",
           is_rebooted ? "the guest was rebooted" : "its host was killed");
}

struct session_ended session_state_ended(const struct session_state* state) {
  struct session_ended ended = {.how = session_how_exited,
                                .code = (uint32_t)state->exit_code,
                                .signal = (uint32_t)state->signal,
                                .end = state->end_offset,
                                .ended_at_ms = state->ended_at_ms,
                                .text = state->text};
  if (state->phase == session_phase_lost)
    ended.how = session_how_lost;
  else if (state->phase == session_phase_failed) {
    ended.how = session_how_failed;
    ended.code = (uint32_t)state->error;
  } else if (state->signal != 0)
    ended.how = session_how_signalled;
  return ended;
}
