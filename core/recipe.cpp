#include "core/recipe.hpp"

#include "core/sizes.hpp"
#include "core/suggest.hpp"

#include <algorithm>
#include <toml++/toml.h>

namespace banger::core {

namespace {

const std::vector<std::string> known_keys{"suite",     "mirror", "packages", "init",
                                          "root_size", "files",  "run"};

/// Reads one recipe; remembers the first thing that is wrong.
class reader {
public:
  reader(const toml::table& table, std::string_view name) : table_(table), name_(name) {}

  result<recipe> read() {
    check_keys();
    recipe x;
    take("suite", x.suite);
    take("mirror", x.mirror);
    take("init", x.init);
    x.packages = strings("packages");
    x.run = strings("run");
    take_files(x);
    take_size(x);
    if (x.suite.empty())
      complain("suite must not be empty");
    if (x.init != "banger" && x.init != "systemd")
      complain("init must be \"banger\" or \"systemd\"");
    if (problem_.empty())
      return x;
    return fail(ec::bad_request, "read the recipe " + std::string{name_}, problem_,
                "keys are suite, mirror, packages, init, root_size, files and run");
  }

private:
  void complain(std::string what) {
    if (problem_.empty())
      problem_ = std::move(what);
  }

  void check_keys() {
    for (const auto& [key, value] : table_) {
      std::string name{key.str()};
      if (std::find(known_keys.begin(), known_keys.end(), name) != known_keys.end())
        continue;
      auto meant = nearest(name, known_keys);
      complain("unknown key '" + name + "'" +
               (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
    }
  }

  void take(const char* key, std::string& out) {
    const auto* node = table_.get(key);
    if (node == nullptr)
      return;
    if (auto value = node->value<std::string>())
      out = *value;
    else
      complain(std::string{key} + " must be a string");
  }

  std::vector<std::string> strings(const char* key) {
    std::vector<std::string> all;
    const auto* node = table_.get(key);
    if (node == nullptr)
      return all;
    if (!node->is_array()) {
      complain(std::string{key} + " must be a list of strings");
      return all;
    }
    for (const auto& item : *node->as_array()) {
      if (auto value = item.value<std::string>())
        all.push_back(*value);
      else
        complain(std::string{key} + " must be a list of strings");
    }
    return all;
  }

  void take_files(recipe& x) {
    const auto* node = table_.get("files");
    if (node == nullptr)
      return;
    if (!node->is_array()) {
      complain("files must be a list of tables");
      return;
    }
    for (const auto& item : *node->as_array())
      if (const auto* entry = item.as_table())
        take_file(x, *entry);
      else
        complain("files must be a list of tables");
  }

  /// A plain 755 is meant like that, but is 01363: it must not pass.
  static bool is_octal(const toml::node& node) {
    const auto* number = node.as_integer();
    return number != nullptr && number->get() >= 0 &&
           (number->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none;
  }

  void take_file(recipe& x, const toml::table& entry) {
    recipe_file file;
    auto path = entry["path"].value<std::string>();
    if (!path || !path->starts_with('/') || path->find("..") != std::string::npos)
      complain("each of files needs an absolute path");
    else
      file.path = *path;
    for (const auto& [key, value] : entry) {
      if (key == "content" && value.is_string())
        file.content = *value.value<std::string>();
      else if (key == "mode" && is_octal(value) && *value.value<std::int64_t>() <= 07777)
        file.mode = static_cast<std::uint32_t>(*value.value<std::int64_t>());
      else if (key != "path")
        complain("files: '" + std::string{key.str()} +
                 "' is not known, or not of its type (path and content are strings, mode is a "
                 "number like 0o755)");
    }
    x.files.push_back(std::move(file));
  }

  void take_size(recipe& x) {
    std::string text;
    take("root_size", text);
    if (text.empty())
      return;
    auto size = parse_size_mib(text, "root_size");
    constexpr std::uint32_t least = 1024;
    if (!size)
      complain(to_string(size.error()));
    else if (*size < least)
      complain("root_size must be 1G or more");
    else
      x.root_mib = *size;
  }

  const toml::table& table_;
  std::string_view name_;
  std::string problem_;
};

} // namespace

result<recipe> parse_recipe(std::string_view text, std::string_view name) {
  try {
    auto table = toml::parse(text);
    return reader{table, name}.read();
  } catch (const toml::parse_error& why) {
    return fail(ec::bad_request, "read the recipe " + std::string{name},
                "line " + std::to_string(why.source().begin.line) + ": " +
                    std::string{why.description()});
  }
}

} // namespace banger::core
