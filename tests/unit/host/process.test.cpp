#include "host/process.hpp"

#include "host/unix_socket.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

using banger::ec;
using namespace banger::host;
using strings = std::vector<std::string>;

namespace {

constexpr int patience_ms = 20'000;

spawn_request shell(const std::string& script) {
  spawn_request x;
  x.argv = {"/bin/sh", "-c", script};
  return x;
}

/// Waits for the end of a child. Its wait status.
int collect(const child& x) {
  pollfd waiting{x.pidfd.get(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, patience_ms) == 1);
  const auto status = reap(x.pidfd);
  REQUIRE(status);
  return *status;
}

struct pipe_ends {
  pipe_ends() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    in.reset(ends[0]);
    out.reset(ends[1]);
  }
  std::string drain() {
    out.reset();
    std::string text;
    char buffer[256];
    for (ssize_t n = 0; (n = ::read(in.get(), buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }
  unique_fd in, out;
};

} // namespace

TEST_CASE("process: a child runs, ends, and is collected once") {
  const auto x = spawn(shell("exit 7"));
  REQUIRE(x);
  const auto status = collect(*x);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(describe_wait_status(status) == "exited with status 7");
  CHECK_FALSE(reap(x->pidfd));
}

TEST_CASE("process: a child that runs is neither ended nor collected; a signal ends it") {
  spawn_request request;
  request.argv = {"/bin/sleep", "600"};
  const auto x = spawn(request);
  REQUIRE(x);
  CHECK_FALSE(has_ended(x->pidfd));
  CHECK_FALSE(reap(x->pidfd));
  signal_process(x->pidfd, SIGKILL);
  const auto status = collect(*x);
  CHECK(WIFSIGNALED(status));
  CHECK(describe_wait_status(status) == "was killed by signal 9");
  CHECK(has_ended(x->pidfd));
  signal_process(x->pidfd, SIGKILL); // nobody is hit
}

TEST_CASE("process: a program that is not there is not found") {
  spawn_request request;
  request.argv = {"/no/such/program"};
  const auto x = spawn(request);
  REQUIRE_FALSE(x);
  CHECK(x.error().code == ec::not_found);
  CHECK(x.error().what.find("/no/such/program") != std::string::npos);
}

TEST_CASE("process: a child has the descriptors it is given, and no others") {
  pipe_ends pipe;
  const unique_fd leaked{::open("/dev/null", O_RDONLY)}; // without O_CLOEXEC
  auto request = shell("for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do"
                       " [ -e /proc/$$/fd/$n ] && printf '%s ' $n; done; exit 0");
  request.fds = {{pipe.out.get(), 1}, {pipe.out.get(), 3}, {pipe.out.get(), 4}};
  const auto x = spawn(request);
  REQUIRE(x);
  const auto text = pipe.drain();
  CHECK(collect(*x) == 0);
  CHECK(text == "0 1 2 3 4 ");
}

TEST_CASE("process: descriptors may trade places") {
  // Two files whose numbers here are each other's numbers in the child.
  pipe_ends pipe;
  const banger::test::temporary_folder folder;
  std::ofstream{folder / "a"} << "A";
  std::ofstream{folder / "b"} << "B";
  const unique_fd low{::open((folder / "a").c_str(), O_RDONLY | O_CLOEXEC)};
  const unique_fd high{::open((folder / "b").c_str(), O_RDONLY | O_CLOEXEC)};
  auto request = shell("cat <&3; cat <&4");
  const unique_fd three{::fcntl(low.get(), F_DUPFD_CLOEXEC, 3)};
  request.fds = {{pipe.out.get(), 1}, {high.get(), 3}, {low.get(), 4}};
  const auto x = spawn(request);
  REQUIRE(x);
  CHECK(pipe.drain() == "BA");
  CHECK(collect(*x) == 0);
}

TEST_CASE("process: a grant to a number that another grant comes from works") {
  pipe_ends pipe;
  const banger::test::temporary_folder folder;
  unique_fd files[3];
  for (int i = 0; i < 3; ++i) {
    const auto path = folder / std::to_string(i);
    std::ofstream{path} << i;
    files[i].reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  // A ring: each number is taken by the next one's file. From 3 on there are no gaps.
  std::vector<int> numbers;
  for (const auto& file : files)
    numbers.push_back(file.get());
  std::sort(numbers.begin(), numbers.end());
  spawn_request request =
      shell("for n in " + std::to_string(numbers[0]) + " " + std::to_string(numbers[1]) + " " +
            std::to_string(numbers[2]) + "; do eval \"cat <&$n\"; done");
  request.argv = {"/bin/bash", "-c", request.argv[2]}; // dash takes one digit only
  request.fds.push_back({pipe.out.get(), 1});
  for (std::size_t i = 0; i < 3; ++i)
    request.fds.push_back({numbers[(i + 1) % 3], numbers[i]});
  for (int fill = 3; fill < numbers[2]; ++fill)
    if (std::find(numbers.begin(), numbers.end(), fill) == numbers.end())
      request.fds.push_back({pipe.in.get(), fill});
  const auto x = spawn(request);
  REQUIRE(x);
  CHECK(pipe.drain() == "120");
  CHECK(collect(*x) == 0);
}

TEST_CASE("process: standard streams that are not given are /dev/null") {
  pipe_ends pipe;
  auto request = shell("readlink /proc/self/fd/0 /proc/self/fd/2");
  request.fds = {{pipe.out.get(), 1}};
  const auto x = spawn(request);
  REQUIRE(x);
  CHECK(pipe.drain() == "/dev/null\n/dev/null\n");
  CHECK(collect(*x) == 0);
}

TEST_CASE("process: an environment that is given replaces ours") {
  auto request = shell("echo $A-$HOME");
  request.env = {"A=x y"};
  CHECK(run_blocking(request, patience_ms) == "x y-\n");
}

TEST_CASE("process: a child has default signals, whatever we ignore or block") {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  sigset_t blocked, old;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &old);
  const auto text =
      run_blocking(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status | cut -f 2"), patience_ms);
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  ::sigaction(SIGPIPE, &before, nullptr);
  REQUIRE(text);
  constexpr std::uint64_t users_own = 0x7fffffff; // 32 and 33 are the C library's
  char* second = nullptr;
  CHECK((std::strtoull(text->c_str(), &second, 16) & users_own) == 0);
  CHECK((std::strtoull(second, nullptr, 16) & users_own) == 0);
}

TEST_CASE("process: a session of its own is one") {
  for (bool own : {true, false}) {
    pipe_ends gate;
    spawn_request request;
    request.argv = {"/bin/cat"};
    request.fds = {{gate.in.get(), 0}};
    request.has_own_session = own;
    const auto x = spawn(request);
    REQUIRE(x);
    CHECK((::getsid(x->pid) == x->pid) == own);
    gate.out.reset();
    CHECK(collect(*x) == 0);
  }
}

TEST_CASE("process: a process is known by when it started") {
  const auto ours = start_time(::getpid());
  REQUIRE(ours);
  CHECK(*ours > 0);
  CHECK(start_time(::getpid()) == ours);
  const auto x = spawn(shell("exit 0"));
  REQUIRE(x);
  const auto theirs = start_time(x->pid);
  REQUIRE(theirs); // ended or not: it has not been collected
  CHECK(*theirs >= *ours);
  CHECK(collect(*x) == 0);
  CHECK_FALSE(start_time(x->pid));
  CHECK_FALSE(start_time(0));
  CHECK(boot_id().size() == 36);
}

TEST_CASE("process: a name with brackets and spaces does not shift the start time") {
  const banger::test::temporary_folder folder;
  const auto program = folder / "a) b (c";
  std::filesystem::copy_file("/bin/sleep", program);
  spawn_request request;
  request.argv = {program, "600"};
  const auto x = spawn(request);
  REQUIRE(x);
  const auto ours = start_time(::getpid()), theirs = start_time(x->pid);
  signal_process(x->pidfd, SIGKILL);
  collect(*x);
  REQUIRE(ours);
  REQUIRE(theirs);
  CHECK(*theirs >= *ours);
  CHECK(*theirs - *ours < 100 * 3600);
}

TEST_CASE("process: a process is found by one of its arguments") {
  const auto marker = "--marker=" + std::to_string(::getpid());
  spawn_request request;
  request.argv = {"/bin/sh", "-c", "echo; read x", marker};
  pipe_ends gate, ready;
  request.fds = {{gate.in.get(), 0}, {ready.out.get(), 1}};
  const auto x = spawn(request);
  REQUIRE(x);
  char byte = 0;
  REQUIRE(::read(ready.in.get(), &byte, 1) == 1); // the kernel shows the arguments a bit late
  CHECK(arguments_of(x->pid) == request.argv);
  CHECK(find_processes_naming(marker) == std::vector<pid_t>{x->pid});
  CHECK(find_processes_naming(std::to_string(::getpid())) == std::vector<pid_t>{x->pid});
  CHECK(find_processes_naming(marker.substr(1)).empty()); // no path begins there
  CHECK(find_processes_naming(marker + "x").empty());
  gate.out.reset();
  collect(*x);
  CHECK(arguments_of(x->pid).empty());
  CHECK(find_processes_naming(marker).empty());
}

TEST_CASE("process: an argument names a path as a whole") {
  for (const auto* yes : {"/a/b", "/a/b/c", "--dir=/a/b", "file=/a/b/c,if=none", "x=1,path=/a/b,y"})
    CHECK_MESSAGE(names_path(yes, "/a/b"), yes);
  for (const auto* no : {"/a/bc", "/x/a/b", "/mnt/backup/a/b/c", "a/b", "file=/x/a/b", "", "/a"})
    CHECK_FALSE_MESSAGE(names_path(no, "/a/b"), no);
}

TEST_CASE("process: a pidfd of nobody is not found") {
  CHECK(open_pidfd(::getpid()));
  CHECK(open_pidfd(0x7ffffff0).error().code == ec::not_found);
  CHECK_FALSE(has_ended(*open_pidfd(::getpid())));
  CHECK_FALSE(reap(*open_pidfd(::getpid())));
}

TEST_CASE("process: programs are found in absolute folders only") {
  CHECK(find_program("sh", "/no/such:/usr/bin:/bin") == "/usr/bin/sh");
  CHECK_FALSE(find_program("sh", ""));
  CHECK_FALSE(find_program("sh", "bin:.:"));
  CHECK_FALSE(find_program("no-such-program", "/usr/bin:/bin"));
  const banger::test::temporary_folder folder;
  const auto path = folder.path();
  std::ofstream{folder / "plain"} << "";
  CHECK_FALSE(find_program("plain", path)); // nobody may run it
  std::filesystem::create_directory(folder / "folder");
  CHECK_FALSE(find_program("folder", path));
  CHECK(find_program("mke2fs", search_path()));
}

TEST_CASE("process: what a program wrote is returned, of much the end") {
  CHECK(run_blocking(shell("echo out; echo err >&2"), patience_ms) == "out\nerr\n");
  const auto much = run_blocking(shell("yes 123456789 | head -n 50000; echo end"), patience_ms);
  REQUIRE(much);
  CHECK(much->size() <= 64U << 10);
  CHECK(much->ends_with("123456789\nend\n"));
}

TEST_CASE("process: a program that fails is a failure with its last line") {
  const auto x = run_blocking(shell("echo first; echo 'sh: no luck' >&2; exit 3"), patience_ms);
  REQUIRE_FALSE(x);
  CHECK(x.error().code == ec::failed);
  CHECK(x.error().what == "run sh");
  CHECK(x.error().why == "sh: no luck");
  CHECK(run_blocking(shell("exit 3"), patience_ms).error().why == "it exited with status 3");
  CHECK(run_blocking(shell("kill -9 $$"), patience_ms).error().why == "it was killed by signal 9");
  const auto ended = run_to_end_blocking(shell("echo x; exit 3"), patience_ms);
  REQUIRE(ended);
  CHECK(WEXITSTATUS(ended->wait_status) == 3);
  CHECK(ended->output == "x\n");
}

TEST_CASE("process: a full disk is told as such, wherever the program says it") {
  const auto x =
      run_blocking(shell("echo 'write: No space left on device' >&2; echo 'giving up' >&2; exit 1"),
                   patience_ms);
  REQUIRE_FALSE(x);
  CHECK(x.error().code == ec::no_space);
}

TEST_CASE("process: a program that does not end in time is killed, and collected") {
  const auto marker = "604" + std::to_string(::getpid());
  spawn_request request;
  for (const char* script : {"exec sleep ", "exec >&- 2>&-; exec sleep "}) {
    const auto x = run_blocking(shell(script + marker), 100);
    REQUIRE_FALSE(x);
    CHECK(x.error().code == ec::timed_out);
    CHECK(find_processes_naming(marker).empty());
  }
  int status = 0;
  CHECK(::waitpid(-1, &status, WNOHANG) == -1); // no child is left
}
