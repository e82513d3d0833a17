// Fuzz harness of the known_hosts text: any bytes may be in the file, and what we do to it must
// keep its promises. For libFuzzer (-fsanitize=fuzzer), or with BANGER_FUZZ_MAIN as a program that
// runs the files it is given, or a few texts of its own.
#include "core/known_hosts.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace core = banger::core;
namespace kh = banger::core::known_hosts;

void require(bool holds, const char* promise) {
  if (holds)
    return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

core::host_key some_key() {
  return {"ssh-ed25519", std::string("\0\0\0\x0bssh-ed25519\0\0\0\x20", 19) + std::string(32, 'k')};
}

/// Every line lies in the text, in order, and a valid one reads back from what we render of it.
void check_lines(std::string_view text, const std::vector<kh::line>& lines) {
  std::size_t end = 0;
  for (const auto& each : lines) {
    require(each.offset >= end && each.offset < text.size(),
            "a line lies in the text, behind the one before");
    require(each.offset == 0 || text[each.offset - 1] == '\n', "a line starts after a line feed");
    end = each.offset + 1;
    if (!each.is_valid)
      continue;
    require(core::is_well_formed(each.key), "a valid line has a whole key");
    if (each.hosts.starts_with('@') || each.hosts.starts_with('#'))
      continue; // a name that a marker has protected
    const auto again = kh::parse(kh::render_line({each.hosts}, each.key, each.comment));
    require(again.size() == 1 && again[0].is_valid && again[0].key == each.key,
            "a rendered line is valid and has the key");
    require(again[0].hosts == each.hosts, "a rendered line has the names");
  }
}

/// After the plan is carried out no plain line pins the names, except for those it says it keeps,
/// and all lines that it does not name are as they were.
void check_removal(const std::string& text, const std::vector<std::string>& names) {
  const auto before = kh::parse(text);
  const auto plan = kh::plan_removal(before, names);
  std::string after = text;
  std::string replacements;
  for (const auto& each : plan.removals) {
    after[each.offset] = '#';
    replacements += each.replacement;
  }
  require(kh::parse(after).size() == before.size() - plan.removals.size(),
          "a removal takes exactly its lines");
  if (!after.empty() && after.back() != '\n')
    after += '\n';
  after += replacements;
  const auto left = kh::plan_removal(kh::parse(after), names);
  require(left.removals.empty(), "nothing is left to remove");
  require(left.kept == plan.kept, "the kept lines stay");
  const auto compacted = kh::without_removed_lines(after);
  require(compacted.size() + kh::removed_bytes(after) == after.size(),
          "every byte is either kept or counted as removed");
  require(kh::parse(compacted).size() == kh::parse(after).size(), "compaction drops no line");
}

void check_pin(const std::string& text, const std::string& host) {
  const auto key = some_key();
  const auto lines = kh::parse(text);
  const auto found = kh::check(lines, host, kh::default_port, key);
  const auto explained = kh::explain_refusal(found, key);
  const bool is_refused =
      found.status == kh::outcome::mismatch || found.status == kh::outcome::revoked;
  require(explained.empty() != is_refused, "only a refusal is explained");
  require(!kh::pinned_algorithms(lines, host, 2222).empty(), "there is always an algorithm");
  if (found.status != kh::outcome::unknown)
    return;
  const auto pinned = text + "\n" + kh::render_line({host}, key);
  require(kh::check_sole_pin(kh::parse(pinned), host, key).status == kh::outcome::trusted,
          "a pinned key is trusted");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  check_lines(text, kh::parse(text));
  for (const std::string host : {"box.vm", "a", "172.16.0.2"}) {
    check_pin(text, host);
    check_removal(text, {host, kh::host_name_for(host, 2222)});
  }
  return 0;
}

#ifdef BANGER_FUZZ_MAIN

#include <fstream>
#include <random>
#include <sstream>

namespace {

void run(const std::string& text) {
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

/// A text of whole and broken lines, then a few bytes of it changed.
std::string random_text(std::mt19937& random) {
  const std::vector<std::string> parts = {"box.vm",
                                          "a",
                                          "172.16.0.2",
                                          "*",
                                          "?",
                                          "!",
                                          ",",
                                          "[",
                                          "]:2222",
                                          " ",
                                          "\t",
                                          "\n",
                                          "\r\n",
                                          "#",
                                          "|1|",
                                          "=",
                                          "@",
                                          "@revoked ",
                                          std::string(1, '\0'),
                                          "@cert-authority ",
                                          "[a]",
                                          "ssh-rsa",
                                          kh::render_line({"box.vm"}, some_key()),
                                          kh::render_line({"a", "b"}, some_key(), "c"),
                                          kh::render_line({""}, some_key())};
  std::string out;
  for (auto count = random() % 40; count != 0; --count)
    out += parts[random() % parts.size()];
  for (auto count = random() % 4; count != 0 && !out.empty(); --count)
    out[random() % out.size()] = static_cast<char>(random() % 256);
  return out;
}

} // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    std::ifstream in(arguments[i], std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    run(text.str());
  }
  if (count > 1)
    return 0;
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i)
    run(random_text(random));
  return 0;
}

#endif
