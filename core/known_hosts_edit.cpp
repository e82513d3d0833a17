#include "core/known_hosts.hpp"

#include "core/base64.hpp"
#include "core/known_hosts_index.hpp"
#include "core/lower_case.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace banger::core::known_hosts {

namespace {

constexpr std::size_t longest_name = 1022; // ssh does not match a longer one

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(".-_:%[]").find(c) != std::string_view::npos;
}

std::vector<std::string> elements_of(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(element.size() + 1, list.size()));
    if (!element.empty())
      out.emplace_back(element);
  }
  return out;
}

/// True for a list that was written to match more, or less, than the names in it.
bool has_pattern(std::string_view hosts) {
  return !hosts.starts_with('|') && hosts.find_first_of("*?!") != std::string_view::npos;
}

/// The line without `names`, which are in lower case; empty where no name is left.
std::string without_names(const line& from, const std::vector<std::string>& names) {
  if (from.hosts.starts_with('|'))
    return {};
  auto left = elements_of(from.hosts);
  std::erase_if(left, [&names](const std::string& element) {
    return std::find(names.begin(), names.end(), lower_case(element)) != names.end();
  });
  if (left.empty())
    return {};
  // What had no meaning inside the list must not get one at its start: an empty name matches
  // nothing.
  if (std::string_view("|@#").find(left.front().front()) != std::string_view::npos)
    left.front().insert(0, ",");
  return render_line(left, from.key, from.comment);
}

/// @param find  gives the lines for exactly a name: matching_lines, or an index.
template <class Find>
removal_plan plan_with(Find find, const std::vector<std::string>& names) {
  std::vector<std::string> wanted;
  std::vector<const line*> found;
  for (const auto& name : names) {
    wanted.push_back(lower_case(name));
    for (const auto* entry : find(wanted.back()))
      found.push_back(entry);
  }
  const auto is_before = [](const line* a, const line* b) { return a->offset < b->offset; };
  std::sort(found.begin(), found.end(), is_before);
  found.erase(std::unique(found.begin(), found.end()), found.end()); // one line for several names
  removal_plan out;
  for (const auto* entry : found) {
    if (entry->mark != marker::none)
      continue;
    if (has_pattern(entry->hosts))
      out.kept.push_back(entry->number);
    else
      out.removals.push_back({entry->offset, entry->number, without_names(*entry, wanted)});
  }
  return out;
}

/// True for a line that a removal has made a comment of: '#', the rest of the name, a whole key.
bool is_removed_line(std::string_view text) {
  if (!text.starts_with('#') || text.find('\0') != std::string_view::npos)
    return false;
  std::string restored(text);
  restored[0] = 'x';
  // A name of one letter leaves "# type key": the letter we put back is all of its name.
  const auto lines = parse(restored);
  return lines.size() == 1 && lines[0].is_valid;
}

/// True for a line that pins one plain name, where another line pins the same key for it.
bool is_pinned(std::string_view text, line_index& present) {
  const auto lines = parse(text);
  if (lines.size() != 1 || !lines[0].is_valid || lines[0].mark != marker::none ||
      !is_plain_name(lines[0].hosts))
    return false;
  const auto found = present.find(lower_case(lines[0].hosts));
  return std::any_of(found.begin(), found.end(), [&lines](const line* entry) {
    return entry->mark == marker::none && entry->key == lines[0].key;
  });
}

/// Calls `use` with every line of `text`, line feed and all.
template <class F>
void for_each_line(std::string_view text, F use) {
  while (!text.empty()) {
    const auto line_feed = text.find('\n');
    const auto size = line_feed == std::string_view::npos ? text.size() : line_feed + 1;
    use(text.substr(0, size));
    text.remove_prefix(size);
  }
}

} // namespace

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_name &&
         std::all_of(name.begin(), name.end(), is_name_byte);
}

std::string render_line(const std::vector<std::string>& names, const host_key& key,
                        std::string_view comment) {
  std::string out;
  for (const auto& name : names)
    out += (out.empty() ? "" : ",") + name;
  out += " " + key.type + " " + base64_encode(key.blob);
  if (!comment.empty())
    out.append(" ").append(comment);
  return out + "\n";
}

removal_plan plan_removal(const std::vector<line>& lines, const std::vector<std::string>& names) {
  return plan_with([&lines](std::string_view name) { return matching_lines(lines, name); }, names);
}

removal_plan plan_removal(line_index& lines, const std::vector<std::string>& names) {
  return plan_with([&lines](std::string_view name) { return lines.find(name); }, names);
}

std::string_view line_at(std::string_view text, std::size_t offset) {
  const auto rest = text.substr(offset);
  return rest.substr(0, rest.find('\n'));
}

std::size_t removed_bytes(std::string_view text) {
  std::size_t out = 0;
  for_each_line(text, [&out](std::string_view each) {
    if (is_removed_line(each))
      out += each.size();
  });
  return out;
}

std::string without_removed_lines(std::string_view text) {
  std::string out;
  for_each_line(text, [&out](std::string_view each) {
    if (!is_removed_line(each))
      out += each;
  });
  return out;
}

std::size_t end_of_copied(std::string_view replaced, std::string_view present) {
  std::unordered_map<std::string_view, std::vector<std::size_t>> ends; // of each line, ascending
  std::size_t end = 0;
  for_each_line(replaced, [&ends, &end](std::string_view each) {
    end += each.size();
    if (!parse(each).empty()) // comments and empty lines are too much alike
      ends[each].push_back(end);
  });
  std::size_t copied = 0;
  for_each_line(present, [&ends, &copied](std::string_view each) {
    const auto found = ends.find(each);
    if (found == ends.end())
      return;
    const auto next = std::upper_bound(found->second.begin(), found->second.end(), copied);
    if (next != found->second.end())
      copied = *next;
  });
  return copied;
}

std::string missing_lines(std::string_view text, std::string_view present) {
  std::unordered_set<std::string_view> there;
  for_each_line(present, [&there](std::string_view each) { there.insert(each); });
  line_index pins(parse(present));
  std::string out;
  for_each_line(text, [&there, &pins, &out](std::string_view each) {
    if (!there.contains(each) && !is_removed_line(each) && !is_pinned(each, pins))
      out += each;
  });
  return out;
}

} // namespace banger::core::known_hosts
