#define _GNU_SOURCE
#include "session_attaches.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/// Turns of attaches that are behind, before the command's output is looked at again.
enum { turns_max = 4 };

/// So long a terminal may take to echo, before the key is acknowledged without.
enum { answer_ms = 2 };

static struct attach attaches[BANGER_MAX_ATTACHES];
static int place_count; ///< places in use, some of which are free
static int count_all;
static int next_place; ///< whose turn it is

static void end(struct attach* attach) {
  attach_end(attach);
  --count_all;
  while (place_count > 0 && attaches[place_count - 1].connection < 0)
    --place_count;
}

void attaches_add(int connection, int token, const struct session_attach* request) {
  struct attach* place = attaches;
  while (place < attaches + place_count && place->connection >= 0)
    ++place;
  if (place == attaches + BANGER_MAX_ATTACHES) { // those of an agent that was killed go on
    attach_refuse(connection, session_step_limit, EAGAIN);
    close(connection);
    close(token);
    return;
  }
  attach_begin(place, connection, token, request);
  ++count_all;
  if (place == attaches + place_count)
    ++place_count;
  if (!attach_turn(place)) // most are at the present end with that
    end(place);
}

int attaches_count(void) {
  return count_all;
}

void attaches_output(uint64_t position, const struct journal_record* record,
                     const unsigned char* bytes) {
  for (struct attach* at = attaches; at < attaches + place_count; ++at)
    if (at->connection >= 0 && !attach_output(at, position, record, bytes))
      end(at);
}

void attaches_look(void) {
  for (struct attach* at = attaches; at < attaches + place_count; ++at)
    at->has_more = !at->is_starved;
}

static bool is_ready(const struct attach* attach) {
  return attach->connection >= 0 && attach->has_more && !attach->is_complete &&
         outbox_is_empty(&attach->outbox);
}

int attaches_timeout(void) {
  int timeout = -1;
  for (struct attach* at = attaches; at < attaches + place_count; ++at) {
    if (is_ready(at))
      return 0;
    if (at->connection >= 0 && at->has_waited && outbox_is_empty(&at->outbox))
      timeout = answer_ms;
  }
  return timeout;
}

int attaches_poll(struct pollfd* out) {
  for (int i = 0; i < place_count; ++i)
    out[i] = (struct pollfd){.fd = attaches[i].connection,
                             .events = attaches[i].connection >= 0 ? attach_events(&attaches[i])
                                                                   : (short)0};
  return place_count;
}

/// Round robin.
static void take_turns(void) {
  int turns = 0;
  for (int seen = 0; seen < place_count && turns < turns_max; ++seen) {
    if (next_place >= place_count)
      next_place = 0;
    struct attach* at = &attaches[next_place++];
    if (!is_ready(at))
      continue;
    ++turns;
    if (!attach_turn(at))
      end(at);
  }
}

void attaches_work(const struct pollfd* fds, int count) {
  for (int i = 0; i < count; ++i) {
    struct attach* at = &attaches[i];
    if (at->connection < 0 || at->connection != fds[i].fd || fds[i].revents == 0)
      continue;
    if (!attach_work(at, fds[i].revents))
      end(at);
  }
  // From another one each time, as the first takes what room there is.
  for (int i = 0, places = place_count; i < places; ++i) {
    struct attach* at = &attaches[(next_place + i) % places];
    if (at->connection >= 0 && !attach_settle_input(at))
      end(at);
  }
  take_turns();
}

void attaches_finish(void) {
  static struct pollfd fds[attaches_poll_max];
  while (count_all > 0) {
    int count = attaches_poll(fds);
    if (poll(fds, (nfds_t)count, attaches_timeout()) >= 0)
      attaches_work(fds, count);
  }
}
