// Turns what the SSH I/O thread reports into messages for an actor.
#pragma once

#include "protocol/actors.hpp"
#include "ssh/ssh_io.hpp"

#include <memory>

namespace banger::actors {

/// A sink that sends ssh_note and ssh_data to `whom`, which it does not keep alive.
[[nodiscard]] std::shared_ptr<ssh::sink> make_ssh_sink(const ssh_listener_actor& whom);

} // namespace banger::actors
