#include "images/root_tree.hpp"

#include "core/shell_quote.hpp"
#include "host/files.hpp"
#include "host/process.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <unistd.h>

namespace banger::images {

namespace {

/// What every guest needs, whatever its recipe: kmod for modprobe, e2fsprogs to check and grow its
/// disks.
constexpr std::array always{"openssh-server", "bash",     "apt",   "kmod",
                            "e2fsprogs",      "iproute2", "procps"};
constexpr std::array for_systemd{"systemd-sysv", "udev", "libpam-systemd"};

/// Runs in the new root's context with the root as $1.
constexpr std::string_view finish_root = R"sh(set -eu
mkdir -p "$1/etc/ssh/sshd_config.d"
cat > "$1/etc/ssh/sshd_config.d/banger.conf" <<'END'
HostKey /run/banger/ssh_host_ed25519_key
AuthorizedKeysFile /run/banger/authorized_keys .ssh/authorized_keys
UsePAM no
UseDNS no
PermitRootLogin prohibit-password
PasswordAuthentication no
MaxSessions 64
MaxStartups 64
AllowStreamLocalForwarding yes
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,sntrup761x25519-sha512@openssh.com
LogLevel ERROR
PrintLastLog no
SetEnv LANG=C.UTF-8 LC_ALL=C.UTF-8
END
: > "$1/etc/motd"
)sh";

/// The last thing that is done to the tree: what belongs to this host, or must not be the same in
/// two guests.
constexpr std::string_view strip_root = R"sh(set -eu
rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/machine-id" "$1/var/lib/dbus/machine-id" "$1/etc/hostname" "$1/etc/resolv.conf"
: > "$1/etc/machine-id"
rm -rf "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old
)sh";

/// The init of our own has no service manager: packages must not try to start theirs.
constexpr std::string_view finish_banger_init = R"sh(set -eu
printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
for name in poweroff reboot halt shutdown; do ln -sf /usr/lib/banger/banger-init "$1/usr/local/sbin/$name"; done
)sh";

constexpr std::string_view finish_systemd = R"sh(set -eu
cat > "$1/etc/systemd/system/banger-setup.service" <<'END'
[Unit]
Description=Name, network and disks of this VM
DefaultDependencies=no
After=local-fs.target systemd-udevd.service
Before=network-pre.target ssh.service sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/banger/banger-init setup

[Install]
WantedBy=sysinit.target
END
cat > "$1/etc/systemd/system/banger-agent.service" <<'END'
[Unit]
Description=banger's agent in this VM
After=banger-setup.service ssh.service

[Service]
ExecStart=/usr/lib/banger/banger-agent
Restart=always
RestartSec=1
KillMode=process
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
END
chroot "$1" systemctl enable banger-setup.service banger-agent.service ssh.service >/dev/null 2>&1
chroot "$1" systemctl mask systemd-firstboot.service getty@.service serial-getty@.service apt-daily.timer apt-daily-upgrade.timer \
  e2scrub_all.timer fstrim.timer systemd-timesyncd.service systemd-networkd-wait-online.service >/dev/null 2>&1
chroot "$1" systemctl set-default multi-user.target >/dev/null 2>&1
)sh";

/// Debian's kernel package wants an initramfs generator and runs it; only its files are needed.
constexpr std::string_view add_kernel = R"sh(set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
package=$(apt-cache depends --no-recommends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
[ -n "$package" ] || { echo "E: no kernel package found" >&2; exit 1; }
folder="$1/var/cache/banger-kernel"
mkdir -p "$folder"
(cd "$folder" && apt-get download -q "$package" >&2)
dpkg-deb -x "$folder"/*.deb "$1/var/cache/banger-kernel/x"
mv "$folder"/x/boot/vmlinuz-* "$1/boot/vmlinuz"
mkdir -p "$1/usr/lib/modules"
mv "$folder"/x/lib/modules/* "$1/usr/lib/modules/"
rm -rf "$folder"
chroot "$1" depmod "$(ls "$1/usr/lib/modules")"
)sh";

std::string upload(const std::string& from, const std::string& to) {
  return "--customize-hook=upload " + core::shell_quote(from) + " " + core::shell_quote(to);
}

std::string shell_hook(std::string_view text) {
  return "--customize-hook=" + std::string{text};
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : ",") + word;
  return out;
}

std::vector<std::string> packages_of(const core::recipe& what) {
  std::vector<std::string> all{always.begin(), always.end()};
  if (what.init == "systemd")
    all.insert(all.end(), for_systemd.begin(), for_systemd.end());
  for (const auto& name : what.packages)
    if (std::find(all.begin(), all.end(), name) == all.end())
      all.push_back(name);
  return all;
}

std::vector<std::string> hooks_of(const build_request& request, const work_folder& work) {
  std::vector<std::string> hooks;
  hooks.push_back(shell_hook("mkdir -p \"$1/usr/lib/banger\" \"$1/usr/local/sbin\""));
  for (const char* program : {"banger-init", "banger-agent"})
    hooks.push_back(
        upload(request.guest_dir + "/" + program, std::string{"/usr/lib/banger/"} + program));
  hooks.push_back(shell_hook("chmod 755 \"$1\"/usr/lib/banger/*"));
  hooks.push_back(shell_hook(add_kernel));
  hooks.push_back(shell_hook(finish_root));
  hooks.push_back(shell_hook(request.what.init == "systemd" ? finish_systemd : finish_banger_init));
  int number = 0;
  for (const auto& file : request.what.files) {
    auto folder = file.path.substr(0, std::max<std::size_t>(file.path.rfind('/'), 1));
    hooks.push_back(shell_hook("mkdir -p \"$1\"" + core::shell_quote(folder)));
    hooks.push_back(upload(work.path + "/file-" + std::to_string(number++), file.path));
    char mode[8];
    std::snprintf(mode, sizeof mode, "%o", file.mode);
    hooks.push_back(
        shell_hook("chmod " + std::string{mode} + " \"$1\"" + core::shell_quote(file.path)));
  }
  for (const auto& command : request.what.run)
    hooks.push_back(shell_hook("chroot \"$1\" sh -c " + core::shell_quote(command)));
  hooks.push_back(shell_hook(strip_root));
  return hooks;
}

bool works_in_a_guest(const std::string& uri) {
  return (uri.starts_with("http://") || uri.starts_with("https://")) &&
         uri.find('@') == std::string::npos; // a password is not a guest's business
}

/// Asks this host's apt; empty where it has none.
std::vector<std::string> host_sources(std::string_view suite) {
  constexpr int patience_ms = 10'000;
  auto apt_get = host::find_program("apt-get", host::search_path());
  if (!apt_get)
    return {};
  host::spawn_request request;
  request.argv = {*apt_get, "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                  "Created-By: Packages"};
  auto targets = host::run_blocking(request, patience_ms);
  return targets ? sources_for_suite(*targets, suite) : std::vector<std::string>{};
}

/// What mmdebstrap says that a person wants to see as progress.
std::string progress_of(const std::string& line) {
  if (!line.starts_with("I: "))
    return {};
  for (const char* word : {"apt-get update", "downloading", "extracting", "installing", "cleaning",
                           "creating tarball"})
    if (line.find(word) != std::string::npos)
      return line.substr(3);
  return {};
}

} // namespace

std::vector<std::string> sources_for_suite(std::string_view targets, std::string_view suite) {
  std::vector<std::string> found;
  bool has_suite = false;
  for (const char* part : {"", "-updates", "-security"}) {
    auto wanted = std::string{suite} + part;
    std::istringstream lines{std::string{targets}};
    for (std::string uri, release, component; lines >> uri >> release >> component;) {
      if (release != wanted || component != "main" || !works_in_a_guest(uri))
        continue;
      has_suite = has_suite || release == suite;
      auto line = "deb " + uri + " " + release + " main";
      if (std::find(found.begin(), found.end(), line) == found.end())
        found.push_back(line);
    }
  }
  return has_suite ? found : std::vector<std::string>{};
}

std::vector<std::string> mmdebstrap_arguments(const build_request& request, const work_folder& work,
                                              bool is_root,
                                              const std::vector<std::string>& sources) {
  const auto& what = request.what;
  std::vector<std::string> arguments{
      is_root ? "--mode=root" : "--mode=unshare",
      "--variant=minbase",
      "--format=tar",
      "--include=" + joined(packages_of(what)),
      R"(--aptopt=Acquire::Languages "none")",
      R"(--aptopt=APT::Install-Recommends "false")",
      "--dpkgopt=path-exclude=/usr/share/doc/*",
      "--dpkgopt=path-include=/usr/share/doc/*/copyright",
      "--dpkgopt=path-exclude=/usr/share/man/*",
      "--dpkgopt=path-exclude=/usr/share/locale/*",
      "--dpkgopt=path-exclude=/usr/share/info/*",
  };
  for (auto& hook : hooks_of(request, work))
    arguments.push_back(std::move(hook));
  arguments.push_back(what.suite);
  arguments.push_back(work.tar());
  if (what.mirror.empty())
    arguments.insert(arguments.end(), sources.begin(), sources.end());
  else
    arguments.push_back(what.mirror);
  return arguments;
}

result<void> install_packages(tool_runner& tools, const build_request& request,
                              const work_folder& work, const stage_handler& on_stage) {
  int number = 0;
  for (const auto& file : request.what.files)
    if (auto ok =
            host::write_file(work.path + "/file-" + std::to_string(number++), file.content, 0644);
        !ok)
      return ok;
  auto is_root = ::geteuid() == 0;
  if (!is_root && !host::find_program("newuidmap", host::search_path()))
    return fail(ec::missing_program, "find newuidmap", "a build without root needs it",
                "apt-get install uidmap");
  auto show = [&](const std::string& line) {
    if (auto text = progress_of(line); !text.empty())
      on_stage("packages", text);
  };
  auto ok = tools.run(
      "mmdebstrap", "mmdebstrap",
      mmdebstrap_arguments(request, work, is_root, host_sources(request.what.suite)), show);
  if (!ok && !is_root && ok.error().code == ec::image_failed)
    return fail(ec::image_failed, ok.error().what, ok.error().why,
                "a build without root needs user namespaces and an entry in /etc/subuid; or run it "
                "as root");
  return ok;
}

result<void> unpack_tree(tool_runner& tools, const work_folder& work) {
  if (auto ok = host::make_private_directory(work.tree()); !ok)
    return ok;
  return run_as_owner(
      tools, work, "tar", "tar",
      {"-C", work.tree(), "-xf", work.tar(), "--numeric-owner", "--exclude=./dev/*"});
}

result<void> run_as_owner(tool_runner& tools, const work_folder& work, const std::string& program,
                          const std::string& package, std::vector<std::string> arguments) {
  if (::geteuid() == 0)
    return tools.run(program, package, std::move(arguments));
  auto path = host::find_program(program, host::search_path());
  if (!path)
    return fail(ec::missing_program, "find " + program, "it is not installed",
                "apt-get install " + package);
  std::vector<std::string> wrapped{"-s", work.owners()};
  if (host::exists(work.owners()))
    wrapped.insert(wrapped.end(), {"-i", work.owners()});
  wrapped.emplace_back("--");
  wrapped.push_back(*path);
  wrapped.insert(wrapped.end(), arguments.begin(), arguments.end());
  return tools.run("fakeroot", "fakeroot", std::move(wrapped));
}

} // namespace banger::images
