#include "core/workspace_script.hpp"

#include "core/workspace_scripts.hpp"

namespace banger::core {

namespace {

std::vector<std::string> script(const char* text, std::vector<std::string> arguments) {
  std::vector<std::string> line{"sh", "-c", std::string{prelude_sh} + text, "banger-workspace"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

} // namespace

std::vector<std::string> prepare_script(const prepare_order& order) {
  return script(prepare_sh,
                {order.path, order.branch, order.from, order.is_repository ? "1" : "0"});
}

std::vector<std::string> list_workspaces_script() {
  return script(list_sh, {});
}

std::vector<std::string> export_script(const std::string& path, const std::string& base,
                                       bool since_prepared) {
  return script(export_sh, {path, base, since_prepared ? "1" : "0"});
}

std::vector<std::string> status_script(const std::string& path) {
  return script(status_sh, {path});
}

std::vector<std::string> stage_sync_script(const std::string& path, bool is_forced) {
  return script(stage_sh, {path, is_forced ? "1" : "0"});
}

std::vector<std::string> apply_sync_script(const std::string& path) {
  return script(apply_sh, {path});
}

std::vector<std::string> drop_sync_script(const std::string& path) {
  return script(drop_sh, {path});
}

std::vector<std::string> freeze_script(const std::string& path) {
  return script(freeze_sh, {path});
}

std::vector<std::string> frozen_patch_script(const std::string& path, const std::string& tree) {
  return script(patch_sh, {path, tree});
}

std::vector<std::string> settle_script(const std::string& path, const std::string& tree,
                                       const std::string& record) {
  return script(settle_sh, {path, tree, record});
}

std::vector<std::string> remove_script(const std::string& path) {
  return script(remove_sh, {path});
}

} // namespace banger::core
