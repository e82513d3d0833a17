// A conversation with banger-helper, which does what needs root. Source: core/helper_protocol.hpp.
#pragma once

#include "core/helper_protocol.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace banger::hypervisor {

struct helper_answer {
  core::helper_reply reply;
  host::unique_fd fd; ///< a tap or a device, where the request was for one
};

class helper_channel {
public:
  /// Connects and says hello; does not wait for the answer, which comes before all others and is
  /// not given out. Errors: missing_program (nobody listens), failed. The hint says how to start
  /// it.
  [[nodiscard]] static result<helper_channel> connect(const std::string& socket);

  /// Readable when there is an answer.
  [[nodiscard]] int fd() const { return socket_.get(); }

  /// Does not wait. Errors: link_lost, failed.
  [[nodiscard]] result<void> send(core::helper_request x, const std::vector<int>& fds = {});

  /// The next answer, in the order of the requests; nothing where it has not come yet. Errors: the
  /// answer's own, link_lost, version_mismatch, failed.
  [[nodiscard]] result<std::optional<helper_answer>> receive();

  /// The connection alone, for who lives by its being there.
  [[nodiscard]] host::unique_fd take_socket() && { return std::move(socket_); }

private:
  helper_channel(host::unique_fd socket, std::string path)
      : socket_(std::move(socket)), path_(std::move(path)) {}
  [[nodiscard]] result<std::optional<helper_answer>> receive_one();

  host::unique_fd socket_;
  std::string path_;
  std::uint32_t number_ = 0;
  bool is_greeted_ = false;
};

/// One request, and its answer. Blocks, for `limit` at most. Errors: as the channel's; timed_out.
[[nodiscard]] result<core::helper_reply> ask_helper_blocking(const std::string& socket,
                                                             const core::helper_request& x,
                                                             std::chrono::milliseconds limit);

} // namespace banger::hypervisor
