#include "cli/options.hpp"
#include "tests/golden/golden_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using banger::cli::parse;
using strings = std::vector<std::string>;

namespace {

const std::vector<strings> commands{
    {},
    {"run"},
    {"ps"},
    {"events"},
    {"owner"},
    {"owner", "renew"},
    {"rpc"},
    {"mcp"},
    {"doctor"},
    {"version"},
    {"vm"},
    {"vm", "run"},
    {"vm", "create"},
    {"vm", "start"},
    {"vm", "stop"},
    {"vm", "restart"},
    {"vm", "kill"},
    {"vm", "delete"},
    {"vm", "list"},
    {"vm", "show"},
    {"vm", "exec"},
    {"vm", "cp"},
    {"vm", "ssh"},
    {"vm", "logs"},
    {"vm", "wait"},
    {"vm", "why"},
    {"vm", "stats"},
    {"vm", "set"},
    {"vm", "ports"},
    {"vm", "port-forward"},
    {"workspace"},
    {"workspace", "prepare"},
    {"workspace", "export"},
    {"workspace", "status"},
    {"workspace", "sync"},
    {"workspace", "list"},
    {"session"},
    {"session", "start"},
    {"session", "attach"},
    {"session", "send"},
    {"session", "list"},
    {"session", "show"},
    {"session", "logs"},
    {"session", "who"},
    {"session", "wait"},
    {"session", "stop"},
    {"session", "kill"},
    {"session", "delete"},
    {"session", "prune"},
    {"image"},
    {"image", "build"},
    {"image", "list"},
    {"image", "show"},
    {"image", "delete"},
    {"hostkey"},
    {"hostkey", "list"},
    {"hostkey", "show"},
    {"hostkey", "accept"},
    {"hostkey", "forget"},
    {"hostkey", "verify"},
    {"ssh-config"},
    {"completion"},
    {"cert"},
    {"cert", "init"},
    {"cert", "issue"},
    {"cert", "revoke"},
    {"cert", "list"},
    {"cert", "show"},
    {"daemon"},
    {"daemon", "connect"},
    {"daemon", "start"},
    {"daemon", "status"},
    {"daemon", "stop"},
    {"daemon", "tree"},
};

std::string joined(const strings& words, const char* between) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : between) + word;
  return out;
}

} // namespace

TEST_CASE("help: every command's text is the one that was agreed on") {
  for (const auto& command : commands) {
    auto line = command;
    line.emplace_back("--help");
    const auto x = parse(line);
    CHECK(x.is_final);
    CHECK(x.status == 0);
    const auto name = command.empty() ? std::string{"banger"} : joined(command, "_");
    banger::test::check_golden("help/" + name + ".txt", x.text);
  }
}

TEST_CASE("help: no command is left out of the list above") {
  for (const auto& command : commands) {
    auto line = command;
    line.emplace_back("--help");
    const auto text = parse(line).text;
    // CLI11 lists the commands below this one after "Subcommands:", two spaces before each.
    auto at = text.find("Subcommands:\n");
    while (at != std::string::npos && (at = text.find("\n  ", at)) != std::string::npos) {
      at += 3;
      auto below = command;
      below.push_back(text.substr(at, text.find_first_of(" \n", at) - at));
      if (below.back().empty())
        continue; // the second line of a description
      const auto is_listed = std::find(commands.begin(), commands.end(), below) != commands.end();
      CHECK_MESSAGE(is_listed, joined(below, " "));
    }
  }
}

TEST_CASE("help: no text has a line too long for a terminal") {
  for (const auto& command : commands) {
    auto line = command;
    line.emplace_back("--help");
    const auto text = parse(line).text;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      CHECK_MESSAGE(end - at <= 120, text.substr(at, end - at));
      at = end + 1;
    }
  }
}
