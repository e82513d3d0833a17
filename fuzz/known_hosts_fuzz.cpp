// Fuzz harness of the known_hosts text: any bytes may be in the file, and what we do to it must
// keep its promises. For libFuzzer (-fsanitize=fuzzer), or with BANGER_FUZZ_MAIN as a program that
// runs the files it is given, or a few texts of its own. fuzz/known_hosts_corpus makes files to
// start from:
//   fuzz/known_hosts_corpus CORPUS
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I. fuzz/known_hosts_fuzz.cpp
//     core/{base64,hashed_names,host_key,known_hosts*,sha1,sha256}.cpp && ./a.out CORPUS
#include "core/known_hosts.hpp"
#include "core/known_hosts_index.hpp"

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

/// What we write of a line is written alike once it has been read.
void check_render(const kh::line& from) {
  const auto rendered = kh::render_line({from.hosts}, from.key, from.comment);
  const auto again = kh::parse(rendered);
  require(again.size() == 1 && again[0].is_valid && again[0].key == from.key,
          "a rendered line is valid and has the key");
  require(again[0].hosts == from.hosts, "a rendered line has the names");
  require(kh::render_line({again[0].hosts}, again[0].key, again[0].comment) == rendered,
          "a rendered line is rendered as the same bytes");
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
    check_render(each);
  }
}

/// Each line can be cut out of the text and says the same alone; what lies between them says
/// nothing.
void check_cuts(const std::string& text, const std::vector<kh::line>& lines) {
  std::string joined;
  for (const auto& each : lines) {
    const auto raw = kh::line_at(text, each.offset);
    const auto between = std::string_view(text).substr(joined.size(), each.offset - joined.size());
    require(kh::parse(between).empty(), "there is nothing between the lines");
    joined.append(between).append(raw);
    const auto alone = kh::parse(raw);
    require(alone.size() == 1 && alone[0].is_valid == each.is_valid && alone[0].mark == each.mark &&
                alone[0].hosts == each.hosts && alone[0].key == each.key &&
                alone[0].comment == each.comment,
            "a line says the same alone");
  }
  joined += text.substr(joined.size());
  require(joined == text, "the lines and what lies between them are the text");
}

/// The index answers as a look at every line.
void check_index(const std::vector<kh::line>& lines, const std::string& host) {
  kh::line_index indexed(lines);
  for (const auto& key : {some_key(), lines.empty() ? some_key() : lines.back().key})
    for (const auto port : {kh::default_port, std::uint16_t{2222}}) {
      const auto plain = kh::check(lines, host, port, key);
      const auto found = kh::check(indexed, host, port, key);
      require(found.status == plain.status && found.name == plain.name && found.keys == plain.keys,
              "the index gives the same verdict");
    }
  require(kh::plan_removal(indexed, {host}).removals.size() ==
              kh::plan_removal(lines, {host}).removals.size(),
          "the index finds the same lines to remove");
}

/// A copy without every other line, and then with what it lacks.
void check_copy(const std::string& text) {
  std::string copy;
  bool is_left_out = false;
  for (std::size_t at = 0; at < text.size(); is_left_out = !is_left_out) {
    const auto size = kh::line_at(text, at).size() + 1;
    if (!is_left_out)
      copy += text.substr(at, size);
    at += size;
  }
  require(kh::end_of_copied(text, copy) <= text.size(), "no more was copied than is there");
  require(kh::missing_lines(text, text).empty(), "a text lacks nothing of itself");
  if (!copy.empty() && copy.back() != '\n')
    copy += '\n';
  copy += kh::missing_lines(text, copy);
  require(kh::missing_lines(text, copy).empty(), "nothing is missing once it was added");
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
  const auto lines = kh::parse(text);
  check_lines(text, lines);
  check_cuts(text, lines);
  check_copy(text);
  for (const std::string host : {"box.vm", "a", "172.16.0.2"}) {
    check_pin(text, host);
    check_index(lines, host);
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
