// Network links of the host by rtnetlink(7), through libnl.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct nl_sock;

namespace banger::helper {

struct link {
  int index = 0;
  std::string name;
  std::string alias;
  bool has_carrier = false; ///< of a tap: somebody has it open
};

/// A connection to the kernel's table of links. Every call is one round trip, and waits for it.
class links {
public:
  /// Errors: failed.
  [[nodiscard]] static result<links> open();

  /// All links. Errors: failed.
  [[nodiscard]] result<std::vector<link>> list() const;

  /// Makes a bridge that is up and has an address. On failure nothing is left. Errors:
  /// already_exists, missing_program (the kernel has no bridges), failed.
  [[nodiscard]] result<void> make_bridge(std::string_view name, std::string_view address,
                                         unsigned prefix, const unsigned char (&mac)[6],
                                         const std::string& alias) const;

  /// Makes a link a bridge's port, with an alias, and puts it up. Errors: not_found, failed.
  [[nodiscard]] result<void> add_port(const std::string& name, int bridge_index,
                                      const std::string& alias) const;

  /// Errors: not_found, failed.
  [[nodiscard]] result<void> set_alias(int index, const std::string& alias) const;

  /// Nothing there: fine. Errors: failed.
  [[nodiscard]] result<void> remove(int index) const;

private:
  struct closer {
    void operator()(nl_sock* socket) const;
  };
  explicit links(nl_sock* socket) : socket_(socket) {}
  std::unique_ptr<nl_sock, closer> socket_;
};

} // namespace banger::helper
