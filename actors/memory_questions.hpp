// How a machine, whichever it is, asks its guest for its memory.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/actors.hpp"

#include <caf/typed_response_promise.hpp>

#include <string>
#include <vector>

namespace banger::actors {

/// Who waits for the answer. A part of a machine's state, touched only by its handlers.
class memory_questions {
public:
  using promise = caf::typed_response_promise<guest_memory>;

  /// Asks over the control connection. A guest whose agent does not know the question says so; one
  /// that hangs never answers, so who asks has a time limit.
  void ask(const host::unique_fd& control, promise reply);

  /// A line of the guest's that may be the answer.
  void take(const std::string& line);

  /// The guest is gone.
  void forget();

private:
  void answer_all(const guest_memory& x);
  std::vector<promise> waiting_;
};

} // namespace banger::actors
