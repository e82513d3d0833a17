// What may come next on a command line that is being typed. A part of parse.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace banger::cli {

/// One that fits. `about` is a few words for those shells that show them.
struct candidate {
  std::string text;
  std::string about;
  friend bool operator==(const candidate&, const candidate&) = default;
};

/// Whose names fit, that only the daemon (or the file system) knows.
enum class names_of : std::uint8_t { nothing, vms, sessions, images, files };

struct completion {
  std::vector<candidate> words; ///< those that are known without asking anybody
  names_of wanted = names_of::nothing;
  std::string before;             ///< of the word, what stands before such a name: "--image="
  std::string typed;              ///< what such a name begins with
  std::vector<std::string> given; ///< names that were given already, and are not wanted twice
};

/// @param words  what follows the program's name; the last one, perhaps empty, is being typed
[[nodiscard]] completion complete(const std::vector<std::string>& words);

/// The same, of these commands.
[[nodiscard]] completion complete_in(CLI::App& app, std::vector<std::string> words);

} // namespace banger::cli
