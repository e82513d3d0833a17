#include "state_text.hpp"

#include <charconv>
#include <functional>
#include <utility>

namespace orchestrator {

namespace {

/// Reads JSON of objects, strings and whole numbers; that is all a state has in it.
class reader {
public:
  explicit reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool is_good() const { return is_good_; }

  /// Nothing but white space is left.
  bool is_at_end() {
    skip_space();
    return rest_.empty();
  }

  /// Calls `member` with each key; it has to read the value. A key that comes twice is refused.
  void object(const std::function<void(const std::string&)>& member) {
    std::set<std::string> keys;
    take('{');
    for (bool is_first = true; is_good_ && !is_next('}'); is_first = false) {
      if (!is_first)
        take(',');
      const auto key = string();
      take(':');
      is_good_ = is_good_ && keys.insert(key).second;
      if (is_good_)
        member(key);
    }
    take('}');
  }

  std::string string() {
    std::string text;
    take('"');
    while (is_good_ && !rest_.empty() && rest_.front() != '"')
      text += character();
    take('"');
    return text;
  }

  template <class T>
  T number() {
    skip_space();
    T x = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), x);
    is_good_ = is_good_ && error == std::errc{};
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return x;
  }

  void fail() { is_good_ = false; }

private:
  void skip_space() {
    while (!rest_.empty() && std::string_view{" \t\r\n"}.find(rest_.front()) != std::string::npos)
      rest_.remove_prefix(1);
  }

  bool is_next(char x) {
    skip_space();
    return rest_.starts_with(x);
  }

  void take(char x) {
    if (is_next(x))
      rest_.remove_prefix(1);
    else
      fail();
  }

  char character() {
    auto x = rest_.front();
    rest_.remove_prefix(1);
    if (x != '\\')
      return x;
    constexpr std::size_t length = 4; // of \u00XX, after the u: all that quoted() writes
    unsigned code = 0;
    if (rest_.starts_with('"') || rest_.starts_with('\\')) {
      x = rest_.front();
      rest_.remove_prefix(1);
    } else if (rest_.size() > length && rest_.front() == 'u' &&
               std::from_chars(rest_.data() + 1, rest_.data() + 1 + length, code, 16).ptr ==
                   rest_.data() + 1 + length &&
               code < 0x80) {
      x = static_cast<char>(code);
      rest_.remove_prefix(1 + length);
    } else {
      fail();
    }
    return x;
  }

  std::string_view rest_;
  bool is_good_ = true;
};

host_record read_host(reader& in) {
  host_record x;
  in.object([&](const std::string& key) {
    if (key == "sent_ms")
      x.sent_ms = in.number<std::int64_t>();
    else if (key == "ends_ms")
      x.ends_ms = in.number<std::int64_t>();
    else if (key == "lost_ms")
      x.lost_ms = in.number<std::int64_t>();
    else
      in.fail();
  });
  return x;
}

std::string member(std::string_view key, std::string_view value) {
  return quoted(key) + ": " + std::string{value};
}

std::string host_text(const host_record& x) {
  return "{" + member("sent_ms", std::to_string(x.sent_ms)) + ", " +
         member("ends_ms", std::to_string(x.ends_ms)) + ", " +
         member("lost_ms", std::to_string(x.lost_ms)) + "}";
}

template <class Map, class Text>
std::string map_text(const Map& all, Text text) {
  std::string out = "{";
  for (const auto& [key, value] : all)
    out += (out.size() > 1 ? ",\n    " : "\n    ") + member(key, text(value));
  return out + "\n  }";
}

} // namespace

std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20)
      out += {'\\', 'u', '0', '0', digits[byte >> 4U], digits[byte & 0xFU]};
    else
      out += c;
  }
  return out + '"';
}

std::string to_text(const fleet& x) {
  return "{\n  " + member("version", "1") + ",\n  " + member("token", std::to_string(x.token)) +
         ",\n  " + member("ttl_ms", std::to_string(x.ttl_ms)) + ",\n  " +
         member("boot_id", quoted(x.boot_id)) + ",\n  " +
         member("hosts", map_text(x.hosts, host_text)) + ",\n  " +
         member("places", map_text(x.places, [](const auto& y) { return quoted(y); })) + "\n}\n";
}

std::optional<fleet> from_text(std::string_view text) {
  reader in{text};
  fleet x;
  int version = 0;
  in.object([&](const std::string& key) {
    if (key == "version")
      version = in.number<int>();
    else if (key == "token")
      x.token = in.number<std::uint64_t>();
    else if (key == "ttl_ms")
      x.ttl_ms = in.number<std::int64_t>();
    else if (key == "boot_id")
      x.boot_id = in.string();
    else if (key == "hosts")
      in.object([&](const std::string& host) { x.hosts[host] = read_host(in); });
    else if (key == "places")
      in.object([&](const std::string& name) { x.places[name] = in.string(); });
    else
      in.fail();
  });
  if (!in.is_good() || !in.is_at_end() || version != 1 || x.token == 0)
    return std::nullopt;
  return x;
}

std::string to_line(const change& x, std::int64_t at_ms) {
  auto line = "{\"at_ms\":" + std::to_string(at_ms) + ",\"what\":" + quoted(x.what) +
              ",\"name\":" + quoted(x.name) + ",\"host\":" + quoted(x.host);
  return line + (x.why.empty() ? "" : ",\"why\":" + quoted(x.why)) + "}\n";
}

} // namespace orchestrator
