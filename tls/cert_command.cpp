#include "tls/cert_command.hpp"

#include "core/exit_code.hpp"
#include "tls/authority.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace banger::tls {

namespace {

using record = nlohmann::ordered_json;

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

void print_record(const record& x) {
  print(x.dump(2) + "\n");
}

record or_null(const std::string& text) {
  return text.empty() ? record(nullptr) : record(text);
}

int report(const failure& why, const cert_options& how) {
  if (how.is_json)
    std::fputs((record{{"error",
                        {{"code", to_string(why.code)},
                         {"what", why.what},
                         {"why", or_null(why.why)},
                         {"hint", or_null(why.hint)},
                         {"op", nullptr}}}}
                    .dump(2) +
                "\n")
                   .c_str(),
               stderr);
  else
    std::fprintf(stderr, "banger: %s\n%s", to_string(why).c_str(),
                 why.hint.empty() ? "" : ("hint: " + why.hint + "\n").c_str());
  return core::exit_code(why.code);
}

record to_record(const core::issued_cert& x, std::int64_t now) {
  constexpr std::int64_t ms = 1'000;
  return {{"name", x.name},
          {"serial", x.serial},
          {"kind", to_string(x.kind)},
          {"state", to_string(state_of(x, now))},
          {"hosts", x.hosts},
          {"issued_at_ms", x.issued_at * ms},
          {"expires_at_ms", x.expires_at * ms},
          {"revoked_at_ms", x.revoked_at == 0 ? record(nullptr) : record(x.revoked_at * ms)}};
}

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const auto& x : all)
    text += (text.empty() ? "" : ", ") + x;
  return text;
}

/// Columns as wide as their widest cell.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths.resize(std::max(widths.size(), i + 1));
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] + 2 - row[i].size(), ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

void list(const authority& by, const cert_options& how, std::int64_t now) {
  auto items = record::array();
  std::vector<std::vector<std::string>> rows{{"NAME", "KIND", "STATE", "EXPIRES", "HOSTS"}};
  for (const auto& x : by.all()) {
    items.push_back(to_record(x, now));
    rows.push_back({x.name, to_string(x.kind), to_string(state_of(x, now)), date_text(x.expires_at),
                    joined(x.hosts)});
  }
  if (how.is_json)
    print_record(record{{"path", how.folder}, {"certificates", items}});
  else
    print(table(rows));
}

int show(const authority& by, const cert_options& how, std::int64_t now) {
  const auto* x = core::newest_of(by.all(), how.name);
  if (x == nullptr)
    return report({ec::not_found, "show '" + how.name + "'", "no certificate has that name",
                   "banger cert list"},
                  how);
  if (how.is_json) {
    print_record(to_record(*x, now));
    return core::exit_ok;
  }
  std::vector<std::vector<std::string>> rows{
      {"name:", x->name}, {"kind:", to_string(x->kind)}, {"state:", to_string(state_of(*x, now))}};
  if (!x->hosts.empty())
    rows.push_back({"hosts:", joined(x->hosts)});
  rows.push_back({"serial:", x->serial});
  rows.push_back({"issued:", date_text(x->issued_at)});
  rows.push_back({"expires:", date_text(x->expires_at)});
  if (x->revoked_at != 0)
    rows.push_back({"revoked:", date_text(x->revoked_at)});
  rows.push_back({"files:", how.folder + "/" + x->name});
  print(table(rows));
  return core::exit_ok;
}

int issue(authority& by, const cert_options& how, std::int64_t now) {
  auto path = by.issue(how);
  if (!path)
    return report(path.error(), how);
  if (how.is_json) {
    auto out = to_record(*core::newest_of(by.all(), how.name), now);
    out["path"] = *path;
    print_record(out);
    return core::exit_ok;
  }
  print("issued '" + how.name + "', good for " + std::to_string(how.days) + " days: " + *path +
        "\n");
  if (how.hosts.empty())
    print("What next: copy it to the client, readable for its user alone, and name it there as the "
          "host's certs\nin ~/.config/banger/config.toml\n");
  else
    print("What next: copy it to the host, and there:\n"
          "  bangerd --listen 0.0.0.0:7443 --certs COPY\n");
  return core::exit_ok;
}

int revoke(authority& by, const cert_options& how) {
  auto count = by.revoke(how.name);
  if (!count)
    return report(count.error(), how);
  if (how.is_json)
    print_record(record{{"name", how.name}, {"revoked", *count}, {"path", how.folder + "/ca.crl"}});
  else
    print((*count == 0 ? "'" + how.name + "' was revoked before" : "revoked '" + how.name + "'") +
          "\nWhat next: copy " + how.folder +
          "/ca.crl over that of each host (and client), which reads it at once; until then they "
          "take it\n");
  return core::exit_ok;
}

int init(const cert_options& how) {
  if (auto ok = authority::make(how.folder); !ok)
    return report(ok.error(), how);
  if (how.is_json)
    print_record(record{{"path", how.folder}});
  else
    print(
        "made a CA in " + how.folder +
        "\nWhat next: banger cert issue NAME --host HOST for a host, banger cert issue NAME for a "
        "client.\nWho has its ca.key can be anybody: it stays here.\n");
  return core::exit_ok;
}

} // namespace

int run_cert(const cert_options& how) {
  if (how.what == cert_verb::init)
    return init(how);
  auto by = authority::open(how.folder);
  if (!by)
    return report(by.error(), how);
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  switch (how.what) {
    case cert_verb::issue: return issue(*by, how, now);
    case cert_verb::revoke: return revoke(*by, how);
    case cert_verb::show: return show(*by, how, now);
    case cert_verb::list:
    case cert_verb::init: break;
  }
  list(*by, how, now);
  return core::exit_ok;
}

} // namespace banger::tls
