#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "core/exit_code.hpp"
#include "core/ssh_config.hpp"
#include "host/files.hpp"
#include "host/process.hpp"
#include "host/unique_fd.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_config = 4U << 20;
constexpr mode_t private_file = 0600, permission_bits = 07777;

core::ssh_config_values values_of(const host::paths& where) {
  return {host::own_program(), where.private_key, where.known_hosts};
}

/// The user's own file; a symbolic link, as people keep with their dotfiles, is followed.
result<std::string> user_config() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/')
    return fail(ec::bad_request, "find ~/.ssh/config", "HOME is not set", "set HOME");
  auto path = fs::path{home} / ".ssh" / "config";
  std::error_code error;
  auto real = fs::weakly_canonical(path, error);
  return error ? path.string() : real.string();
}

/// Writes `text` in place of what is there, with the mode that is there.
result<void> replace_config(const std::string& path, const std::string& text) {
  struct stat info {};
  auto is_there = ::stat(path.c_str(), &info) == 0;
  if (is_there && info.st_uid != ::geteuid())
    return fail(ec::unsafe_path, "write " + path, "it belongs to somebody else",
                "add the line yourself: banger ssh-config shows what it would say");
  if (!is_there)
    if (auto ok = host::make_private_directory(fs::path{path}.parent_path().string()); !ok)
      return ok;
  return host::write_file_durably(path, text,
                                  is_there ? info.st_mode & permission_bits : private_file);
}

using edit = std::string (*)(std::string_view text, const std::string& include);

/// @returns the user's file. It is only written where the edit changes it.
result<std::string> edit_user_config(const std::string& include, edit change) {
  auto path = user_config();
  if (!path)
    return path;
  auto text = host::read_file(*path, most_config);
  if (!text && text.error().code != ec::not_found)
    return tl::make_unexpected(text.error());
  auto old = text ? *text : std::string{};
  auto changed = change(old, include);
  if (changed != old)
    if (auto ok = replace_config(*path, changed); !ok)
      return tl::make_unexpected(ok.error());
  return path;
}

int tell_change(const options& how, bool is_installed, const std::string& ours,
                const std::string& users) {
  if (how.is_json)
    print(ssh_config_json(is_installed, ours, users));
  else if (is_installed)
    print("included " + ours + " in " + users + "\nwhat next: ssh NAME.vm\n");
  else
    print("took banger's line out of " + users + "\n");
  return core::exit_ok;
}

result<host::unique_fd> dial(const ssh_target& whom) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(whom.port);
  host::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int on = 1;
  if (!fd || ::inet_pton(AF_INET, whom.address.c_str(), &address.sin_addr) != 1 ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("connect to vm '" + whom.vm_name + "'");
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/// Gives ssh the connection itself, so that no byte of it goes through us (ssh_config(5),
/// ProxyUseFdpass).
result<void> pass_on(const host::unique_fd& fd) {
  char byte = 0;
  iovec piece{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  auto number = fd.get();
  std::memcpy(CMSG_DATA(head), &number, sizeof number);
  if (::sendmsg(STDOUT_FILENO, &message, 0) == 1)
    return {};
  if (errno == ENOTSOCK)
    return fail(ec::bad_request, "give ssh its connection", "stdout is no socket of ssh's",
                "this is for ssh itself: banger ssh-config --install, then ssh NAME.vm");
  return fail_errno("give ssh its connection");
}

} // namespace

int ssh_config(const host::paths& where, const options& how) {
  auto ours = where.ssh + "/config";
  auto text = core::render_ssh_config(values_of(where));
  if (!how.installs && !how.uninstalls) {
    print(text);
    return core::exit_ok;
  }
  if (how.installs) {
    if (auto ok = host::make_private_directory(where.ssh); !ok)
      return report(ok.error(), how);
    if (auto ok = host::write_file_durably(ours, text, private_file); !ok)
      return report(ok.error(), how);
  }
  auto users = edit_user_config(ours, how.installs ? core::with_include : core::without_include);
  if (!users)
    return report(users.error(), how);
  if (how.uninstalls)
    host::remove_file(ours);
  return tell_change(how, how.installs, ours, *users);
}

int ssh_proxy(client::connection link, const options& how) {
  constexpr std::string_view domain = ".vm";
  auto ref = how.refs.front();
  if (ref.ends_with(domain))
    ref.resize(ref.size() - domain.size());
  auto target = link.ask<ssh_target>(get_ssh_target{ref}, quick_limit);
  if (!target)
    return report(target.error(), how);
  auto fd = dial(*target);
  if (!fd)
    return report(fd.error(), how);
  auto passed = pass_on(*fd);
  return passed ? core::exit_ok : report(passed.error(), how);
}

} // namespace banger::cli
