#define _GNU_SOURCE
#include "session_process.h"

#include "io.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

void session_process_set_up(const char* name) {
  setsid();
  prctl(PR_SET_NAME, name);
  write_kernel_file("/proc/self/oom_score_adj", "0");
  signal(SIGTERM, SIG_DFL);
  signal(SIGIO, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}
