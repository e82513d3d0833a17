#include "tests/unit/cli/typed_line.hpp"

#include <fstream>

using namespace banger;
using namespace banger::cli;
using namespace banger::test;
using strings = std::vector<std::string>;

namespace {

bool contains(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

} // namespace

TEST_CASE("cli: every command is understood") {
  struct {
    strings line;
    verb what;
    strings refs;
  } const cases[] = {
      {{"vm", "run"}, verb::vm_run, {}},
      {{"run"}, verb::vm_run, {}},
      {{"vm", "create"}, verb::vm_create, {}},
      {{"vm", "start", "a", "b"}, verb::vm_start, {"a", "b"}},
      {{"vm", "stop", "a", "b"}, verb::vm_stop, {"a", "b"}},
      {{"vm", "restart", "a"}, verb::vm_restart, {"a"}},
      {{"vm", "kill", "a", "b"}, verb::vm_kill, {"a", "b"}},
      {{"vm", "delete", "a", "b", "c"}, verb::vm_delete, {"a", "b", "c"}},
      {{"vm", "list"}, verb::vm_list, {}},
      {{"ps"}, verb::vm_list, {}},
      {{"rpc"}, verb::rpc, {}},
      {{"mcp"}, verb::mcp, {}},
      {{"vm", "show", "a", "b"}, verb::vm_show, {"a", "b"}},
      {{"vm", "exec", "a", "--", "true"}, verb::vm_exec, {"a"}},
      {{"vm", "ssh", "a"}, verb::vm_ssh, {"a"}},
      {{"vm", "logs", "a"}, verb::vm_logs, {"a"}},
      {{"vm", "wait", "a"}, verb::vm_wait, {"a"}},
      {{"vm", "ports", "a"}, verb::vm_ports, {"a"}},
      {{"vm", "port-forward", "a", "80"}, verb::vm_port_forward, {"a"}},
      {{"image", "build"}, verb::image_build, {"debian"}},
      {{"image", "build", "mine"}, verb::image_build, {"mine"}},
      {{"image", "list"}, verb::image_list, {}},
      {{"image", "show", "a", "b"}, verb::image_show, {"a", "b"}},
      {{"image", "delete", "a"}, verb::image_delete, {"a"}},
      {{"hostkey", "list"}, verb::hostkey_list, {}},
      {{"hostkey", "show", "a"}, verb::hostkey_show, {"a"}},
      {{"hostkey", "accept", "a"}, verb::hostkey_accept, {"a"}},
      {{"hostkey", "forget", "a"}, verb::hostkey_forget, {"a"}},
      {{"ssh-config"}, verb::ssh_config, {}},
      {{"ssh-proxy", "a.vm"}, verb::ssh_proxy, {"a.vm"}},
      {{"daemon", "start"}, verb::daemon_start, {}},
      {{"daemon", "status"}, verb::daemon_status, {}},
      {{"daemon", "stop"}, verb::daemon_stop, {}},
      {{"events"}, verb::events, {}},
      {{"doctor"}, verb::doctor, {}},
      {{"version"}, verb::version, {}},
  };
  for (const auto& x : cases) {
    const auto found = read(x.line);
    CHECK(found.what == x.what);
    CHECK(found.refs == x.refs);
    CHECK_FALSE(found.is_json);
    CHECK(found.has_command == (x.what == verb::vm_exec));
  }
}

TEST_CASE("cli: the output's form may stand anywhere before the command") {
  for (const strings& line :
       {strings{"--output", "json", "vm", "list"}, strings{"vm", "--output", "json", "list"},
        strings{"vm", "list", "--output", "json"}, strings{"vm", "list", "--output=json"},
        strings{"-o", "json", "ps"}, strings{"ps", "-o", "json"}, strings{"ps", "-ojson"}})
    CHECK(read(line).is_json);
  CHECK_FALSE(read({"ps", "-o", "table"}).is_json);
  CHECK_FALSE(read({"vm", "exec", "box", "--", "x", "--output", "json"}).is_json);
  CHECK(read({"vm", "show", "box", "-o", "json"}).refs == strings{"box"});
  refused({"ps", "-o", "yaml"});
  refused({"ps", "-o"});
}

TEST_CASE("cli: what follows -- is the command, byte for byte") {
  const strings command{"sh", "-c", "", "--rm", "--", "-h", "a b", "\xff"};
  for (strings line : {strings{"vm", "exec", "box"}, strings{"vm", "ssh", "box"},
                       strings{"vm", "run", "--rm"}, strings{"run", "-e", "A=1"}}) {
    line.push_back("--");
    line.insert(line.end(), command.begin(), command.end());
    const auto x = read(line);
    CHECK(x.has_command);
    CHECK(x.command == command);
  }
  CHECK_FALSE(read({"vm", "run"}).has_command);
}

TEST_CASE("cli: a command is where it belongs, and nowhere else") {
  CHECK(contains(refused({"vm", "exec", "box"}), "banger vm exec VM -- COMMAND"));
  refused({"vm", "exec", "box", "--"});
  refused({"vm", "run", "--"});
  refused({"vm", "list", "--"});
  refused({"vm", "start", "box", "--", "x"});
  refused({"--", "vm", "list"});
  refused({"vm", "exec", "--", "true"});
  refused({"vm", "exec", "box", "true"});
  CHECK(read({"vm", "ssh", "box", "--"}).command.empty());
}

TEST_CASE("cli: all of a VM's options are read") {
  for (const strings& verb_words :
       {strings{"vm", "run"}, strings{"run"}, strings{"vm", "create"}}) {
    auto line = verb_words;
    for (const char* word : {"--name", "box", "--image", "mine", "--vcpu", "2", "--memory", "1G",
                             "--disk", "16384", "--isolated", "--driver", "firecracker"})
      line.emplace_back(word);
    const auto x = read(line).config;
    CHECK(x.name == "box");
    CHECK(x.image == "mine");
    CHECK(x.vcpu_count == 2);
    CHECK(x.memory_mib == 1024);
    CHECK(x.disk_mib == 16384);
    CHECK(x.is_isolated);
    CHECK(x.driver == vm_driver::firecracker);
    CHECK_FALSE(x.is_ephemeral);
  }
  CHECK(read({"run", "--rm"}).config.is_ephemeral);
  refused({"vm", "create", "--rm"});
}

TEST_CASE("cli: a VM's network and root disk are read") {
  auto config = [](const strings& words) {
    strings line{"vm", "create"};
    line.insert(line.end(), words.begin(), words.end());
    return read(line).config;
  };
  CHECK(config({"--network", "tap"}).network == banger::network_kind::tap);
  CHECK(config({"--network", "tap"}).has_nat);
  CHECK_FALSE(config({"--network", "tap", "--no-nat"}).has_nat);
  CHECK(config({"--network", "none"}).is_isolated);
  CHECK(config({"--network", "none"}).network == banger::network_kind::user);
  CHECK_FALSE(config({"--network", "user"}).is_isolated);
  CHECK(config({"--root-disk", "snapshot"}).root_disk == banger::root_disk_kind::snapshot);
  CHECK(config({}).root_disk == banger::root_disk_kind::overlay);
  const auto lent =
      config({"--driver", "firecracker", "--network", "tap", "--root-disk", "snapshot"});
  CHECK(lent.driver == vm_driver::firecracker);
  CHECK(lent.network == banger::network_kind::tap);
  CHECK(lent.root_disk == banger::root_disk_kind::snapshot);
  const auto text = refused({"vm", "create", "--driver", "firecracker", "--network", "user"});
  CHECK_MESSAGE(contains(text, "--network tap"), text);
  refused({"vm", "create", "--network", "bridge"});
  refused({"vm", "create", "--root-disk", "raw"});
  refused({"vm", "create", "--network", "tap", "--isolated"});
  refused({"vm", "create", "--no-nat"});
}

TEST_CASE("cli: without options a VM has the daemon's defaults") {
  const auto x = read({"run"}).config;
  CHECK(x.name.empty());
  CHECK(x.image.empty());
  CHECK(x.vcpu_count == 0);
  CHECK(x.memory_mib == 0);
  CHECK(x.disk_mib == 0);
  CHECK_FALSE(x.is_isolated);
  CHECK(x.driver == vm_driver::qemu);
  CHECK(read({"run", "--driver", "qemu"}).config.driver == vm_driver::qemu);
  refused({"run", "--driver", "xen"});
}

TEST_CASE("cli: values that cannot be are refused, by their option") {
  struct {
    const char *option, *value;
  } const cases[] = {{"--vcpu", "0"},     {"--vcpu", "65"},   {"--vcpu", "-1"},
                     {"--vcpu", "two"},   {"--vcpu", "1.5"},  {"--vcpu", "2x"},
                     {"--memory", "0"},   {"--memory", "1K"}, {"--memory", "big"},
                     {"--memory", "-1G"}, {"--disk", "99T"},  {"--disk", "0G"}};
  for (const auto& x : cases) {
    const auto text = refused({"vm", "create", x.option + std::string{"="} + x.value});
    CHECK_MESSAGE(contains(text, x.option), text);
    CHECK_MESSAGE(contains(text, x.value), text);
  }
  CHECK(contains(refused({"vm", "create", "--name", "My_Box"}), "My_Box"));
}

TEST_CASE("cli: an option given twice is refused, not half obeyed") {
  refused({"run", "--name", "a", "--name", "b"});
  refused({"run", "--memory", "1G", "--memory", "2G"});
}

TEST_CASE("cli: variables and folder of a command") {
  const auto x = read({"vm", "exec", "box", "-e", "A=1", "--env", "B=x y=z", "--env=C=", "-w",
                       "/tmp", "--", "env"});
  CHECK(x.env == strings{"A=1", "B=x y=z", "C="});
  CHECK(x.cwd == "/tmp");
  CHECK(x.refs == strings{"box"});
  for (const char* bad : {"A", "=1", "="})
    CHECK(contains(refused({"vm", "exec", "box", "-e", bad, "--", "x"}), "NAME=value"));
}

TEST_CASE("cli: an option of variables takes one value, and leaves the VM's name alone") {
  const auto x = read({"vm", "exec", "-e", "A=1", "box", "--", "env"});
  CHECK(x.env == strings{"A=1"});
  CHECK(x.refs == strings{"box"});
}

TEST_CASE("cli: an empty variable is refused without harm") {
  refused({"vm", "exec", "box", "--env=", "--", "x"});
}

TEST_CASE("cli: times are seconds, or have a unit") {
  struct {
    const char* text;
    std::uint32_t ms;
  } const cases[] = {{"5", 5000},       {"30s", 30'000},       {"5m", 300'000},
                     {"1h", 3'600'000}, {"86400", 86'400'000}, {"24h", 86'400'000}};
  for (const auto& x : cases) {
    CHECK(read({"vm", "stop", "a", "--grace", x.text}).grace_ms == x.ms);
    CHECK(read({"vm", "restart", "a", "--grace", x.text}).grace_ms == x.ms);
    CHECK(read({"vm", "wait", "a", "--timeout", x.text}).timeout_ms == x.ms);
  }
  CHECK(read({"vm", "stop", "a"}).grace_ms == 0);
  for (const char* bad : {"0", "0s", "-1", "86401", "25h", "1d", "1.5", "s", "1ms", "5 m"}) {
    CHECK_MESSAGE(contains(refused({"vm", "stop", "a", "--grace", bad}), bad), bad);
    CHECK_MESSAGE(contains(refused({"vm", "wait", "a", "--timeout", bad}), "--timeout"), bad);
  }
  refused({"vm", "kill", "a", "--grace", "5"});
}

TEST_CASE("cli: what to wait for") {
  CHECK(read({"vm", "wait", "a"}).wanted == vm_state::running);
  CHECK(read({"vm", "wait", "a", "--for", "running"}).wanted == vm_state::running);
  CHECK(read({"vm", "wait", "a", "--for", "stopped"}).wanted == vm_state::stopped);
  refused({"vm", "wait", "a", "--for", "error"});
  refused({"vm", "wait", "a", "b"});
}

TEST_CASE("cli: how much of a log") {
  CHECK(read({"vm", "logs", "a"}).tail_bytes == 0);
  CHECK_FALSE(read({"vm", "logs", "a"}).follows);
  const auto x = read({"vm", "logs", "-f", "a", "--tail", "1000"});
  CHECK(x.follows);
  CHECK(x.tail_bytes == 1000);
  refused({"vm", "logs", "a", "--tail", "0"});
  refused({"vm", "logs", "a", "--tail", "-5"});
}

TEST_CASE("cli: names only") {
  for (const strings& line :
       {strings{"ps", "-q"}, strings{"vm", "list", "--quiet"}, strings{"image", "list", "-q"}})
    CHECK(read(line).is_quiet);
  CHECK_FALSE(read({"ps"}).is_quiet);
}

TEST_CASE("cli: a recipe must be a file") {
  CHECK(read({"image", "build", "x", "--recipe", "/dev/../etc/passwd"}).recipe ==
        "/dev/../etc/passwd");
  refused({"image", "build", "--recipe", "/no/such/file"});
  refused({"image", "build", "--recipe", "/"});
}

TEST_CASE("cli: a slip is answered with what was meant") {
  struct {
    strings line;
    const char* meant;
  } const cases[] = {{{"vm", "strat", "box"}, "start"},
                     {{"vm", "lst"}, "list"},
                     {{"image", "biuld"}, "build"},
                     {{"deamon", "status"}, "daemon"},
                     {{"vm", "creat"}, "create"},
                     {{"vm", "run", "--nme", "x"}, "--name"},
                     {{"vm", "create", "--memroy", "1G"}, "--memory"},
                     {{"vm", "stop", "box", "--grase", "1"}, "--grace"},
                     {{"vm", "list", "--ouput", "json"}, "--output"},
                     {{"verison"}, "version"}};
  for (const auto& x : cases) {
    const auto text = refused(x.line);
    CHECK_MESSAGE(contains(text, "did you mean '" + std::string{x.meant} + "'?"), text);
  }
}

TEST_CASE("cli: a word from nowhere is named, and nothing is guessed") {
  const auto text = refused({"frobnicate"});
  CHECK(contains(text, "'frobnicate'"));
  CHECK_FALSE(contains(text, "did you mean"));
  CHECK(contains(refused({"vm", "start", "box", "--xyzzy"}), "'--xyzzy'"));
}

TEST_CASE("cli: what the user typed cannot play tricks on the terminal") {
  const auto text = refused({"vm", "\033[31mstart\n"});
  CHECK(text.find('\033') == std::string::npos);
  CHECK(contains(text, "\\x1b[31mstart\\n"));
}

TEST_CASE("cli: what is missing is said") {
  CHECK(contains(refused({}), "missing"));
  CHECK(contains(refused({"vm"}), "a command is missing after 'vm'"));
  CHECK(contains(refused({"image"}), "a command is missing after 'image'"));
  for (const char* verb_word :
       {"start", "stop", "restart", "kill", "delete", "show", "ssh", "logs", "wait"})
    CHECK_MESSAGE(contains(refused({"vm", verb_word}), "VM"), verb_word);
  CHECK(contains(refused({"image", "show"}), "NAME"));
  CHECK(contains(refused({"vm", "start"}), "hint: banger vm start --help"));
}

TEST_CASE("cli: a word too many is refused") {
  for (const strings& line : {strings{"vm", "list", "box"}, strings{"vm", "ssh", "a", "b"},
                              strings{"vm", "create", "box"}, strings{"image", "build", "a", "b"},
                              strings{"daemon", "status", "x"}, strings{"version", "x"},
                              strings{"vm", "run", "uname", "-a"}})
    refused(line);
}

TEST_CASE("cli: help and version end the program well, wherever they stand") {
  for (const strings& line : {strings{"--help"}, strings{"-h"}, strings{"vm", "--help"},
                              strings{"vm", "start", "--help"}, strings{"vm", "exec", "-h"},
                              strings{"vm", "start", "box", "--help"}, strings{"--version"}}) {
    const auto x = parse(line);
    CHECK(x.is_final);
    CHECK(x.status == 0);
    CHECK_FALSE(x.is_error);
    CHECK(x.text.ends_with("\n"));
  }
  CHECK(parse({"--version"}).text == "banger " BANGER_VERSION "\n");
  CHECK(read({"vm", "exec", "box", "--", "ls", "--help"}).command == strings{"ls", "--help"});
}

TEST_CASE("cli: a command without its dashes is told where it goes") {
  CHECK(contains(refused({"vm", "exec", "box", "ls", "-l"}), "banger vm exec VM -- ls"));
  CHECK(contains(refused({"vm", "run", "make", "test"}), "banger vm run -- make"));
  // --env takes one word: what follows it is not another variable.
  CHECK(contains(refused({"vm", "exec", "box", "-e", "A=1", "ls"}), "banger vm exec VM -- ls"));
}

TEST_CASE("cli: help is a command too") {
  CHECK(parse({"help"}).text == parse({"--help"}).text);
  CHECK(parse({"help", "vm", "run"}).text == parse({"vm", "run", "--help"}).text);
  CHECK(parse({"help", "vm", "run"}).status == 0);
}

TEST_CASE("cli: an empty name is a name that nothing has") {
  CHECK(read({"vm", "exec", "", "--", "ls"}).refs == strings{""});
  CHECK(read({"vm", "show", ""}).refs == strings{""});
}

TEST_CASE("cli: the same VM twice is one VM") {
  CHECK(read({"vm", "stop", "b", "a", "b"}).refs == strings{"b", "a"});
}

TEST_CASE("cli: a usage error is a record for who wants records") {
  for (const strings& form : {strings{"-o", "json"}, strings{"-ojson"}, strings{"--output", "json"},
                              strings{"--output=json"}}) {
    auto line = form;
    line.insert(line.end(), {"vm", "sart"});
    const auto x = parse(line);
    CHECK(x.status == 2);
    CHECK(x.text.starts_with("{"));
    CHECK(contains(x.text, "\"bad_request\""));
    CHECK(contains(x.text, "did you mean 'start'"));
  }
}

TEST_CASE("cli: hostkey verify takes a file, a host, a port and a key") {
  const auto x = read({"hostkey", "verify", "--file", "/f", "--host", "box.vm", "--port", "2222",
                       "--key", "ssh-ed25519 AAAA"});
  CHECK(x.what == verb::hostkey_verify);
  CHECK(x.known_hosts_file == "/f");
  CHECK(x.host == "box.vm");
  CHECK(x.port == 2222);
  CHECK(x.key == "ssh-ed25519 AAAA");
  CHECK(read({"hostkey", "verify", "--file", "f", "--host", "h", "--key", "k"}).port == 22);
  refused({"hostkey", "verify", "--file", "f", "--host", "h"});
  refused({"hostkey", "verify", "--host", "h", "--key", "k"});
  for (const char* port : {"0", "65536", "-1", "ssh", ""})
    refused({"hostkey", "verify", "--file", "f", "--host", "h", "--key", "k", "--port", port});
}

TEST_CASE("cli: ssh-config either installs or uninstalls") {
  CHECK(read({"ssh-config", "--install"}).installs);
  CHECK(read({"ssh-config", "--uninstall"}).uninstalls);
  refused({"ssh-config", "--install", "--uninstall"});
}
