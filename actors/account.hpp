// What actors say of themselves, and of how they ended.
#pragma once

#include "protocol/actors.hpp"

#include <caf/error.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace banger::actors {

/// An actor's account of itself, without children.
template <class Self>
[[nodiscard]] actor_account account_of(Self self, std::string state) {
  actor_account x;
  x.state = std::move(state);
  x.mailbox = static_cast<std::uint32_t>(self->mailbox().size());
  return x;
}

/// "1 VM", "3 VMs".
[[nodiscard]] std::string counted(std::size_t count, const std::string& thing);

/// The error an actor ends with that threw.
[[nodiscard]] caf::error error_of(const std::exception_ptr& thrown);

/// True where an actor ended because it was told to, or had done its work.
[[nodiscard]] bool is_orderly(const caf::error& reason);

} // namespace banger::actors
