#include "cli/options.hpp"

#include "cli/host_choice.hpp"
#include "cli/json.hpp"
#include "cli/option_values.hpp"
#include "cli/parse_cert.hpp"
#include "cli/parse_complete.hpp"
#include "cli/parse_config.hpp"
#include "cli/parse_copy.hpp"
#include "cli/parse_ports.hpp"
#include "cli/parse_resources.hpp"
#include "cli/parse_rpc.hpp"
#include "cli/parse_session.hpp"
#include "cli/parse_workspace.hpp"
#include "cli/render.hpp"
#include "core/exit_code.hpp"
#include "core/suggest.hpp"
#include "protocol/version.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <memory>

namespace banger::cli {

namespace {

/// Texts that CLI11 gives us, to be checked once the line has been read.
struct raw_options {
  std::string output = "table", ttl = "30";
  std::string grace, timeout, wanted = "running", tail, port = "22";
};

/// Builds the commands and reads one line.
class reader {
public:
  explicit reader(const std::vector<std::string>& arguments) {
    auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    line_.assign(arguments.begin(), dashes);
    if (dashes != arguments.end()) {
      out_.what.has_command = true;
      out_.what.command.assign(dashes + 1, arguments.end());
    }
    if (!line_.empty() && line_.front() == "help") {
      line_.erase(line_.begin());
      line_.emplace_back("--help");
    }
    build();
  }

  parsed read() {
    auto reversed = line_;
    std::reverse(reversed.begin(), reversed.end()); // as CLI11 takes it
    try {
      app_.parse(reversed);
    } catch (const CLI::CallForHelp&) {
      return final_text(help_of(deepest()), core::exit_ok, false);
    } catch (const CLI::CallForVersion&) {
      return final_text("banger " + std::string{program_version} + "\n", core::exit_ok, false);
    } catch (const CLI::ParseError& why) {
      return usage(explain(why), hint_where_words_are_left());
    }
    if (auto ok = check(); !ok)
      return usage(to_string(ok.error()), ok.error().hint);
    return out_;
  }

  completion complete(const std::vector<std::string>& words) { return complete_in(app_, words); }

private:
  // -- the commands

  CLI::App* group(const std::string& name, const std::string& about, const std::string& footer) {
    auto* made = app_.add_subcommand(name, about);
    made->require_subcommand(1);
    made->footer(footer);
    return made;
  }

  CLI::App* command(CLI::App* parent, const std::string& name, verb what, const std::string& about,
                    const std::string& footer) {
    auto* made = parent->add_subcommand(name, about);
    made->footer(footer);
    made->callback([this, what] { out_.what.what = what; });
    return made;
  }

  void add_refs(CLI::App* to) { to->add_option("VM", out_.what.refs, "names or ids")->required(); }

  void add_ref(CLI::App* to) {
    auto keep = [this](const std::string& ref) { out_.what.refs = {ref}; };
    to->add_option_function<std::string>("VM", keep, "name or id")->required();
  }

  void add_command_options(CLI::App* to) {
    to->add_option("-e,--env", out_.what.env, "NAME=value for the command; may be given again")
        ->allow_extra_args(false);
    to->add_option("-w,--cwd", out_.what.cwd, "folder of the guest to run it in (/root)");
  }

  void build() {
    app_.name("banger");
    app_.description("Development sandboxes on microVMs: one command, one virtual machine.");
    app_.footer("A first VM:   banger vm run -- uname -a\n"
                "Your code:    banger vm run ./repo -- make test\n"
                "A shell:      banger vm run\n"
                "What next:    banger vm --help, banger image --help, banger daemon --help\n"
                "Exit status:  0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 no daemon, 6 "
                "host key, 7 timeout;\n"
                "              run and exec pass the command's own status on (128+n for signal n)");
    app_.set_version_flag("--version");
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.add_option("-o,--output", raw_.output, "table, json or jsonl (json, a record a line)")
        ->check(CLI::IsMember({"table", "json", "jsonl"}));
    app_.add_option(
            "--host", out_.what.at_host,
            "another machine's daemon: a name of [hosts], ssh://USER@HOST or tls://HOST:PORT")
        ->envname("BANGER_HOST");
    build_vm();
    session_ = std::make_unique<session_reader>(app_, out_.what, raw_.grace, raw_.timeout);
    workspace_.build(app_);
    build_image();
    build_hostkey();
    build_ssh();
    build_daemon();
    cert_.build(app_);
    add_events(app_, out_.what);
    add_owner(app_, out_.what, raw_.ttl);
    add_rpc(app_, out_.what);
    command(&app_, "doctor", verb::doctor, "say what this host has of what banger can use",
            "Each with what to do to have it. Exits with 1 where the default lacks something.");
    command(&app_, "version", verb::version,
            "print the versions of banger and of the daemon, if one runs",
            "It never starts the daemon.");
    command(&app_, "completion", verb::completion,
            "print what a shell completes banger's lines with",
            "For this bash:  source <(banger completion bash)")
        ->add_option("SHELL", out_.what.shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    add_run(command(&app_, "run", verb::vm_run, "short for: banger vm run",
                    "See: banger vm run --help"));
    add_vm_list(command(&app_, "ps", verb::vm_list, "short for: banger vm list",
                        "See: banger vm list --help"),
                out_.what);
  }

  void add_run(CLI::App* to) {
    config_.build(to);
    add_command_options(to);
    to->add_flag("--rm", out_.what.config.is_ephemeral,
                 "delete the VM when the command, the shell or banger ends");
    workspace_.add_path(to, "a repository of yours, to take along (none)");
    workspace_.add_source_options(to);
  }

  void build_vm() {
    auto* vm =
        group("vm", "make, run and look at virtual machines",
              "The usual way:  banger vm run --rm -- COMMAND\n"
              "What next:      banger vm list; banger vm exec VM -- COMMAND; banger vm stop VM");
    add_run(command(vm, "run", verb::vm_run,
                    "make a VM, boot it, and run a command or a shell in it",
                    "For example:  banger vm run --rm ./repo -- make test\n"
                    "The exit status is the command's. Without a command: a shell; the VM runs on "
                    "when you leave it."));
    config_.build(command(vm, "create", verb::vm_create, "make a VM without booting it",
                          "What next:  banger vm start VM"));
    add_refs(command(vm, "start", verb::vm_start, "boot VMs and wait until they can be used",
                     "What next:  banger vm ssh VM, or banger vm exec VM -- COMMAND"));
    add_stop(command(vm, "stop", verb::vm_stop, "shut VMs down; their disks stay",
                     "A guest that does not shut down in time is ended by force."));
    add_stop(command(vm, "restart", verb::vm_restart, "stop VMs and boot them again",
                     "What next:  banger vm ssh VM"));
    add_refs(command(vm, "kill", verb::vm_kill, "end VMs at once, as if their plug were pulled",
                     "For when 'banger vm stop' takes too long."));
    add_refs(command(vm, "delete", verb::vm_delete, "remove VMs and their disks, running or not",
                     "There is no way back."));
    add_vm_list(command(vm, "list", verb::vm_list, "show all VMs", "What next:  banger vm show VM"),
                out_.what);
    add_refs(command(vm, "show", verb::vm_show, "show all about VMs",
                     "For programs:  banger vm show VM --output json"));
    auto* exec = command(vm, "exec", verb::vm_exec, "run a command in a running VM",
                         "For example:  banger vm exec box -- ls -l /root\n"
                         "The exit status is the command's; stdin, stdout and stderr are passed "
                         "through as they are.");
    add_ref(exec);
    add_command_options(exec);
    exec->add_flag("-t,--tty", out_.what.session.is_terminal, "on a terminal of the guest");
    exec->add_flag("-d,--detach", out_.what.session.detaches,
                   "leave it running as a session, and print the session's name");
    add_copy(*vm, out_.what);
    add_ref(
        command(vm, "ssh", verb::vm_ssh, "log in with ssh",
                "For example:  banger vm ssh box\n"
                "More of ssh's arguments go after --:  banger vm ssh box -- -L 8080:localhost:80"));
    auto* logs = command(vm, "logs", verb::vm_logs, "print what a VM wrote to its console",
                         "Follow it:  banger vm logs -f VM");
    add_ref(logs);
    logs->add_flag("-f,--follow", out_.what.follows, "go on as more comes");
    logs->add_option("--tail", raw_.tail, "only the last so many bytes");
    auto* wait = command(vm, "wait", verb::vm_wait, "wait until a VM is in a state",
                         "For example:  banger vm wait box --for stopped --timeout 60s");
    add_ref(wait);
    wait->add_option("--for", raw_.wanted, "running or stopped (running)")
        ->check(CLI::IsMember({"running", "stopped"}));
    wait->add_option("--timeout", raw_.timeout, "like 30s, 5m or 1h (1h)");
    add_ref(command(vm, "why", verb::vm_why, "show how a VM came to be as it is",
                    "Its last changes with what caused them, across restarts of the daemon.\n"
                    "What next:  banger vm logs VM"));
    add_resources(*vm, out_.what, config_.sizes());
    ports_ = std::make_unique<ports_reader>(*vm, out_.what);
  }

  void add_stop(CLI::App* to) {
    add_refs(to);
    to->add_option("--grace", raw_.grace,
                   "time to let the guest shut down by itself, like 30s (20s)");
  }

  void build_image() {
    auto* image = group("image", "build and look at images: what VMs boot from",
                        "The usual way:  banger image build\nWhat next:      banger image list");
    auto* build =
        command(image, "build", verb::image_build, "build an image from Debian packages",
                "Recipes that come with banger:  debian, debian-dev, debian-systemd\nWhat next:  "
                "banger vm run --image NAME");
    build->add_option("NAME", out_.what.refs, "name of the image (debian)")->expected(0, 1);
    build->add_option("--recipe", out_.what.recipe, "a recipe of your own (TOML)")
        ->check(CLI::ExistingFile);
    command(image, "list", verb::image_list, "show all images",
            "What next:  banger image show NAME")
        ->add_flag("-q,--quiet", out_.what.is_quiet, "names only");
    command(image, "show", verb::image_show, "show all about images",
            "For programs:  banger image show NAME --output json")
        ->add_option("NAME", out_.what.refs, "names")
        ->required();
    command(image, "delete", verb::image_delete, "remove images that no VM is on",
            "There is no way back.")
        ->add_option("NAME", out_.what.refs, "names")
        ->required();
  }

  void build_hostkey() {
    auto* keys = group("hostkey", "look at the host keys that VMs are known by, and settle changes",
                       "The usual way:  banger hostkey list\n"
                       "What next:      banger hostkey show VM; banger hostkey accept VM");
    command(keys, "list", verb::hostkey_list, "show all pinned host keys",
            "What next:  banger hostkey show VM");
    add_ref(command(keys, "show", verb::hostkey_show,
                    "show a VM's host key, and the one it offered in its place",
                    "For programs:  banger hostkey show VM --output json"));
    auto* accept =
        command(keys, "accept", verb::hostkey_accept, "trust the key that a VM offered instead",
                "Compare the fingerprint first with what the guest says on its console:\n"
                "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n"
                "With the fingerprint of the pinned key, that one stays and the VM is let through "
                "again.");
    add_ref(accept);
    accept->add_option("--fingerprint", out_.what.fingerprint,
                       "SHA256:..., of the key to trust (the offered one)");
    add_ref(command(keys, "forget", verb::hostkey_forget, "forget a VM's host key",
                    "The next key that it offers is pinned."));
    auto* verify = command(keys, "verify", verb::hostkey_verify,
                           "say what a known_hosts file says of a key, as ssh would",
                           "Exits with 0 where the key is trusted, 3 where the host is unknown, 6 "
                           "where it is refused. Needs no daemon.");
    verify->add_option("--file", out_.what.known_hosts_file, "the known_hosts file")->required();
    verify->add_option("--host", out_.what.host, "name or address")->required();
    verify->add_option("--port", raw_.port, "port (22)");
    verify->add_option("--key", out_.what.key, "'TYPE BASE64', as the host offers it")->required();
  }

  void build_ssh() {
    auto* config = command(&app_, "ssh-config", verb::ssh_config,
                           "let plain ssh reach VMs by name: ssh NAME.vm",
                           "Without an option it prints the configuration.\n"
                           "The usual way:  banger ssh-config --install, then: ssh box.vm");
    auto* on = config->add_flag("--install", out_.what.installs,
                                "write the configuration, and include it in ~/.ssh/config");
    config->add_flag("--uninstall", out_.what.uninstalls, "take it out again")->excludes(on);
    auto* proxy = command(&app_, "ssh-proxy", verb::ssh_proxy,
                          "connect ssh to a VM (for its ProxyCommand)", "See: banger ssh-config");
    add_ref(proxy);
    proxy->group(""); // no command for people
  }

  void build_daemon() {
    auto* daemon = group(
        "daemon", "start, stop and look at the daemon that runs the VMs",
        "There is seldom a need: banger starts it by itself, and VMs go on running without it.");
    command(daemon, "start", verb::daemon_start, "start the daemon, if none runs",
            "What next:  banger daemon status");
    command(daemon, "status", verb::daemon_status,
            "say whether a daemon runs, and where its files are",
            "Exits with 5 where none runs. It never starts one.");
    command(daemon, "stop", verb::daemon_stop, "end the daemon; VMs go on running",
            "The next banger command starts it again.");
    command(daemon, "connect", verb::daemon_connect,
            "carry the daemon's socket over standard input and output",
            "For other machines, which run it through ssh: banger --host ssh://USER@HOST ...");
    command(daemon, "tree", verb::daemon_tree, "show what the daemon is made of, live",
            "Each actor: what it is at, messages waiting for it, restarts, its last error.");
  }

  // -- what went wrong

  /// The innermost command that was reached.
  CLI::App* deepest() {
    CLI::App* at = &app_;
    for (;;) {
      auto below = at->get_subcommands();
      if (below.empty())
        return at;
      at = below.front();
    }
  }

  std::string help_of(CLI::App* command) {
    std::string path; // of the commands above, as the usage line shows them
    for (auto* up = command->get_parent(); up != nullptr; up = up->get_parent())
      path = up->get_name() + (path.empty() ? "" : " ") + path;
    auto text = command->help(path);
    return text.ends_with('\n') ? text : text + "\n";
  }

  std::string explain(const CLI::ParseError& why) {
    auto* at = deepest();
    auto extras = app_.remaining(true);
    auto unknown = std::find_if(line_.begin(), line_.end(), [&](const auto& word) {
      return std::find(extras.begin(), extras.end(), word) != extras.end();
    });
    if (extras.empty() && dynamic_cast<const CLI::RequiredError*>(&why) != nullptr &&
        !at->get_subcommands({}).empty())
      return "a command is missing after '" + at->get_name() + "'";
    auto word = unknown != line_.end() ? *unknown : extras.empty() ? std::string{} : extras.front();
    if (word.empty())
      return why.what();
    std::vector<std::string> words;
    if (word.starts_with('-')) {
      for (const auto* holder :
           {static_cast<const CLI::App*>(at), static_cast<const CLI::App*>(&app_)})
        for (const auto* option : holder->get_options())
          for (const auto& name : option->get_lnames())
            words.push_back("--" + name);
    } else {
      for (const auto* command : at->get_subcommands([](const CLI::App*) { return true; }))
        words.push_back(command->get_name());
    }
    auto meant = core::nearest(word, words);
    if (!word.starts_with('-') && words.empty())
      return "there is no place for '" + word + "' here";
    return "unknown " + std::string{word.starts_with('-') ? "option" : "command"} + " '" + word +
           "'" + (meant.empty() ? "" : "; did you mean '" + meant + "'?");
  }

  /// A command without the "--" before it is the usual slip.
  std::string hint_where_words_are_left() {
    auto name = deepest()->get_name();
    auto words = app_.remaining(true);
    if (!out_.what.workspace.path.empty()) // the first of them was taken for one
      words.insert(words.begin(), out_.what.workspace.path);
    auto word =
        std::find_if(words.begin(), words.end(), [](const auto& x) { return !x.starts_with('-'); });
    if (name == "start" && deepest()->get_parent()->get_name() == "session" &&
        !out_.what.has_command && word != words.end())
      return "a command goes after '--': banger session start VM -- " + *word;
    if ((name != "exec" && name != "run") || out_.what.has_command || word == words.end())
      return {};
    return std::string{"a command goes after '--': banger vm "} +
           (name == "run" ? "run -- " : "exec VM -- ") + *word;
  }

  parsed final_text(std::string text, int status, bool is_error) {
    out_.is_final = true;
    out_.text = std::move(text);
    out_.status = status;
    out_.is_error = is_error;
    return out_;
  }

  parsed usage(const std::string& what, const std::string& hint = {}) {
    auto* at = deepest();
    std::string path;
    for (auto* up = at; up != nullptr && up != &app_; up = up->get_parent())
      path = " " + up->get_name() + path;
    auto next = hint.empty() ? "banger" + path + " --help" : hint;
    failure why{ec::bad_request, what, {}, next};
    return final_text(wants_json(line_) ? json(why) : error_lines(why, false), core::exit_usage,
                      true);
  }

  // -- values

  result<void> check() {
    auto& x = out_.what;
    x.is_json = raw_.output != "table";
    x.wanted = raw_.wanted == "stopped" ? vm_state::stopped : vm_state::running;
    auto takes_command = x.what == verb::vm_run || x.what == verb::vm_exec ||
                         x.what == verb::vm_ssh || x.what == verb::session_start ||
                         x.what == verb::session_send || x.what == verb::vm_copy;
    if (x.has_command && !takes_command)
      return fail(ec::bad_request, "'--' has no place here");
    if (x.what == verb::vm_exec && x.command.empty())
      return fail(ec::bad_request, "a command is missing", "", "banger vm exec VM -- COMMAND");
    if (x.what == verb::session_start && x.command.empty())
      return fail(ec::bad_request, "a command is missing", "",
                  "banger session start VM -- COMMAND");
    if (x.what == verb::vm_run && x.has_command && x.command.empty())
      return fail(ec::bad_request, "a command is missing after '--'");
    if (x.what == verb::image_build && x.refs.empty())
      x.refs = {"debian"};
    if (x.what == verb::vm_copy)
      return check_copy(x);
    if (auto ok = take_hosts_off(x); !ok)
      return ok;
    drop_repeated(x.refs);
    if (auto ok = session_->check(); !ok)
      return ok;
    if (auto ok = workspace_.check(); !ok)
      return ok;
    if (auto ok = ports_->check(); !ok)
      return ok;
    if (auto ok = cert_.check(); !ok)
      return ok;
    return check_values();
  }

  result<void> check_values() {
    auto& x = out_.what;
    if (auto ok = config_.check(); !ok)
      return ok;
    for (auto [text, what, out] : {std::tuple{&raw_.grace, "--grace", &x.grace_ms},
                                   std::tuple{&raw_.timeout, "--timeout", &x.timeout_ms},
                                   std::tuple{&raw_.ttl, "--ttl", &x.owner.ttl_ms}})
      if (auto ok = take_seconds(*text, what, *out); !ok)
        return ok;
    if (!raw_.tail.empty()) {
      auto bytes = parse_number(raw_.tail, "--tail", UINT32_MAX);
      if (!bytes)
        return tl::make_unexpected(bytes.error());
      x.tail_bytes = *bytes;
    }
    if (x.what == verb::vm_set && !config_.has_sizes() && x.nat == nat_change::none)
      return fail(ec::bad_request, "what to change is missing", "",
                  "banger vm set VM --vcpu N, --memory SIZE, --disk SIZE or --nat on");
    auto port = parse_number(raw_.port, "--port", UINT16_MAX);
    if (!port)
      return tl::make_unexpected(port.error());
    x.port = static_cast<std::uint16_t>(*port);
    for (const auto& pair : x.env)
      if (pair.find('=') == std::string::npos || pair.front() == '=')
        return fail(ec::bad_request, "--env '" + pair + "' is not NAME=value");
    return {};
  }

  CLI::App app_;
  std::unique_ptr<session_reader> session_;
  std::unique_ptr<ports_reader> ports_;
  std::vector<std::string> line_;
  raw_options raw_;
  parsed out_;
  workspace_reader workspace_{out_.what};
  cert_reader cert_{out_.what};
  config_reader config_{out_.what.config};
};

} // namespace

parsed parse(const std::vector<std::string>& arguments) {
  return reader{arguments}.read();
}

completion complete(const std::vector<std::string>& words) {
  return reader{{}}.complete(words);
}

} // namespace banger::cli
