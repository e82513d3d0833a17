// banger cert: what an authority does, and what it says of it.
#pragma once

#include "tls/cert_options.hpp"

namespace banger::tls {

/// Does it, prints what there is to say, as `banger` would. @returns the exit status
[[nodiscard]] int run_cert(const cert_options& how);

} // namespace banger::tls
