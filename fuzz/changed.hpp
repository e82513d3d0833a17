// Inputs for a harness that has no fuzzer: good ones with a few bytes changed, the same each time.
#pragma once

#include <random>
#include <string>

namespace banger::fuzz {

/// @param near  a byte that means something in this format, for one change in `one_in`
template <class Near>
std::string changed(std::string text, std::mt19937& random, unsigned one_in, Near near) {
  for (auto changes = random() % 5; changes > 0 && !text.empty(); --changes) {
    auto at = random() % text.size();
    if (random() % 4 == 0)
      text.erase(at, random() % 40);
    else if (random() % 3 == 0)
      text.insert(at, text.substr(random() % text.size(), random() % 80));
    else
      text[at] = random() % one_in == 0 ? static_cast<char>(near(random))
                                        : static_cast<char>(random() % 256);
  }
  return text;
}

} // namespace banger::fuzz
