// What the daemon does before it has actors: folders, lock, keys, database. Blocks.
#pragma once

#include "actors/agent_install.hpp"
#include "actors/supervisor.hpp"
#include "core/dns_listen.hpp"
#include "core/tls_relay_plan.hpp"
#include "daemon/options.hpp"
#include "host/paths.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"
#include "ssh/private_key.hpp"
#include "storage/database.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banger::daemon {

/// The programs and files that come with banger.
struct companions {
  std::string net_helper;
  std::string image_builder;
  std::string tls_relay;
  std::string guest;   ///< folder
  std::string recipes; ///< folder
};

/// Finds them from a file of banger's own, a program or a library: in the build folder that it is
/// in, or where `meson install` puts them. All are empty where it is in neither.
[[nodiscard]] companions find_companions(const std::string& file);

/// The agent for guests that lack it or have another one. Read once, so that no actor has to; empty
/// where it is not there: guests keep what they have.
[[nodiscard]] std::shared_ptr<const actors::agent_program> read_agent(const companions& programs);

/// Makes every folder of ours private. Errors: unsafe_path, failed.
[[nodiscard]] result<void> prepare_folders(const host::paths& where);

/// The key that opens guests; made on the first start.
struct login_key {
  std::shared_ptr<const ssh::private_key> key;
  std::string public_line; ///< for authorized_keys
};

[[nodiscard]] result<login_key> prepare_key(const host::paths& where);

/// Where names of VMs are to be served, by the user's config.toml.
struct dns_plan {
  std::optional<core::dns_endpoint> listen; ///< none: nowhere
  std::string trouble;                      ///< why the file could not be read
};

/// What the user's config.toml says to the daemon, and the command line, which counts first.
struct config_plan {
  dns_plan dns;
  std::optional<core::tls_relay_plan> listen; ///< for other machines; none: not at all
};

[[nodiscard]] config_plan read_config(const host::paths& where, const options& how);

/// Whether banger-tls can use what the command line wants it to, as far as that can be known before
/// it runs: nobody asks for a daemon that others reach, and gets one that they do not. Errors:
/// bad_request, missing_program.
[[nodiscard]] result<void> check_certificates(const companions& programs,
                                              const core::tls_relay_plan& plan);

/// Whether an address is free to listen at; waits for a moment for one who is about to end. Errors:
/// already_exists, bad_request, failed.
[[nodiscard]] result<void> check_address(const core::tcp_endpoint& where);

/// What the database says.
struct known_state {
  std::vector<actors::known_vm> vms;
  bool is_whole = true;             ///< no row is damaged
  std::vector<std::string> cleared; ///< a line for each row that can be no VM's
};

/// Every VM of the database, with what its handles file says of its process. Their folders are
/// where the state folder is now. A row that can be no VM's goes to a table of its own.
[[nodiscard]] result<known_state> load_known_vms(const host::paths& where, storage::database& db);

/// Ends processes of ours that no record knows, forgets our pins of no VM, and clears folders of no
/// VM away: to "lost" in the state folder where they hold a disk. @returns a line for each. Only
/// for one who holds the state folder's lock.
[[nodiscard]] std::vector<std::string> clear_what_nobody_knows(const host::paths& where,
                                                               const known_state& state);

} // namespace banger::daemon
