#include "options.hpp"

#include <charconv>
#include <functional>
#include <utility>

namespace orchestrator {

const char* const help_text =
    R"(Keeps virtual machines web-1 to web-N running on several hosts, each on one host at a time.

  orchestrator --state PATH --host NAME_OR_URL... --count N [OPTION...]

  --state PATH      a file, or a folder that exists: what has to outlive the program
  --host HOST       a name of [hosts] in config.toml, ssh://USER@HOST or tls://HOST:PORT; once a host
  --count N         how many VMs are to run (0 to 10000)
  --image NAME      what they are made of (debian)
  --memory MIB      of each (512)
  --ttl SECONDS     how long a host lets them run without hearing of us (30; 3 to 3600)
  --drain HOST      move what runs there to others, one at a time; once a host
  --name NAME       whose VMs they are: one state, one name (fleet)
  --once            end when all is as wanted; their leases then end after --ttl

It prints a line of JSON for each change. Exit status: 0 ended by SIGTERM or SIGINT, or done (--once);
1 the state can't be used; 2 the command line is wrong; 3 another orchestrator has taken over.
)";

namespace {

/// @returns whether it is a whole number from `least` to `most`
template <class T>
bool read_number(const std::string& text, T least, T most, T& to) {
  T x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (error != std::errc{} || end != text.data() + text.size() || x < least || x > most)
    return false;
  to = x;
  return true;
}

bool add(std::vector<std::string>& to, const std::string& host) {
  if (host.empty() || std::find(to.begin(), to.end(), host) != to.end())
    return false;
  to.push_back(host);
  return true;
}

/// What takes a value, and what to do with it. @returns false where the value is none
using setter = std::function<bool(options&, const std::string&)>;

const std::map<std::string, setter>& setters() {
  static const std::map<std::string, setter> all{
      {"--state", [](auto& x, const auto& y) { return !(x.state = y).empty(); }},
      {"--image", [](auto& x, const auto& y) { return !(x.image = y).empty(); }},
      {"--name", [](auto& x, const auto& y) { return !(x.name = y).empty(); }},
      {"--host", [](auto& x, const auto& y) { return add(x.wanted.hosts, y); }},
      {"--drain", [](auto& x, const auto& y) { return x.wanted.drained.insert(y).second; }},
      {"--count",
       [](auto& x, const auto& y) { return read_number(y, 0U, 10'000U, x.wanted.count); }},
      {"--memory",
       [](auto& x, const auto& y) { return read_number(y, 64U, 1U << 20U, x.wanted.memory_mib); }},
      {"--ttl",
       [](auto& x, const auto& y) {
         std::int64_t seconds = 0;
         const auto is_good = read_number<std::int64_t>(y, 3, 3'600, seconds);
         x.wanted.ttl_ms = seconds * 1'000;
         return is_good;
       }},
  };
  return all;
}

std::string missing(const options& x, bool has_count) {
  if (x.state.empty() || x.wanted.hosts.empty() || !has_count)
    return "--state, --host and --count are necessary";
  for (const auto& host : x.wanted.drained)
    if (std::find(x.wanted.hosts.begin(), x.wanted.hosts.end(), host) == x.wanted.hosts.end())
      return "--drain " + host + ": it is not one of the hosts; spell it as after --host";
  return {};
}

} // namespace

options parse(const std::vector<std::string>& words) {
  options x;
  bool has_count = false;
  for (std::size_t i = 0; i < words.size() && x.error.empty(); ++i) {
    const auto& word = words[i];
    const auto found = setters().find(word);
    if (word == "--once")
      x.is_once = true;
    else if (word == "--help")
      x.is_help = true;
    else if (found == setters().end())
      x.error = "'" + word + "' is none of its options; see --help";
    else if (i + 1 == words.size())
      x.error = word + " wants a value; see --help";
    else if (!found->second(x, words[++i]))
      x.error = word + " does not take '" + words[i] + "' (here); see --help";
    has_count = has_count || word == "--count";
  }
  if (x.error.empty() && !x.is_help)
    x.error = missing(x, has_count);
  return x;
}

} // namespace orchestrator
