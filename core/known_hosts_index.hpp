// The lines of a known_hosts file, arranged so that a name is found without a look at every line:
// what a daemon asks again and again. Gives the same answers as the functions of
// core/known_hosts.hpp, and is pure as they are.
#pragma once

#include "core/hashed_names.hpp"
#include "core/known_hosts.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace banger::core::known_hosts {

/// Not for several threads at once: it remembers what it has found.
class line_index {
public:
  /// From how many names on those it has found are forgotten: a scan of many hosts must not fill
  /// the memory.
  static constexpr std::size_t most_remembered = 1024;

  explicit line_index(std::vector<line> lines);

  /// As given. Shared, so that they can outlive the index.
  [[nodiscard]] const std::shared_ptr<const std::vector<line>>& lines() const { return lines_; }

  /// As matching_lines: the valid lines for exactly `name`, which must be in lower case, in the
  /// order of the file. The pointers are into `lines`.
  [[nodiscard]] std::vector<const line*> find(std::string_view name);

private:
  void add(const line& from, std::size_t number);
  void add_plain_list(std::string_view hosts, std::size_t number);
  [[nodiscard]] std::vector<const line*> look_up(const std::string& name) const;

  std::shared_ptr<const std::vector<line>> lines_;
  // Numbers count the elements of lines_.
  std::unordered_multimap<std::string, std::size_t> plain_; // by each name of a list, in lower case
  std::vector<std::size_t> patterns_;
  hashed_names hashed_;
  std::unordered_map<std::string, std::vector<const line*>> remembered_;
};

/// These are the functions of core/known_hosts.hpp with an index in the place of the lines.
[[nodiscard]] verdict check(line_index& lines, std::string_view host, std::uint16_t port,
                            const host_key& offered);
[[nodiscard]] verdict check_sole_pin(line_index& lines, std::string_view name, const host_key& key);
[[nodiscard]] std::string pinned_algorithms(line_index& lines, std::string_view host,
                                            std::uint16_t port);
[[nodiscard]] removal_plan plan_removal(line_index& lines, const std::vector<std::string>& names);

} // namespace banger::core::known_hosts
