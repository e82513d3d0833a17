// doctor.
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/json_values.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"
#include "client/launch.hpp"
#include "core/doctor.hpp"
#include "core/exit_code.hpp"
#include "host/host_facts.hpp"

#include <algorithm>

namespace banger::cli {

namespace {

std::string rows_json(const std::vector<core::check_row>& rows) {
  auto items = record::array();
  for (const auto& x : rows)
    items.push_back({{"name", x.name},
                     {"state", core::to_string(x.state)},
                     {"found", text(x.found)},
                     {"fix", text(x.fix)}});
  return to_text({{"checks", items}});
}

std::string rows_table(const std::vector<core::check_row>& rows) {
  std::vector<std::vector<std::string>> cells{{"CHECK", "STATE", "FOUND"}};
  std::vector<std::vector<std::string>> fixes;
  for (const auto& x : rows) {
    cells.push_back({x.name, core::to_string(x.state), printable(x.found)});
    if (!x.fix.empty())
      fixes.push_back({"  " + x.name, printable(x.fix)});
  }
  return table(cells) + (fixes.empty() ? "" : "To have what is not there:\n" + table(fixes));
}

} // namespace

int doctor(const host::paths& where, const options& how) {
  auto facts = host::look_at_host(where);
  // It never starts a daemon: one that does not start is what it is asked about.
  if (auto link = client::connect_or_start(where, {false, quick_limit}))
    if (auto status = link->ask<daemon_status>(get_daemon_status{}, quick_limit)) {
      facts.has_daemon = true;
      facts.dns_listen = status->dns_listen;
      facts.dns_trouble = status->dns_trouble;
    }
  const auto rows = core::diagnose(facts);
  print(how.is_json ? rows_json(rows) : rows_table(rows));
  const auto is_whole = std::none_of(rows.begin(), rows.end(), [](const core::check_row& x) {
    return x.state == core::check_state::missing;
  });
  return is_whole ? core::exit_ok : core::exit_failed;
}

} // namespace banger::cli
