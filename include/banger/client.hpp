// libbanger's client half: drive the virtual machines of a banger daemon from a program. Needs no
// actor system; every call waits for its answer. Not thread-safe: one client a thread. Values are
// those of protocol/values.hpp.
//
//   auto banger = banger::client::machine_client::connect();
//   auto vm = banger->create({.name = "box"});
//   banger->start(vm->name);
//   auto ended = banger->run("box", {"uname", "-a"});
#pragma once

#include "protocol/requests.hpp"
#include "protocol/result.hpp"
#include "protocol/values.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace banger::client {

/// What a command in a guest left.
struct finished_command {
  int exit_code = 0; ///< meaningful where signal is 0
  int signal = 0;
  std::string output;
  std::string errors;
};

class machine_client {
public:
  /// Connects to this user's daemon; starts one where none runs. Errors: unreachable,
  /// version_mismatch, bad_request.
  [[nodiscard]] static result<machine_client> connect();

  machine_client(machine_client&&) noexcept;
  machine_client& operator=(machine_client&&) noexcept;
  ~machine_client();

  /// Called with each stage of a long request, on the caller's thread.
  void on_stage(std::function<void(const stage_entered&)> handler);

  // Errors of each: see the request of the same name in protocol/requests.hpp.
  [[nodiscard]] result<vm_info> create(const vm_config& config);
  [[nodiscard]] result<vm_info> start(const std::string& ref);
  [[nodiscard]] result<vm_info> stop(const std::string& ref, std::uint32_t grace_ms = 0);
  [[nodiscard]] result<vm_info> kill(const std::string& ref);
  [[nodiscard]] result<vm_info> remove(const std::string& ref);
  [[nodiscard]] result<vm_info> get(const std::string& ref);
  [[nodiscard]] result<vm_list> list();
  [[nodiscard]] result<image_list> images();

  /// Runs a command without input and collects what it writes; for output that fits into memory.
  [[nodiscard]] result<finished_command> run(const std::string& ref,
                                             const std::vector<std::string>& argv);

private:
  class state;
  explicit machine_client(std::unique_ptr<state> x);
  std::unique_ptr<state> state_;
};

} // namespace banger::client
