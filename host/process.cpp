#include "host/process.hpp"

#include "core/last_line.hpp"
#include "host/files.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace banger::host {

namespace {

constexpr std::size_t max_proc_file = 1U << 20;

int pidfd_open(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

std::vector<char*> pointers(const std::vector<std::string>& all) {
  std::vector<char*> out;
  for (const auto& x : all)
    out.push_back(const_cast<char*>(x.c_str())); // posix_spawn does not write to them
  out.push_back(nullptr);
  return out;
}

/// File actions and attributes of one spawn, freed at its end.
class spawn_plan {
public:
  explicit spawn_plan(const spawn_request& request) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    set_signals(request.has_own_session);
    grant(request.fds);
  }
  spawn_plan(const spawn_plan&) = delete;
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  int run(pid_t& pid, const spawn_request& request) {
    auto argv = pointers(request.argv);
    auto env = pointers(request.env);
    return ::posix_spawn(&pid, request.argv.front().c_str(), &actions_, &attributes_, argv.data(),
                         request.env.empty() ? environ : env.data());
  }

private:
  void set_signals(bool has_own_session) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_setflags(
        &attributes_, static_cast<short>(has_own_session ? flags | POSIX_SPAWN_SETSID : flags));
  }

  /// In two passes, for a descriptor of ours may have the number another one is to get.
  void grant(const std::vector<fd_grant>& fds) {
    int next = 3;
    for (const auto& fd : fds)
      next = std::max({next, fd.parent + 1, fd.child + 1});
    std::vector<fd_grant> parked;
    for (const auto& fd : fds) {
      posix_spawn_file_actions_adddup2(&actions_, fd.parent, next);
      parked.push_back({next++, fd.child});
    }
    for (int standard = 0; standard <= 2; ++standard)
      if (std::none_of(fds.begin(), fds.end(),
                       [&](const auto& fd) { return fd.child == standard; }))
        posix_spawn_file_actions_addopen(&actions_, standard, "/dev/null", O_RDWR, 0);
    int highest = 2;
    for (const auto& fd : parked) {
      posix_spawn_file_actions_adddup2(&actions_, fd.parent, fd.child);
      highest = std::max(highest, fd.child);
    }
    // Grants are numbered from 3 without gaps, so all above them is not meant for the child.
    posix_spawn_file_actions_addclosefrom_np(&actions_, highest + 1);
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

using time_point = std::chrono::steady_clock::time_point;

/// Waits until `fd` is readable. @returns false at the deadline.
bool wait_readable(int fd, time_point deadline) {
  for (;;) {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{fd, POLLIN, 0};
    auto ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready >= 0 || errno != EINTR)
      return ready != 0; // a failed poll: let the caller's read say why
  }
}

/// Reads until the end of the stream or the deadline. @returns false at the deadline.
bool collect(int fd, std::string& out, time_point deadline) {
  constexpr std::size_t keep = 64U << 10;
  while (wait_readable(fd, deadline)) {
    char buffer[4096];
    auto n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      out.erase(0, out.size() - std::min(out.size(), keep));
      return true;
    }
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > 2 * keep)
      out.erase(0, out.size() - keep);
  }
  return false;
}

int wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

bool is_program(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

} // namespace

result<pipe_pair> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail_errno("make a pipe");
  return pipe_pair{unique_fd{ends[0]}, unique_fd{ends[1]}};
}

result<child> spawn(const spawn_request& request) {
  spawn_plan plan{request};
  child x;
  if (auto error = plan.run(x.pid, request); error != 0)
    return fail_errno("start " + request.argv.front(), error);
  x.pidfd.reset(pidfd_open(x.pid));
  if (!x.pidfd) {
    auto error = errno;
    ::kill(x.pid, SIGKILL);
    (void)wait_for_end(x.pid);
    return fail_errno("hold " + request.argv.front(), error);
  }
  return x;
}

result<unique_fd> open_pidfd(pid_t pid) {
  unique_fd fd{pidfd_open(pid)};
  if (!fd)
    return fail(ec::not_found, "hold process " + std::to_string(pid), std::strerror(errno));
  return fd;
}

void signal_process(const unique_fd& pidfd, int signal) {
  if (pidfd)
    (void)::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
}

std::optional<int> reap(const unique_fd& pidfd) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0)
    return std::nullopt;
  if (info.si_code == CLD_EXITED)
    return info.si_status << 8;
  return info.si_status;
}

std::string describe_wait_status(int status) {
  if (WIFSIGNALED(status))
    return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

bool has_ended(const unique_fd& pidfd) {
  pollfd waiting{pidfd.get(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) > 0;
}

bool ends_within(const unique_fd& pidfd, int timeout_ms) {
  return wait_readable(pidfd.get(),
                       std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms});
}

std::optional<std::uint64_t> start_time(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat", max_proc_file);
  if (!text)
    return std::nullopt;
  auto at = text->rfind(')'); // the program's name may hold spaces and brackets
  if (at == std::string::npos)
    return std::nullopt;
  constexpr int fields_after_name = 20; // field 22 of stat; the name is field 2
  for (int i = 0; i < fields_after_name && at != std::string::npos; ++i)
    at = text->find(' ', at + 1);
  if (at == std::string::npos)
    return std::nullopt;
  return std::strtoull(text->c_str() + at + 1, nullptr, 10);
}

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", max_proc_file);
  return text ? core::last_line(*text) : std::string{};
}

std::vector<std::string> arguments_of(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/cmdline", max_proc_file);
  std::vector<std::string> all;
  if (!text)
    return all;
  for (std::size_t at = 0; at < text->size();) {
    auto end = std::min(text->find('\0', at), text->size());
    all.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  return all;
}

bool names_path(const std::string& argument, const std::string& path) {
  for (auto at = argument.find(path); at != std::string::npos; at = argument.find(path, at + 1)) {
    const auto end = at + path.size();
    const auto begins = at == 0 || argument[at - 1] == '=' || argument[at - 1] == ',';
    const auto ends = end == argument.size() || argument[end] == '/' || argument[end] == ',';
    if (begins && ends)
      return true;
  }
  return false;
}

namespace {

/// Names the mounts that a process sees; empty where we may not know.
std::string mounts_of(const std::string& process) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/" + process + "/ns/mnt", error).string();
}

/// Of our user, and where a path means what it means to us.
bool is_neighbour(const std::string& process, const std::string& our_mounts) {
  struct stat info {};
  return ::stat(("/proc/" + process).c_str(), &info) == 0 && info.st_uid == ::geteuid() &&
         mounts_of(process) == our_mounts;
}

} // namespace

std::vector<pid_t> find_processes_naming(const std::string& path) {
  std::vector<pid_t> found;
  std::error_code error;
  const auto our_mounts = mounts_of("self");
  for (std::filesystem::directory_iterator entry{"/proc", error}, end; !error && entry != end;
       entry.increment(error)) {
    auto name = entry->path().filename().string();
    pid_t pid = 0;
    auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size() || pid == ::getpid())
      continue;
    auto arguments = arguments_of(pid);
    if (std::any_of(arguments.begin(), arguments.end(),
                    [&](const auto& x) { return names_path(x, path); }) &&
        is_neighbour(name, our_mounts))
      found.push_back(pid);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string own_program() {
  char path[PATH_MAX];
  const auto size = ::readlink("/proc/self/exe", path, sizeof path);
  return {path, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::optional<std::string> find_program(const std::string& name, const std::string& path) {
  for (std::size_t at = 0; at <= path.size();) {
    auto end = std::min(path.find(':', at), path.size());
    auto full = path.substr(at, end - at) + "/" + name;
    if (full.starts_with('/') && is_program(full))
      return full;
    at = end + 1;
  }
  return std::nullopt;
}

std::string search_path() {
  const char* path = std::getenv("PATH");
  std::string own = path != nullptr && *path != '\0' ? path : "/usr/local/bin:/usr/bin:/bin";
  return own + ":/usr/local/sbin:/usr/sbin:/sbin";
}

void open_missing_streams() {
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0;) {
    if (fd > STDERR_FILENO) {
      ::close(fd);
      return;
    }
    fd = ::open("/dev/null", O_RDWR);
  }
}

result<finished> run_to_end_blocking(const spawn_request& request, int timeout_ms) {
  auto pipe = make_pipe();
  if (!pipe)
    return tl::make_unexpected(pipe.error());
  auto wired = request;
  wired.fds.push_back({pipe->writer.get(), 1});
  wired.fds.push_back({pipe->writer.get(), 2});
  auto started = spawn(wired);
  pipe->writer.reset();
  if (!started)
    return tl::make_unexpected(started.error());
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms};
  finished x;
  // A program may close its output and go on: that counts against the deadline too.
  if (!collect(pipe->reader.get(), x.output, deadline) ||
      !wait_readable(started->pidfd.get(), deadline)) {
    signal_process(started->pidfd, SIGKILL);
    (void)wait_for_end(started->pid);
    auto name = request.argv.front().substr(request.argv.front().rfind('/') + 1);
    return fail(ec::timed_out, "run " + name, "no end after " + std::to_string(timeout_ms) + " ms");
  }
  x.wait_status = wait_for_end(started->pid);
  return x;
}

result<std::string> run_blocking(const spawn_request& request, int timeout_ms) {
  auto ended = run_to_end_blocking(request, timeout_ms);
  if (!ended)
    return tl::make_unexpected(ended.error());
  if (WIFEXITED(ended->wait_status) && WEXITSTATUS(ended->wait_status) == 0)
    return ended->output;
  auto name = request.argv.front().substr(request.argv.front().rfind('/') + 1);
  auto is_full = ended->output.find("No space left on device") != std::string::npos;
  return fail(is_full ? ec::no_space : ec::failed, "run " + name,
              ended->output.empty() ? "it " + describe_wait_status(ended->wait_status)
                                    : core::last_line(ended->output));
}

} // namespace banger::host
