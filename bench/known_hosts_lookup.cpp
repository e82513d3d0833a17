// Measures a lookup in a known_hosts file as the daemon makes it: opened and checked, then found.
// Usage: known-hosts-lookup FILE NAME NAME...
// Prints the medians in microseconds as JSON: "cached" for names that were never asked for in a
// file that is parsed already, "cold" for the first lookup of all, which reads and parses the file.
#include "ssh/known_hosts_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using banger::ssh::known_hosts_file;
using clock_type = std::chrono::steady_clock;
namespace kh = banger::core::known_hosts;

constexpr int cold_rounds = 11;

/// A key that no line of the file has: a name that is there is a mismatch.
banger::core::host_key other_key() {
  return {"ssh-ed25519", std::string("\0\0\0\x0bssh-ed25519\0\0\0\x20", 19) + std::string(32, 'k')};
}

/// Ends the program where the name is not found: a figure for something else would be no use.
void find(known_hosts_file& file, const std::string& name) {
  const auto found = file.check(name, kh::default_port, other_key());
  if (!found) {
    std::fprintf(stderr, "%s: %s\n", found.error().what.c_str(), found.error().why.c_str());
    std::exit(2);
  }
  if (found->status != kh::outcome::mismatch) {
    std::fprintf(stderr, "%s has no pin\n", name.c_str());
    std::exit(2);
  }
}

double timed(known_hosts_file& file, const std::string& name) {
  const auto since = clock_type::now();
  find(file, name);
  return std::chrono::duration<double, std::micro>(clock_type::now() - since).count();
}

double median(std::vector<double> from) {
  std::sort(from.begin(), from.end());
  return from.at(from.size() / 2);
}

double cold(const std::string& path, const std::string& name) {
  std::vector<double> out;
  for (int round = 0; round < cold_rounds; ++round) {
    known_hosts_file file(path);
    out.push_back(timed(file, name));
  }
  return median(std::move(out));
}

double cached(const std::string& path, const std::vector<std::string>& names) {
  known_hosts_file file(path);
  find(file, names.back());
  std::this_thread::sleep_for(2 * banger::ssh::known_hosts_cache::settle_time);
  find(file, names.back());
  std::vector<double> out;
  for (auto name = names.begin(); name + 1 != names.end(); ++name)
    out.push_back(timed(file, *name));
  return median(std::move(out));
}

} // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() < 3) {
    std::fputs("usage: known-hosts-lookup FILE NAME NAME...\n", stderr);
    return 2;
  }
  const std::vector<std::string> names(words.begin() + 1, words.end());
  std::printf("{\"cached\": %.1f, \"cold\": %.1f}\n", cached(words[0], names),
              cold(words[0], names.front()));
  return 0;
}
