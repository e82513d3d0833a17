#include "workspace/work_folder.hpp"

#include "host/files.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::workspace {

namespace {

/// Of a process that was killed. Names are PID-NUMBER.
void remove_left_behind(const std::string& parent) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{parent, error}) {
    auto pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH)
      (void)host::remove_tree(entry.path().string());
  }
}

} // namespace

result<work_folder> work_folder::make(const std::string& parent) {
  if (auto ok = host::make_private_directory(parent); !ok)
    return tl::make_unexpected(ok.error());
  remove_left_behind(parent);
  for (int number = 1;; ++number) {
    auto path = parent + "/" + std::to_string(::getpid()) + "-" + std::to_string(number);
    if (::mkdir(path.c_str(), 0700) == 0)
      return work_folder{path};
    if (errno != EEXIST)
      return fail_errno("make " + path);
  }
}

work_folder::~work_folder() {
  if (!path_.empty())
    (void)host::remove_tree(path_);
}

} // namespace banger::workspace
