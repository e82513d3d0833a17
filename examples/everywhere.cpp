// Runs one command in several VMs at once, each line of output behind its VM's name, from a poll
// loop of its own: Ctrl-C goes to the commands.
//   c++ -std=c++20 everywhere.cpp $(pkg-config --cflags --libs banger) -o everywhere
//   ./everywhere box1 box2 -- make test
#include <banger/async_client.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

using namespace banger::client;

namespace {

struct job {
  stream_id stream = 0;
  std::string line[2]; ///< what came of one so far: of stdout, of stderr
};

void print_lines(const std::string& vm, std::string& line, bool is_stderr, std::string_view bytes) {
  line += bytes;
  for (auto end = line.find('\n'); end != std::string::npos; end = line.find('\n')) {
    std::fprintf(is_stderr ? stderr : stdout, "%s: %s\n", vm.c_str(), line.substr(0, end).c_str());
    line.erase(0, end + 1);
  }
  std::fflush(stdout);
}

int failed(const std::string& vm, const banger::failure& why) {
  std::fprintf(stderr, "%s: %s\n", vm.c_str(), banger::to_string(why).c_str());
  return 125;
}

} // namespace

int main(int argc, char** argv) {
  const auto end =
      std::find_if(argv + 1, argv + argc, [](const char* x) { return std::strcmp(x, "--") == 0; });
  if (end == argv + 1 || argv + argc - end < 2)
    return std::fputs("usage: everywhere VM... -- COMMAND [ARGUMENT...]\n", stderr), 2;
  auto banger = async_client::connect();
  if (!banger)
    return failed("everywhere", banger.error());
  int status = 0;
  std::map<std::string, job> jobs;
  for (auto vm = argv + 1; vm != end; ++vm)
    jobs.try_emplace(*vm);
  for (auto& entry : jobs) {
    const auto& vm = entry.first;
    auto& mine = entry.second;
    command_handlers on;
    on.on_output = [&vm, &mine](bool is_stderr, std::string_view bytes) {
      print_lines(vm, mine.line[is_stderr], is_stderr, bytes);
    };
    on.on_end = [&vm, &mine, &status](const auto& x) {
      for (const bool is_stderr : {false, true})
        if (!mine.line[is_stderr].empty())
          print_lines(vm, mine.line[is_stderr], is_stderr, "\n");
      status = std::max(status, !x               ? failed(vm, x.error())
                                : x->signal != 0 ? 128 + x->signal
                                                 : x->exit_code);
    };
    mine.stream = banger->run(vm, {end + 1, argv + argc}, {}, on);
  }
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupts, nullptr);
  pollfd ready[] = {{banger->fd(), 0, 0}, {signalfd(-1, &interrupts, SFD_CLOEXEC), POLLIN, 0}};
  while (!banger->is_idle()) {
    ready[0].events = static_cast<short>(POLLIN | (banger->wants_write() ? POLLOUT : 0));
    const auto most = std::min(banger->patience(), std::chrono::milliseconds{60'000});
    if (::poll(ready, 2, static_cast<int>(most.count())) > 0 && ready[1].revents != 0) {
      signalfd_siginfo which;
      if (::read(ready[1].fd, &which, sizeof which) > 0)
        for (const auto& [vm, mine] : jobs)
          banger->signal(mine.stream, SIGINT);
    }
    (void)banger->process(); // where it breaks, each command has been told
  }
  return status;
}
