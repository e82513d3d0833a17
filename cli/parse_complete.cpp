#include "cli/parse_complete.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

namespace banger::cli {

namespace {

bool takes_value(const CLI::Option& x) {
  return x.get_items_expected_max() > 0;
}

/// Walks the words that are whole, to what the last one can be.
class walker {
public:
  explicit walker(CLI::App& app) : at_(&app) {}

  void pass(const std::string& word) {
    if (waiting_ != nullptr || is_behind_dashes_)
      waiting_ = nullptr;
    else if (word == "--")
      is_behind_dashes_ = true;
    else if (word.starts_with("--"))
      waiting_ = word.find('=') == std::string::npos ? valued(find(word)) : nullptr;
    else if (word.starts_with('-') && word.size() > 1)
      waiting_ = word.size() == 2 ? valued(find(word)) : nullptr; // else its value is in it
    else if (auto* below = command(word); below != nullptr)
      at_ = below;
    else
      out_.given.push_back(word);
  }

  completion finish(const std::string& word) {
    out_.typed = word;
    const auto equals = word.find('=');
    if (is_behind_dashes_) // it is the guest's, and we do not know what there is
      return out_;
    if (waiting_ != nullptr) {
      offer_values(*waiting_);
    } else if (word.starts_with("--") && equals != std::string::npos) {
      out_.before = word.substr(0, equals + 1);
      out_.typed = word.substr(equals + 1);
      if (const auto* option = valued(find(word.substr(0, equals))); option != nullptr)
        offer_values(*option);
    } else if (word.starts_with('-')) {
      offer_options();
    } else {
      offer_commands();
      if (const auto* next = positional(); next != nullptr)
        offer_values(*next);
    }
    return out_;
  }

private:
  static const CLI::Option* valued(const CLI::Option* x) {
    return x != nullptr && takes_value(*x) ? x : nullptr;
  }

  /// Only the first word without a place of its own names a command.
  CLI::App* command(const std::string& word) {
    for (auto* below : at_->get_subcommands([](const CLI::App*) { return true; }))
      if (out_.given.empty() && below->get_name() == word)
        return below;
    return nullptr;
  }

  /// Options of the commands above are taken anywhere.
  const CLI::Option* find(const std::string& name) const {
    for (const auto* app = at_; app != nullptr; app = app->get_parent())
      for (const auto* option : app->get_options())
        if (option->check_name(name))
          return option;
    return nullptr;
  }

  /// The one whose turn it is.
  const CLI::Option* positional() const {
    auto given = static_cast<int>(out_.given.size());
    for (const auto* option : at_->get_options()) {
      if (!option->get_positional())
        continue;
      given -= option->get_items_expected_max();
      if (given < 0)
        return option;
    }
    return nullptr;
  }

  void offer(const std::string& text, const std::string& about) {
    if (!text.starts_with(out_.before + out_.typed))
      return;
    out_.words.push_back({text, about.substr(0, about.find('\n'))});
  }

  void offer_commands() {
    if (!out_.given.empty())
      return;
    for (const auto* below : at_->get_subcommands([](const CLI::App*) { return true; }))
      if (!below->get_group().empty())
        offer(below->get_name(), below->get_description());
  }

  void offer_options() {
    for (const auto* app = at_; app != nullptr; app = app->get_parent())
      for (const auto* option : app->get_options())
        for (const auto& name : option->get_lnames())
          if (app == at_ || name != "help")
            offer("--" + name, option->get_description());
  }

  /// What CLI11 checks for itself stands in the name of its type: "TEXT:{table,json}".
  void offer_values(const CLI::Option& option) {
    const auto type = option.get_type_name();
    const auto open = type.find('{'), close = type.find('}');
    if (open != std::string::npos && close != std::string::npos) {
      for (const auto& word : CLI::detail::split(type.substr(open + 1, close - open - 1), ','))
        offer(out_.before + word, {});
      return;
    }
    const auto name = option.get_positional() ? option.get_name(true) : option.get_single_name();
    const auto is_of_images =
        at_->get_parent() != nullptr && at_->get_parent()->get_name() == "image";
    if (name == "VM")
      out_.wanted = names_of::vms;
    else if (name == "VM/NAME")
      out_.wanted = names_of::sessions;
    else if (name == "image" || (name == "NAME" && is_of_images))
      out_.wanted = names_of::images;
    else if (name == "file" || name == "recipe")
      out_.wanted = names_of::files;
  }

  CLI::App* at_;
  const CLI::Option* waiting_ = nullptr; ///< its value comes next
  bool is_behind_dashes_ = false;
  completion out_;
};

} // namespace

completion complete_in(CLI::App& app, std::vector<std::string> words) {
  if (!words.empty() && words.size() > 1 && words.front() == "help")
    words.erase(words.begin());
  walker walk{app};
  auto last = words.empty() ? std::string{} : std::move(words.back());
  if (!words.empty())
    words.pop_back();
  for (const auto& word : words)
    walk.pass(word);
  return walk.finish(last);
}

} // namespace banger::cli
