#include "core/agent_frames.hpp"

#include "core/wire_codec.hpp"

namespace banger::core::agent {

namespace {

constexpr std::size_t head_size = 5;
constexpr std::uint32_t max_reply = 64U << 10;

std::string frame(char type, std::string_view payload) {
  std::string out{type};
  wire_writer{out}.put(static_cast<std::uint32_t>(payload.size()));
  out += payload;
  return out;
}

void put_strings(std::string& out, const std::vector<std::string>& all) {
  wire_writer{out}.put(static_cast<std::uint32_t>(all.size()));
  for (const auto& x : all)
    out.append(x.c_str()).push_back('\0'); // execve(2) could not pass a NUL either
}

reply decode(char type, std::string_view payload) {
  wire_reader in{payload};
  switch (type) {
    case 'S': {
      started x;
      in.get(x.pid);
      return in.ok() ? reply{x} : reply{garbled{}};
    }
    case 'F': {
      not_started x;
      in.get(x.error);
      x.text = std::string{in.rest()};
      while (!x.text.empty() && x.text.back() == '\0')
        x.text.pop_back();
      return in.ok() ? reply{x} : reply{garbled{}};
    }
    case 'Z': {
      ended x;
      in(x.exit_code, x.signal);
      return in.ok() ? reply{x} : reply{garbled{}};
    }
    default: return garbled{};
  }
}

} // namespace

std::string exec_frame(const command& x) {
  std::string payload = x.token;
  payload.resize(token_size, '\0');
  wire_writer{payload}.put(std::uint32_t{0}); // flags
  payload.append(x.cwd.c_str()).push_back('\0');
  put_strings(payload, x.argv);
  put_strings(payload, x.env);
  return frame('X', payload);
}

std::string stdio_frame(std::string_view token) {
  return frame('I', token);
}

std::string stderr_frame(std::string_view token) {
  return frame('E', token);
}

std::string signal_frame(std::uint32_t signal) {
  std::string payload;
  wire_writer{payload}.put(signal);
  return frame('K', payload);
}

std::vector<reply> reply_reader::feed(std::string_view bytes) {
  buffer_ += bytes;
  std::vector<reply> replies;
  while (buffer_.size() >= head_size) {
    std::uint32_t size = 0;
    wire_reader{std::string_view{buffer_}.substr(1)}.get(size);
    if (size > max_reply) {
      buffer_.clear();
      replies.emplace_back(garbled{});
      break;
    }
    if (buffer_.size() < head_size + size)
      break;
    replies.push_back(decode(buffer_[0], std::string_view{buffer_}.substr(head_size, size)));
    buffer_.erase(0, head_size + size);
  }
  return replies;
}

} // namespace banger::core::agent
