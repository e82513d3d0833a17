// libbanger's client half: drive the virtual machines of a banger daemon from a program. Needs no
// actor system; every call waits for its answer (async_client.hpp has one that does not). Not
// thread-safe: one client a thread, and any number of clients a program. Values are those of
// protocol/values.hpp, protocol/sessions.hpp and protocol/attach.hpp. A client that is destroyed
// ends what it ran, and its ephemeral VMs; sessions go on.
//
//   auto banger = banger::client::machine_client::connect();
//   auto vm = banger->create({.name = "box"});
//   banger->start(vm->name);
//   auto ended = banger->run("box", {"uname", "-a"});
#pragma once

#include "client_types.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace banger::client {

class machine_client {
public:
  /// Errors: unreachable, version_mismatch, bad_request, not_found (no such host).
  [[nodiscard]] static result<machine_client> connect(const connect_options& how = {});

  machine_client(machine_client&&) noexcept;
  machine_client& operator=(machine_client&&) noexcept;
  ~machine_client();

  /// Called with each stage of a long request, on the caller's thread.
  void on_stage(std::function<void(const stage_entered&)> handler);

  // Errors of each: see the request of the same name in protocol/requests.hpp. Where the daemon is
  // gone each says unreachable, and connect() is the way on.

  [[nodiscard]] result<daemon_status> status();
  [[nodiscard]] result<vm_info> create(const vm_config& config);
  /// @param owner_token  of whom acts for the owner of the VM; 0: it is not compared
  [[nodiscard]] result<vm_info> start(const std::string& ref, std::uint64_t owner_token = 0);
  [[nodiscard]] result<vm_info> stop(const std::string& ref, std::uint32_t grace_ms = 0);
  [[nodiscard]] result<vm_info> kill(const std::string& ref);
  [[nodiscard]] result<vm_info> remove(const std::string& ref, std::uint64_t owner_token = 0);
  [[nodiscard]] result<vm_info> get(const std::string& ref);
  [[nodiscard]] result<vm_list> list();
  [[nodiscard]] result<image_list> images();
  [[nodiscard]] result<owner_lease> renew(const renew_owner& lease);

  /// Runs a command and collects what it writes; for output that fits into memory.
  [[nodiscard]] result<finished_command> run(const std::string& ref,
                                             const std::vector<std::string>& argv,
                                             const command_options& how = {});

  /// Runs a command and hands on what it writes. Of the result the texts are empty.
  [[nodiscard]] result<finished_command> run(const std::string& ref,
                                             const std::vector<std::string>& argv,
                                             const command_options& how,
                                             const output_handler& on_output);

  // -- guest sessions: commands that outlive the client. `ref` of a session is "VM/NAME".

  [[nodiscard]] result<session_info> start_session(const std::string& vm,
                                                   const session_config& config);
  [[nodiscard]] result<session_info> get_session(const std::string& ref);
  [[nodiscard]] result<session_list> sessions(const std::string& vm = {});
  [[nodiscard]] result<session_info> stop_session(const std::string& ref, std::uint32_t grace_ms);
  [[nodiscard]] result<session_info> delete_session(const std::string& ref);

  /// Hands on a session's output from `offset` until it is over, or a handler wants to leave.
  /// Errors: as of attach_session; unreachable, after which attaching at the last offset goes on.
  [[nodiscard]] result<attach_outcome> attach(const std::string& ref, std::uint64_t offset,
                                              const attach_handlers& handlers);

  /// Sends one piece of input, whole. Errors: as of attach_session; wrong_state.
  [[nodiscard]] result<void> send_input(const std::string& ref, const std::string& bytes);

  // -- events

  /// Hands on what happens, from where `from` wants it, until the handler says false. Events that
  /// are no longer kept go to `on_missed`. The credit of `from` is ignored. Errors: as of
  /// subscribe_events (bad_request
  /// also where this client has followed before: use a new one); unreachable, after which
  /// events_from::after the last sequence goes on.
  [[nodiscard]] result<void>
  follow(subscribe_events from, const std::function<bool(const event_happened&)>& on_event,
         const std::function<void(const events_missed&)>& on_missed = {});

private:
  class state;
  explicit machine_client(std::unique_ptr<state> x);
  std::unique_ptr<state> state_;
};

} // namespace banger::client
