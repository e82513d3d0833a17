// Attaching to guest sessions: what a client asks, what it sends, and what it is sent. Fields are
// positional: only append, and raise protocol_version when you do.
#pragma once

#include "protocol/errors.hpp"
#include "protocol/sessions.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// What an attached client may do.
enum class attach_role : std::uint8_t {
  viewer,    ///< sees output
  writer,    ///< and sends input, as others do
  exclusive, ///< and is the only one to
  sender,    ///< sends one piece of input of any size, whole; sees no output
};

[[nodiscard]] std::string to_string(attach_role x);

/// Where output is to begin.
enum class output_origin : std::uint8_t {
  offset,  ///< at this output offset
  now,     ///< with what comes next
  last,    ///< so many bytes before the end
  since_ms ///< with the first output of this Unix time or later
};

/// Request: show me its output and take my input. Reply: session_attached; then attach_output,
/// attach_gap, attach_input_wanted, attach_input_refused, attach_noticed and, last, attach_ended
/// events. A connection attaches to a session once. Errors: not_found; wrong_state (it failed, it
/// is over and the VM does not run, its input is closed); busy (another is exclusive, or this
/// connection is attached); link_lost.
struct attach_session {
  std::string ref;
  attach_role role = attach_role::viewer;
  bool takes_over = false; ///< of exclusive: also from another one
  output_origin origin = output_origin::offset;
  std::uint64_t from = 0;
  bool follows = true;      ///< false: end with the output that is there
  std::uint64_t credit = 0; ///< bytes of output that may be sent before the first attach_credit
  window_size window;
  std::string client; ///< what others see us as: "user, process 4711"
};

template <class Inspector>
auto inspect(Inspector& f, attach_session& x) {
  return f(x.ref, x.role, x.takes_over, x.origin, x.from, x.follows, x.credit, x.window, x.client);
}

struct session_attached {
  std::uint64_t attach = 0; ///< names it on this connection
  session_info session;
  std::uint64_t offset = 0;       ///< of the first byte of output that comes
  std::uint32_t input_credit = 0; ///< bytes of input that may be sent before attach_input_wanted
};

template <class Inspector>
auto inspect(Inspector& f, session_attached& x) {
  return f(x.attach, x.session, x.offset, x.input_credit);
}

/// Request: my attach is over. What input it has sent so far is given to the command first. Reply:
/// detached. Errors: not_found, wrong_state (the input was not taken).
struct detach_session {
  std::uint64_t attach = 0;
};

template <class Inspector>
auto inspect(Inspector& f, detach_session& x) {
  return f(x.attach);
}

struct session_detached {
  std::uint64_t input_bytes = 0; ///< of this attach, that the command's input took
};

template <class Inspector>
auto inspect(Inspector& f, session_detached& x) {
  return f(x.input_bytes);
}

/// Request: who is attached? Reply: attach_list.
struct list_attaches {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, list_attaches& x) {
  return f(x.ref);
}

struct attach_info {
  std::string client;
  attach_role role = attach_role::viewer;
  std::int64_t since_ms = 0;     ///< Unix time
  std::uint64_t offset = 0;      ///< of the next byte it gets
  std::uint64_t lag = 0;         ///< bytes that the daemon knows of and it has not got
  std::uint64_t input_bytes = 0; ///< it has sent
  window_size window;
  friend bool operator==(const attach_info&, const attach_info&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, attach_info& x) {
  return f(x.client, x.role, x.since_ms, x.offset, x.lag, x.input_bytes, x.window);
}

struct attach_list {
  session_info session;
  std::vector<attach_info> attaches; ///< the oldest first
};

template <class Inspector>
auto inspect(Inspector& f, attach_list& x) {
  return f(x.session, x.attaches);
}

// -- client to daemon, without a reply
// ---------------------------------------------------------------------

/// One piece of input, within the credit: given to the command whole, between those of others.
struct attach_input {
  std::uint64_t attach = 0;
  std::string bytes;
};

template <class Inspector>
auto inspect(Inspector& f, attach_input& x) {
  return f(x.attach, x.bytes);
}

/// End of the command's input, for all; of a pty its end-of-file character.
struct attach_input_ended {
  std::uint64_t attach = 0;
};

template <class Inspector>
auto inspect(Inspector& f, attach_input_ended& x) {
  return f(x.attach);
}

/// This many more bytes of output may be sent.
struct attach_credit {
  std::uint64_t attach = 0;
  std::uint64_t bytes = 0;
};

template <class Inspector>
auto inspect(Inspector& f, attach_credit& x) {
  return f(x.attach, x.bytes);
}

/// Our terminal has this size now.
struct attach_resized {
  std::uint64_t attach = 0;
  window_size window;
};

template <class Inspector>
auto inspect(Inspector& f, attach_resized& x) {
  return f(x.attach, x.window);
}

// -- daemon to client
// --------------------------------------------------------------------------------------

/// Output. Of one attach each piece starts where the one before, or the gap, ended.
struct attach_output {
  std::uint64_t attach = 0;
  std::uint64_t offset = 0; ///< of its first byte
  bool is_stderr = false;
  std::string bytes;
};

template <class Inspector>
auto inspect(Inspector& f, attach_output& x) {
  return f(x.attach, x.offset, x.is_stderr, x.bytes);
}

/// Output that is lost: dropped from the journal, or never in it.
struct attach_gap {
  std::uint64_t attach = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

template <class Inspector>
auto inspect(Inspector& f, attach_gap& x) {
  return f(x.attach, x.from, x.to);
}

/// This many more bytes of input may be sent: the command's input took as many.
struct attach_input_wanted {
  std::uint64_t attach = 0;
  std::uint32_t bytes = 0;
};

template <class Inspector>
auto inspect(Inspector& f, attach_input_wanted& x) {
  return f(x.attach, x.bytes);
}

/// Input was not taken, nor will more be.
struct attach_input_refused {
  std::uint64_t attach = 0;
  failure why{ec::none, {}, {}, {}};
};

template <class Inspector>
auto inspect(Inspector& f, attach_input_refused& x) {
  return f(x.attach, x.why);
}

/// Something that a person wants to know: "the connection to the guest is back, 0 bytes lost".
struct attach_noticed {
  std::uint64_t attach = 0;
  std::string text;
};

template <class Inspector>
auto inspect(Inspector& f, attach_noticed& x) {
  return f(x.attach, x.text);
}

/// Why an attach is over.
enum class attach_end : std::uint8_t {
  over,    ///< its session is, and all output was sent
  present, ///< all output that there was is sent (`follows` was false)
  dropped, ///< `why` says why; attach again at the offset where this broke off
};

/// The attach is over; nothing follows for it.
struct attach_ended {
  std::uint64_t attach = 0;
  attach_end how = attach_end::over;
  session_info session;
  std::uint64_t offset = 0; ///< behind the last byte that was sent
  failure why{ec::none, {}, {}, {}};
};

template <class Inspector>
auto inspect(Inspector& f, attach_ended& x) {
  return f(x.attach, x.how, x.session, x.offset, x.why);
}

} // namespace banger
