// One attach: what a connection that began with an 'A' frame is sent, and what it says. Nothing
// here waits. The session's host drives all of its attaches; a process of its own those of a
// session whose host has ended.
#ifndef BANGER_GUEST_SESSION_ATTACH_H
#define BANGER_GUEST_SESSION_ATTACH_H

#include "guest/session_frames.h"
#include "session_journal.h"
#include "session_outbox.h"
#include "session_state.h"

#include <sys/types.h>

/// The session that all attaches of this process are to.
struct attach_session {
  const struct journal* journal; ///< its host's, or what was found of it
  const struct session_state* state;
  bool is_over; ///< the state tells how; nothing but output of others may follow
  /// What the command is asked, beside input; not called without a host.
  void (*set_window)(uint16_t rows, uint16_t columns);
  void (*send_signal)(int number);
};

/// Bytes that grow as needed.
struct attach_bytes {
  unsigned char* bytes;
  size_t size;
};

struct attach {
  int connection; ///< -1: this place is free
  int token;      ///< kept open as long as this attach goes on, for whoever counts; or -1
  struct session_attach request;
  uint64_t credit;
  uint64_t position, delivered; ///< of the record that is next; output offset that is next
  bool is_searching;            ///< for where to start
  bool has_more;                ///< there may be something to send, but for the connection
  bool is_starved;              ///< there is, but for the credit
  bool is_complete;             ///< the last frame was drafted
  bool has_end;
  struct session_ended end;
  struct outbox outbox;
  struct attach_bytes partial; ///< the beginning of a frame that is still coming
  struct attach_bytes waiting; ///< whole frames of input, for which the command has no room yet
  uint64_t taken, told; ///< bytes of input that were queued for the command; and that it knows
  bool owes_taken, owes_refused;
  bool has_waited; ///< what it owes, for output that may come first
};

/// Both at the start of the process. The session must stay.
void attach_set_session(const struct attach_session* session);

/// Takes over `connection` and `token`.
void attach_begin(struct attach* attach, int connection, int token,
                  const struct session_attach* request);

/// Closes both, and gives back all memory. The place is free then.
void attach_end(struct attach* attach);

/// A turn: a bounded part of what there is to send. Call where has_more, and the outbox is empty.
/// @returns false where the connection is over
bool attach_turn(struct attach* attach);

/// Sends output that was just recorded to an attach that waits for it. One that is behind finds it
/// in the journal. @returns false where the connection is over
bool attach_output(struct attach* attach, uint64_t position, const struct journal_record* record,
                   const unsigned char* bytes);

/// What to poll the connection for.
short attach_events(const struct attach* attach);

/// Reads and writes what goes without waiting. @returns false where the connection is over
bool attach_work(struct attach* attach, short events);

/// Takes input that waited, as far as there is room, and says so: of a little input in the next
/// turn, so that its echo comes first, and both wake the other end once. @returns false where the
/// connection is over
bool attach_settle_input(struct attach* attach);

/// @returns false at the end of the connection, or where rubbish came
bool attach_read(struct attach* attach);

/// Answers an 'A' frame by 'F', if that goes at once.
void attach_refuse(int connection, enum session_step step, int error);

#endif
