// What may come next on a line that is being typed.
#include "cli/parse_complete.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace banger::cli;
using strings = std::vector<std::string>;

namespace {

strings words(const strings& line) {
  strings out;
  for (const auto& x : complete(line).words)
    out.push_back(x.text);
  return out;
}

bool has(const strings& all, const std::string& word) {
  return std::find(all.begin(), all.end(), word) != all.end();
}

} // namespace

TEST_CASE("complete: the commands") {
  const auto all = words({""});
  for (const auto* word :
       {"vm", "session", "image", "hostkey", "daemon", "events", "run", "ps", "completion"})
    CHECK_MESSAGE(has(all, word), word);
  CHECK_FALSE(has(all, "ssh-proxy")); // not for people
  CHECK(words({}) == all);
  CHECK(words({"se"}) == strings{"session"});
  CHECK(words({"nothing"}).empty());
  CHECK(words({"vm", "st"}) == strings{"start", "stop", "stats"});
  CHECK(words({"help", "vm", "st"}) == strings{"start", "stop", "stats"});
  CHECK(words({"session", "pr"}) == strings{"prune"});
  CHECK(words({"vm", "nothing", "st"}).empty());
}

TEST_CASE("complete: each has a few words for those shells that show them") {
  for (const auto& x : complete({"vm", ""}).words) {
    CHECK_MESSAGE(!x.about.empty(), x.text);
    CHECK(x.about.find('\n') == std::string::npos);
  }
}

TEST_CASE("complete: options, of the command and of those above it") {
  const auto all = words({"vm", "create", "-"});
  for (const auto* word : {"--name", "--image", "--memory", "--output", "--help"})
    CHECK_MESSAGE(has(all, word), word);
  CHECK(std::count(all.begin(), all.end(), "--help") == 1);
  CHECK_FALSE(has(all, "--rm"));
  CHECK(words({"vm", "run", "--r"}) == strings{"--root-disk", "--rm"});
  CHECK(words({"vm", "stop", "box", "--g"}) == strings{"--grace"});
}

TEST_CASE("complete: values that are known") {
  CHECK(words({"vm", "list", "--output", ""}) == strings{"table", "json", "jsonl"});
  CHECK(words({"vm", "list", "-o", "j"}) == strings{"json", "jsonl"});
  CHECK(words({"-o", "json", "vm", "li"}) == strings{"list"});
  CHECK(words({"-ojson", "vm", "li"}) == strings{"list"});
  CHECK(words({"vm", "list", "--output=j"}) == strings{"--output=json", "--output=jsonl"});
  CHECK(words({"session", "start", "--stdin", ""}) == strings{"pipe", "closed", "pty"});
  CHECK(words({"completion", ""}) == strings{"bash", "zsh", "fish"});
  CHECK(words({"vm", "create", "--name", ""}).empty());
  CHECK(words({"vm", "create", "--no-such=x"}).empty());
}

TEST_CASE("complete: names that only others know") {
  CHECK(complete({"vm", "start", ""}).wanted == names_of::vms);
  CHECK(complete({"vm", "start", "a", "b", "c"}).wanted == names_of::vms);
  CHECK(complete({"vm", "start", "a", "c"}).given == strings{"a"});
  CHECK(complete({"vm", "start", "a", "c"}).typed == "c");
  CHECK(complete({"vm", "exec", ""}).wanted == names_of::vms);
  CHECK(complete({"vm", "exec", "box", ""}).wanted == names_of::nothing); // one VM, and then --
  CHECK(complete({"session", "start", ""}).wanted == names_of::vms);
  CHECK(complete({"session", "prune", "--keep", "3", ""}).wanted == names_of::vms);
  CHECK(complete({"session", "attach", "bo"}).wanted == names_of::sessions);
  CHECK(complete({"session", "attach", "--read-only", "bo"}).wanted == names_of::sessions);
  CHECK(complete({"session", "send", "box/a", ""}).wanted == names_of::nothing);
  CHECK(complete({"session", "send", "box/a", "--file", ""}).wanted == names_of::files);
  CHECK(complete({"image", "show", ""}).wanted == names_of::images);
  CHECK(complete({"vm", "run", "--image", ""}).wanted == names_of::images);
  CHECK(complete({"image", "build", "--recipe", "x"}).wanted == names_of::files);
  CHECK(complete({"vm", "create", "--name", ""}).wanted == names_of::nothing);
}

TEST_CASE("complete: a name in one word with its option keeps what stands before it") {
  const auto x = complete({"run", "--image=deb"});
  CHECK(x.wanted == names_of::images);
  CHECK(x.before == "--image=");
  CHECK(x.typed == "deb");
}

TEST_CASE("complete: a name that is also a command is a name") {
  CHECK(complete({"vm", "start", "start", ""}).wanted == names_of::vms);
  CHECK(words({"vm", "start", "st"}).empty());
}

TEST_CASE("complete: what follows -- is the guest's") {
  for (const strings& line : {strings{"vm", "exec", "box", "--", ""},
                              {"run", "--", "--"},
                              {"vm", "exec", "--", "x", "-o", ""}}) {
    CHECK(words(line).empty());
    CHECK(complete(line).wanted == names_of::nothing);
  }
}
