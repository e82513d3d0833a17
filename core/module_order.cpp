#include "core/module_order.hpp"

#include <algorithm>
#include <map>
#include <sstream>

namespace banger::core {

namespace {

/// "kernel/drivers/block/virtio-blk.ko.xz" is module "virtio_blk".
std::string module_name(const std::string& path) {
  auto name = path.substr(path.rfind('/') + 1);
  name = name.substr(0, name.find(".ko"));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

} // namespace

std::vector<std::string> module_load_order(std::string_view modules_dep,
                                           const std::vector<std::string>& wanted) {
  std::map<std::string, std::vector<std::string>> needs;
  std::map<std::string, std::string> paths;
  std::istringstream lines{std::string{modules_dep}};
  for (std::string line; std::getline(lines, line);) {
    auto colon = line.find(':');
    if (colon == std::string::npos)
      continue;
    auto path = line.substr(0, colon);
    paths[module_name(path)] = path;
    std::istringstream words{line.substr(colon + 1)};
    for (std::string word; words >> word;)
      needs[path].push_back(word);
  }
  std::vector<std::string> order;
  auto add = [&](const std::string& path) {
    if (std::find(order.begin(), order.end(), path) == order.end())
      order.push_back(path);
  };
  for (const auto& name : wanted) {
    auto found = paths.find(name);
    if (found == paths.end())
      continue;
    // modules.dep lists every dependency, the deepest last.
    const auto& below = needs[found->second];
    std::for_each(below.rbegin(), below.rend(), add);
    add(found->second);
  }
  return order;
}

} // namespace banger::core
