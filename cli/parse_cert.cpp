#include "cli/parse_cert.hpp"

#include "cli/option_values.hpp"
#include "core/cert_names.hpp"

#include <CLI/CLI.hpp>
#include <utility>

namespace banger::cli {

CLI::App* cert_reader::command(const std::string& name, const std::string& about,
                               const std::string& footer) {
  auto* made = group_->add_subcommand(name, about);
  made->footer(footer);
  made->callback([this, name] {
    out_.what = verb::cert;
    verb_ = name;
  });
  made->add_option("--dir", folder_, "folder of the authority (~/.config/banger/certs)");
  return made;
}

void cert_reader::add_name(CLI::App* to) {
  to->add_option("NAME", name_, "a name, as a VM's")->required();
}

void cert_reader::build_issue() {
  auto* issue =
      command("issue", "make the certificate of a host or a client, as a folder to be copied there",
              "For a host:    banger cert issue build --host build.lan --host 192.0.2.1\n"
              "For a client:  banger cert issue ann\n"
              "The folder has the private key: copy it on a way that nobody else sees.");
  add_name(issue);
  auto keep = [this](const std::string& host) { hosts_.push_back(host); };
  issue
      ->add_option_function<std::string>(
          "--host", keep, "a name or address that the host is reached by; may be given again")
      ->take_last()
      ->trigger_on_parse();
  issue->add_flag("--client", is_client_too_, "with --host: it may also connect to other hosts");
  issue->add_option("--days", days_, "how long it is good, 1 to 3650 (365)");
  issue->add_flag("--renew", renews_, "make another one where NAME has one that is good");
}

void cert_reader::build(CLI::App& app) {
  group_ =
      app.add_subcommand("cert", "the certificates of hosts and clients, for TLS between them");
  group_->require_subcommand(1);
  group_->footer("The usual way:  banger cert init; banger cert issue HOST --host NAME; "
                 "banger cert issue CLIENT\n"
                 "What next:      bangerd --listen ADDRESS:PORT --certs DIR, on the host");
  command("init", "make an authority of your own, which both sides trust",
          "It is never written over. Its key, ca.key, stays where it is.");
  build_issue();
  add_name(command("revoke", "have a name's certificates refused from now on",
                   "Each host and client knows once the new ca.crl is copied to it."));
  command("list", "show all certificates that were issued", "What next:  banger cert show NAME");
  add_name(command("show", "show all about a name's newest certificate",
                   "For programs:  banger cert show NAME --output json"));
}

result<void> cert_reader::check() {
  if (out_.what != verb::cert)
    return {};
  std::vector<std::string> words;
  words.push_back(verb_);
  if (!name_.empty()) {
    if (auto ok = core::check_cert_name(name_); !ok)
      return ok;
    words.push_back(name_);
  }
  for (const auto& host : hosts_) {
    if (auto ok = core::check_cert_host(host); !ok)
      return ok;
    words.push_back("--host=" + host);
  }
  if (is_client_too_ && hosts_.empty())
    return fail(ec::bad_request, "--client goes with --host", "without, it is a client's anyway");
  constexpr std::uint32_t most_days = 3'650;
  const auto days = parse_number(days_, "--days", most_days);
  if (!days)
    return tl::make_unexpected(days.error());
  if (*days == 0)
    return fail(ec::bad_request, "--days is 0");
  if (verb_ == "issue")
    words.push_back("--days=" + std::to_string(*days));
  if (is_client_too_)
    words.emplace_back("--client");
  if (renews_)
    words.emplace_back("--renew");
  out_.cert = std::move(words);
  out_.cert_folder = folder_;
  return {};
}

} // namespace banger::cli
