// Known_hosts files made up at random: every kind of line, in numbers in which they matter.
#pragma once

#include "core/base64.hpp"
#include "core/known_hosts.hpp"
#include "core/sha1.hpp"
#include "tests/support/host_keys.hpp"

#include <array>
#include <cstddef>
#include <random>
#include <string>

namespace banger::test {

/// Names that random_file pins, or may match.
inline const std::array<std::string, 4> sample_names = {"box.vm", "[box.vm]:2222", "172.16.0.2",
                                                        "a"};

inline std::string hashed(const std::string& name, char salt) {
  const std::string bytes(20, salt);
  return "|1|" + core::base64_encode(bytes) + "|" +
         core::base64_encode(core::hmac_sha1(bytes, name));
}

/// A file of lines that match some of the names in all the ways there are.
inline std::string random_file(std::mt19937& random) {
  static const std::array<std::string, 14> elements = {
      "box.vm", "BOX.vm", "[box.vm]:2222", "172.16.0.2", "a",  "*", "*.vm",
      "?",      "!a",     "!*.vm",         "[*]:*",      "b*", "",  "172.*.?"};
  static const std::array<std::string, 7> others = {
      "", "# box.vm", "box.vm", "box.vm # key", "@other box.vm x y", "@revoked", " \t"};
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  std::string out;
  for (auto count = 1 + below(30); count != 0; --count) {
    if (below(5) == 0) {
      out += others[below(others.size())] + "\n";
      continue;
    }
    std::string hosts = elements[below(elements.size())];
    while (below(2) == 0)
      hosts += "," + elements[below(elements.size())];
    if (below(4) == 0)
      hosts = hashed(sample_names[below(sample_names.size())], static_cast<char>('A' + below(20)));
    if (hosts.empty())
      hosts = ",";
    const auto mark = std::array{"", "", "", "@revoked ", "@cert-authority ", "  "}[below(6)];
    auto line = mark + core::known_hosts::render_line(
                           {hosts}, ed25519_key(static_cast<char>('a' + below(3))));
    if (below(4) == 0)
      line.insert(line.size() - 1, below(2) == 0 ? "\r" : " note");
    out += line;
  }
  if (below(4) == 0)
    out.pop_back();
  return out;
}

} // namespace banger::test
