#include "core/vm_name.hpp"

#include <algorithm>
#include <array>

namespace banger::core {

namespace {

constexpr std::size_t longest = 63; // RFC 1123 section 2.1, RFC 1034 section 3.1

constexpr std::array adjectives{"bold",   "brave", "brisk", "calm",  "clear", "crisp", "deft",
                                "eager",  "early", "fair",  "fine",  "fleet", "fresh", "glad",
                                "keen",   "kind",  "light", "lucid", "merry", "mild",  "neat",
                                "nimble", "prime", "proud", "quick", "quiet", "rapid", "ready",
                                "sharp",  "spry",  "swift", "warm"};
constexpr std::array nouns{"ant",   "badger", "bear",  "bee",  "crane", "crow", "deer", "dove",
                           "eagle", "falcon", "finch", "fox",  "frog",  "gull", "hare", "hawk",
                           "heron", "ibis",   "jay",   "lark", "lynx",  "mole", "moth", "newt",
                           "otter", "owl",    "robin", "seal", "stork", "swan", "tern", "wren"};

bool is_label_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

result<void> check(std::string_view kind, std::string_view name, std::string_view more_chars) {
  auto wrong = [&](std::string why, std::string hint = {}) {
    return fail(ec::bad_request,
                "the " + std::string{kind} + " '" + std::string{name} + "' is not valid",
                std::move(why), std::move(hint));
  };
  if (name.empty())
    return wrong("it is empty");
  if (name.size() > longest)
    return wrong("it has " + std::to_string(name.size()) + " characters, 63 is the most");
  std::string lower{name};
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  auto is_good = [&](char c) {
    return is_label_char(c) || more_chars.find(c) != std::string_view::npos;
  };
  if (!std::all_of(name.begin(), name.end(), is_good)) {
    auto allowed = "only a-z, 0-9 and '-'" +
                   std::string{more_chars.empty() ? "" : ", '.' and '_'"} + " may be in it";
    auto only_case = lower != name && check(kind, lower, more_chars).has_value();
    return only_case ? wrong(allowed, "try '" + lower + "'") : wrong(allowed);
  }
  auto is_alnum = [](char c) { return is_label_char(c) && c != '-'; };
  if (!is_alnum(name.front()) || !is_alnum(name.back()))
    return wrong("it must start and end with a letter or a digit");
  return {};
}

} // namespace

result<void> check_vm_name(std::string_view name) {
  return check("name", name, "");
}

result<void> check_image_name(std::string_view name) {
  return check("image name", name, "._");
}

std::string random_vm_name(std::uint64_t entropy) {
  const auto* adjective = adjectives[entropy % adjectives.size()];
  entropy /= adjectives.size();
  const auto* noun = nouns[entropy % nouns.size()];
  entropy /= nouns.size();
  return std::string{adjective} + "-" + noun + "-" + std::to_string(entropy % 100);
}

} // namespace banger::core
