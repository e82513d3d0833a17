#include "cli/detach_keys.hpp"

namespace banger::cli {

namespace {

constexpr std::string_view control = "ctrl-";

result<char> parse_key(std::string_view key) {
  if (key.size() == 1 && key.front() > ' ' && key.front() < 0x7F)
    return key.front();
  if (key.starts_with(control) && key.size() == control.size() + 1) {
    const auto letter = key.back();
    if (letter >= 'a' && letter <= 'z')
      return static_cast<char>(letter - 'a' + 1);
    if (letter >= '@' && letter <= '_')
      return static_cast<char>(letter - '@');
  }
  return fail(ec::bad_request, "--detach-keys: '" + std::string{key} + "' is no key", "",
              "keys are like ctrl-] or ctrl-p,ctrl-q; none: no keys");
}

} // namespace

result<std::string> parse_detach_keys(std::string_view text) {
  std::string keys;
  if (text == "none")
    return keys;
  for (;;) {
    const auto comma = text.find(',');
    auto key = parse_key(text.substr(0, comma));
    if (!key)
      return tl::make_unexpected(key.error());
    keys.push_back(*key);
    if (comma == std::string_view::npos)
      return keys;
    text.remove_prefix(comma + 1);
  }
}

std::string detach_scanner::feed(std::string_view typed) {
  std::string out;
  for (auto key : typed) {
    if (is_found_ || keys_.empty()) {
      if (!is_found_)
        out.push_back(key);
      continue;
    }
    // Back to the longest beginning of the keys that what was typed still ends with.
    while (matched_ > 0 && keys_[matched_] != key) {
      const auto held = keys_.substr(0, matched_);
      auto shorter = matched_ - 1;
      while (shorter > 0 && held.substr(held.size() - shorter) != keys_.substr(0, shorter))
        --shorter;
      out += held.substr(0, matched_ - shorter);
      matched_ = shorter;
    }
    if (keys_[matched_] == key)
      is_found_ = ++matched_ == keys_.size();
    else
      out.push_back(key);
  }
  return out;
}

} // namespace banger::cli
