#include "actors/session_wire.hpp"

#include <algorithm>

namespace banger::actors::session_wire {

namespace {

constexpr std::size_t small_frame = 128;

/// A frame made by one of the encoders. @param most  bytes that it can take
template <class Encode>
std::string encoded(std::size_t most, Encode encode) {
  std::string out(most, '\0');
  out.resize(encode(reinterpret_cast<unsigned char*>(out.data()), out.size()));
  return out;
}

/// Texts as the frame has them: back to back, each with its NUL.
std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& x : texts)
    all.append(x).push_back('\0');
  return all;
}

reply decode(const session_frame& frame) {
  switch (frame.type) {
    case session_reply_started: {
      std::uint32_t pid = 0;
      started x;
      if (session_take_started(frame.payload, frame.size, &pid, &x.at_ms))
        return x;
      break;
    }
    case session_reply_failed: {
      session_failed x{};
      if (session_take_failed(frame.payload, frame.size, &x))
        return refused{x.error, static_cast<session_step>(x.step), x.text};
      break;
    }
    case session_reply_here: {
      session_here x{};
      if (session_take_here(frame.payload, frame.size, &x))
        return here{static_cast<session_phase>(x.phase), x.start};
      break;
    }
    case session_reply_stdout:
    case session_reply_stderr: {
      output x;
      const unsigned char* bytes = nullptr;
      std::size_t count = 0;
      if (!session_take_output(frame.payload, frame.size, &x.offset, &bytes, &count))
        break;
      x.is_stderr = frame.type == session_reply_stderr;
      x.bytes = {reinterpret_cast<const char*>(bytes), count};
      return x;
    }
    case session_reply_gap: {
      gap x;
      if (session_take_gap(frame.payload, frame.size, &x.from, &x.to))
        return x;
      break;
    }
    case session_reply_ended: {
      session_ended x{};
      if (session_take_ended(frame.payload, frame.size, &x))
        return ended{
            static_cast<session_how>(x.how), x.code, x.signal, x.end, x.ended_at_ms, x.text};
      break;
    }
    case session_reply_quiet: return quiet{};
    case session_reply_taken: {
      input_taken x;
      if (session_take_u64(frame.payload, frame.size, &x.total))
        return x;
      break;
    }
    case session_reply_refused: return input_refused{};
    case session_reply_listed: {
      const char* id = nullptr;
      const char* text = nullptr;
      std::size_t size = 0;
      if (session_take_listed(frame.payload, frame.size, &id, &text, &size))
        return listed{id == nullptr ? std::string{} : std::string(id, SESSION_ID_SIZE)};
      break;
    }
    case session_reply_deleted: return removed{};
    default: break;
  }
  return malformed{};
}

} // namespace

std::string start(const std::string& id, const session_config& config) {
  const auto arguments = joined(config.argv);
  const auto environment = joined(config.env);
  const auto required = joined(config.required);
  session_new x{};
  x.id = id.c_str();
  x.flags = config.input == session_input_kind::pty      ? SESSION_FLAG_PTY
            : config.input == session_input_kind::closed ? SESSION_FLAG_STDIN_CLOSED
                                                         : 0;
  x.rows = config.window.rows;
  x.columns = config.window.columns;
  x.journal_cap = config.journal_cap;
  x.cwd = config.cwd.c_str();
  x.arguments = {arguments.data(), static_cast<std::uint32_t>(config.argv.size())};
  x.environment = {environment.data(), static_cast<std::uint32_t>(config.env.size())};
  x.required = {required.data(), static_cast<std::uint32_t>(config.required.size())};
  const auto most =
      small_frame + arguments.size() + environment.size() + required.size() + config.cwd.size();
  return encoded(most, [&](auto* out, auto size) { return session_put_new(out, size, &x); });
}

std::string attach(const attach_request& x) {
  const session_attach request{x.id.c_str(), x.from, x.flags, x.credit};
  return encoded(small_frame,
                 [&](auto* out, auto size) { return session_put_attach(out, size, &request); });
}

std::string list() {
  return encoded(small_frame, [](auto* out, auto size) { return session_put_list(out, size); });
}

std::string remove(const std::string& id) {
  return encoded(small_frame,
                 [&](auto* out, auto size) { return session_put_delete(out, size, id.c_str()); });
}

std::string credit(std::uint64_t bytes) {
  return encoded(small_frame, [&](auto* out, auto size) {
    return session_put_u64(out, size, session_command_credit, bytes);
  });
}

std::string input(std::string_view bytes) {
  return encoded(small_frame + bytes.size(), [&](auto* out, auto size) {
    return session_put_bytes(out, size, session_command_input, bytes.data(), bytes.size());
  });
}

std::string input_end() {
  return encoded(small_frame, [](auto* out, auto size) {
    return session_put_bytes(out, size, session_command_input_end, nullptr, 0);
  });
}

std::string window(window_size x) {
  return encoded(small_frame, [&](auto* out, auto size) {
    return session_put_window(out, size, x.rows, x.columns);
  });
}

std::string signal(std::int32_t number) {
  return encoded(small_frame, [&](auto* out, auto size) {
    return session_put_u32(out, size, session_command_kill, static_cast<std::uint32_t>(number));
  });
}

void reader::feed(std::string_view bytes) {
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_.append(bytes);
}

bool reader::next(reply& out) {
  session_frame frame{};
  const auto* from = reinterpret_cast<const unsigned char*>(buffer_.data()) + at_;
  switch (session_next(from, buffer_.size() - at_, session_reply_limit, &frame)) {
    case session_next_partial: return false;
    case session_next_bad:
      at_ = buffer_.size();
      out = malformed{};
      return true;
    case session_next_frame: break;
  }
  at_ += SESSION_FRAME_HEADER_SIZE + frame.size;
  out = decode(frame);
  return true;
}

} // namespace banger::actors::session_wire
