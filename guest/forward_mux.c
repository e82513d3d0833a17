// A frame that says something small (credit, an end, a close) is not made when it is due but when
// there is room: a stream remembers what it owes. So input is always taken, and the two ends cannot
// wait for each other.
#define _GNU_SOURCE
#include "guest/forward_mux.h"

#include "guest/forward_stream.h"
#include "guest/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  input_size = 2 * (PORT_DATA_MAX + PORT_OVERHEAD),
  credit_step = PORT_WINDOW / 4, ///< credit is given in steps: small transfers cost no frame of it
  small_frame = PORT_OVERHEAD + 8,
  data_reserve = 3 * small_frame * FORWARD_STREAMS_MAX, ///< what data leaves for small frames
};

struct forward_mux {
  struct forward_calls calls;
  struct forward_stream streams[FORWARD_STREAMS_MAX];
  int count;     ///< places in use, from the front
  int used;      ///< streams that are there
  unsigned turn; ///< which stream may read first
  uint32_t last_id;
  size_t input_used, output_used, output_sent;
  unsigned char input[input_size], output[FORWARD_OUTPUT_SIZE];
};

// -- frames for the other end
// ------------------------------------------------------------------------------------------

static size_t room(struct forward_mux* mux) {
  if (mux->output_sent > 0) {
    memmove(mux->output, mux->output + mux->output_sent, mux->output_used - mux->output_sent);
    mux->output_used -= mux->output_sent;
    mux->output_sent = 0;
  }
  return FORWARD_OUTPUT_SIZE - mux->output_used;
}

static bool has_room_for_data(struct forward_mux* mux) {
  return room(mux) >= PORT_DATA_MAX + PORT_OVERHEAD + data_reserve;
}

static bool put(struct forward_mux* mux, uint8_t type, uint32_t id, const void* payload,
                uint32_t size) {
  if (room(mux) < size + PORT_OVERHEAD)
    return false;
  mux->output_used += port_put(mux->output + mux->output_used, type, id, payload, size);
  return true;
}

bool forward_put(struct forward_mux* mux, uint8_t type, const void* payload, uint32_t size) {
  return put(mux, type, 0, payload, size);
}

static bool put_number(struct forward_mux* mux, uint8_t type, uint32_t id, uint32_t number) {
  unsigned char payload[4];
  wire_store_u32(payload, number);
  return put(mux, type, id, payload, sizeof payload);
}

size_t forward_output(struct forward_mux* mux, const unsigned char** bytes) {
  *bytes = mux->output + mux->output_sent;
  return mux->output_used - mux->output_sent;
}

void forward_sent(struct forward_mux* mux, size_t size) {
  mux->output_sent += size;
  if (mux->output_sent == mux->output_used)
    mux->output_sent = mux->output_used = 0;
}

// -- streams
// ------------------------------------------------------------------------------------------

static struct forward_stream* find_stream(struct forward_mux* mux, uint32_t id) {
  for (int i = 0; i < mux->count; ++i)
    if (mux->streams[i].id == id)
      return &mux->streams[i];
  return NULL;
}

/// @returns NULL where there is no place
static struct forward_stream* add_stream(struct forward_mux* mux, uint32_t id, uint16_t port) {
  int place = 0;
  while (place < mux->count && mux->streams[place].id != 0)
    ++place;
  if (place == FORWARD_STREAMS_MAX)
    return NULL;
  if (place == mux->count)
    ++mux->count;
  ++mux->used;
  mux->streams[place] = (struct forward_stream){
      .id = id, .fd = -1, .port = port, .credit = PORT_WINDOW, .window = PORT_WINDOW};
  return &mux->streams[place];
}

static void free_stream(struct forward_mux* mux, struct forward_stream* stream) {
  if (stream->fd >= 0)
    close(stream->fd);
  stream->fd = -1;
  stream_break(stream); // what waits
  *stream = (struct forward_stream){.fd = -1};
  --mux->used;
  while (mux->count > 0 && mux->streams[mux->count - 1].id == 0)
    --mux->count;
}

/// The window grows while the socket takes all at once: on a busy machine a byte is long under way.
/// That of a peer that reads nothing stays as it is.
static void pay(struct forward_mux* mux, struct forward_stream* stream) {
  uint32_t more = stream->queued == 0 ? FORWARD_WINDOW_MAX - stream->window : 0;
  if (more > stream->owed)
    more = stream->owed;
  if (!put_number(mux, port_credit, stream->id, stream->owed + more))
    return;
  stream->owed = 0;
  stream->window += more;
}

/// Says what is owed, as far as there is room. May free the stream.
static void settle(struct forward_mux* mux, struct forward_stream* stream) {
  if (stream->is_orphan) {
    if (stream->fd < 0 || stream->first == NULL)
      free_stream(mux, stream);
    return;
  }
  if (stream->fd < 0) {
    if (stream->error != 0 ? put_number(mux, port_close, stream->id, (uint32_t)stream->error)
                           : put(mux, port_close, stream->id, NULL, 0))
      free_stream(mux, stream);
    return;
  }
  if (stream->owed >= credit_step)
    pay(mux, stream);
  if (stream->owes_end && put(mux, port_end, stream->id, NULL, 0))
    stream->owes_end = false;
  if (stream->has_read_end && !stream->owes_end && stream->has_sent_end)
    free_stream(mux, stream);
}

static void settle_all(struct forward_mux* mux) {
  for (int i = mux->count - 1; i >= 0; --i)
    if (i < mux->count && mux->streams[i].id != 0)
      settle(mux, &mux->streams[i]);
}

// -- connections that we make
// ------------------------------------------------------------------------------------------

/// Goes on with the next address until one answers, or it has to be waited for.
static void go_on_connecting(struct forward_mux* mux, struct forward_stream* stream) {
  for (;;) {
    int error = stream_connected(stream);
    if (error == EINPROGRESS)
      return;
    if (error == 0)
      break;
    close(stream->fd);
    stream->error = stream->error != 0 ? stream->error : error;
    stream->fd = mux->calls.dial(mux->calls.owner, stream->port, &stream->attempt);
    if (stream->fd < 0) {
      stream_break(stream);
      return;
    }
  }
  stream->is_connecting = false;
  stream->error = 0;
  stream_adopt(stream, stream->fd);
  stream_flush(stream);
}

static bool take_open(struct forward_mux* mux, const struct port_frame* frame) {
  if (mux->calls.dial == NULL || frame->size != 2 || frame->stream == 0 ||
      find_stream(mux, frame->stream) != NULL)
    return false;
  uint16_t port = (uint16_t)(frame->payload[0] << 8 | frame->payload[1]);
  struct forward_stream* stream = add_stream(mux, frame->stream, port);
  if (stream == NULL)
    return false; // the host knows how many there may be
  stream->fd = mux->calls.dial(mux->calls.owner, port, &stream->attempt);
  stream->error = stream->fd < 0 ? errno : 0;
  stream->is_connecting = stream->fd >= 0;
  if (stream->is_connecting)
    go_on_connecting(mux, stream);
  settle(mux, stream);
  return true;
}

// -- frames of the other end
// ------------------------------------------------------------------------------------------

static void take_close(struct forward_mux* mux, struct forward_stream* stream,
                       const struct port_frame* frame) {
  if (frame->size == 4 && mux->calls.refused != NULL)
    mux->calls.refused(mux->calls.owner, stream->port, (int)wire_load_u32(frame->payload));
  if (stream->first == NULL || stream->is_connecting)
    stream_break(stream);
  stream->is_orphan = true;
}

static bool take_frame(struct forward_mux* mux, const struct port_frame* frame) {
  if (frame->type == port_open)
    return take_open(mux, frame);
  if (frame->stream == 0)
    return mux->calls.take != NULL && mux->calls.take(mux->calls.owner, frame);
  struct forward_stream* stream = find_stream(mux, frame->stream);
  if (stream == NULL || stream->is_orphan || (stream->fd < 0 && frame->type != port_close))
    return true; // it has just ended
  switch (frame->type) {
    case port_data:
      if (stream->is_ending || stream->queued + stream->owed + frame->size > stream->window)
        return false; // after its end, or more than its window
      stream_take(stream, frame->payload, frame->size);
      break;
    case port_end:
      stream->is_ending = true;
      if (!stream->is_connecting)
        stream_flush(stream);
      break;
    case port_credit: {
      uint32_t more = port_take_credit(frame), most = FORWARD_WINDOW_MAX - stream->credit;
      stream->credit += more < most ? more : most;
      break;
    }
    case port_close: take_close(mux, stream, frame); break;
    default: return false;
  }
  settle(mux, stream);
  return true;
}

bool forward_feed(struct forward_mux* mux, const void* bytes, size_t size) {
  const unsigned char* from = bytes;
  while (size > 0) {
    size_t part = input_size - mux->input_used < size ? input_size - mux->input_used : size;
    memcpy(mux->input + mux->input_used, from, part);
    mux->input_used += part;
    from += part;
    size -= part;
    size_t at = 0;
    struct port_frame frame;
    enum port_next next;
    while ((next = port_next(mux->input + at, mux->input_used - at, &frame)) == port_next_frame) {
      if (!take_frame(mux, &frame))
        return false;
      at += PORT_OVERHEAD + frame.size;
    }
    if (next == port_next_bad)
      return false;
    memmove(mux->input, mux->input + at, mux->input_used - at);
    mux->input_used -= at;
  }
  return true;
}

// -- from our sockets
// ------------------------------------------------------------------------------------------

/// @returns whether there may be more
static bool read_frame(struct forward_mux* mux, struct forward_stream* stream) {
  uint32_t most = stream->credit < PORT_DATA_MAX ? stream->credit : PORT_DATA_MAX;
  // Read to where the frame wants it.
  unsigned char* payload = mux->output + mux->output_used + PORT_HEADER_SIZE;
  ssize_t n = recv(stream->fd, payload, most, MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return false;
  if (n > 0) {
    stream->credit -= (uint32_t)n;
    mux->output_used +=
        port_put_in_place(mux->output + mux->output_used, port_data, stream->id, (uint32_t)n);
  } else if (n < 0 || stream->is_deaf) {
    stream_break(stream);
  } else {
    stream->has_read_end = stream->owes_end = true;
  }
  return n == (ssize_t)most;
}

static void read_stream(struct forward_mux* mux, struct forward_stream* stream) {
  enum { at_once = 4 }; // frames: others want room, too
  for (int i = 0; i < at_once && stream->credit > 0 && has_room_for_data(mux); ++i)
    if (!read_frame(mux, stream))
      return;
}

int forward_poll(struct forward_mux* mux, struct pollfd* out) {
  settle_all(mux);
  bool may_read = has_room_for_data(mux);
  for (int i = 0; i < mux->count; ++i) {
    const struct forward_stream* stream = &mux->streams[i];
    short events = stream_events(stream, may_read);
    out[i] = (struct pollfd){.fd = stream_is_watched(stream, events) ? stream->fd : -1,
                             .events = events};
  }
  return mux->count;
}

static void work_on(struct forward_mux* mux, struct forward_stream* stream, short revents) {
  if (stream->is_connecting) {
    go_on_connecting(mux, stream);
    return;
  }
  bool is_broken = (revents & (POLLHUP | POLLERR)) != 0;
  if ((revents & POLLOUT) != 0 || (is_broken && stream->first != NULL))
    stream_flush(stream);
  if (stream->fd < 0 || stream->is_orphan)
    return;
  if (stream->has_read_end) {
    if (is_broken && !stream->has_sent_end)
      stream_break(stream);
  } else if ((revents & POLLIN) != 0 || is_broken) {
    read_stream(mux, stream);
  }
}

void forward_work(struct forward_mux* mux, const struct pollfd* fds, int count) {
  int first = count > 0 ? (int)(++mux->turn % (unsigned)count)
                        : 0; // nobody is always last where room is short
  for (int i = 0; i < count; ++i) {
    int at = (first + i) % count;
    if (mux->streams[at].id != 0 && fds[at].fd >= 0 && fds[at].revents != 0)
      work_on(mux, &mux->streams[at], fds[at].revents);
  }
  settle_all(mux);
}

// -- the whole
// ------------------------------------------------------------------------------------------

struct forward_mux* forward_new(struct forward_calls calls) {
  struct forward_mux* mux = calloc(1, sizeof *mux);
  if (mux != NULL)
    mux->calls = calls;
  return mux;
}

void forward_free(struct forward_mux* mux) {
  for (int i = mux->count - 1; i >= 0; --i)
    if (i < mux->count && mux->streams[i].id != 0)
      free_stream(mux, &mux->streams[i]);
  free(mux);
}

bool forward_has_place(const struct forward_mux* mux) {
  size_t used = mux->output_used - mux->output_sent;
  return mux->used < FORWARD_STREAMS_MAX && FORWARD_OUTPUT_SIZE - used >= small_frame;
}

void forward_open(struct forward_mux* mux, int fd, uint16_t port) {
  const unsigned char payload[2] = {(unsigned char)(port >> 8), (unsigned char)port};
  struct forward_stream* stream = add_stream(mux, ++mux->last_id, port);
  if (stream != NULL)
    stream_adopt(stream, fd);
  else
    close(fd);
  if (stream != NULL && !put(mux, port_open, stream->id, payload, sizeof payload))
    free_stream(mux, stream);
}

int forward_count(const struct forward_mux* mux) {
  return mux->used;
}
