#include "tests/unit/guest/session_tester.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>

namespace banger::test {

namespace {

constexpr std::size_t frame_max = SESSION_FIRST_FRAME_MAX + SESSION_FRAME_HEADER_SIZE;

/// What an encoder of session_frames.h writes.
template <class Put>
std::string encoded(Put put) {
  std::vector<unsigned char> buffer(SESSION_DATA_MAX + 64);
  auto size = put(buffer.data(), buffer.size());
  if (size == 0) { // only 'N' may be larger
    buffer.resize(frame_max);
    size = put(buffer.data(), buffer.size());
  }
  REQUIRE(size > 0);
  return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::string joined(const std::vector<std::string>& strings) {
  std::string all;
  for (const auto& text : strings)
    all += text + '\0';
  return all;
}

const unsigned char* bytes_of(const std::string& text) {
  const void* bytes = text.data();
  return static_cast<const unsigned char*>(bytes);
}

} // namespace

bool wait_for(const std::function<bool()>& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

std::string encode(const session_spec& x) {
  auto arguments = joined(x.argv), environment = joined(x.env), required = joined(x.required);
  auto strings = [](const std::string& text, std::size_t count) {
    return wire_strings{text.data(), static_cast<std::uint32_t>(count)};
  };
  session_new request{};
  request.id = x.id.data();
  request.flags = x.flags;
  request.rows = x.rows;
  request.columns = x.columns;
  request.journal_cap = x.cap;
  request.cwd = x.cwd.c_str();
  request.arguments = strings(arguments, x.argv.size());
  request.environment = strings(environment, x.env.size());
  request.required = strings(required, x.required.size());
  return encoded([&](auto* out, auto size) { return session_put_new(out, size, &request); });
}

attachment::attachment(agent_connection to, const std::string& id, std::uint64_t from,
                       std::uint32_t flags, std::uint64_t credit)
    : connection(std::move(to)), credit_(credit) {
  session_attach request{id.data(), from, flags, credit};
  connection.send(
      encoded([&](auto* out, auto size) { return session_put_attach(out, size, &request); }));
  auto frame = connection.read_frame();
  if (frame.type == 'F') {
    session_failed x{};
    REQUIRE(session_take_failed(bytes_of(frame.payload), frame.payload.size(), &x));
    failed = failure{x.error, x.step, x.text};
    return;
  }
  REQUIRE(frame.type == 'H');
  REQUIRE(session_take_here(bytes_of(frame.payload), frame.payload.size(), &here));
  next = piece_ = here.start;
}

void attachment::take_output(char type, const std::string& payload) {
  std::uint64_t offset = 0;
  const unsigned char* bytes = nullptr;
  std::size_t count = 0;
  REQUIRE(session_take_output(bytes_of(payload), payload.size(), &offset, &bytes, &count));
  REQUIRE(offset == next);
  REQUIRE(count > 0);
  REQUIRE(count <= credit_);
  credit_ -= count;
  next += count;
  auto text = payload.substr(payload.size() - count);
  all += text;
  pieces[piece_] += text;
  (type == 'o' ? output : error_output) += text;
}

void attachment::take(char type, const std::string& payload) {
  const auto* bytes = bytes_of(payload);
  std::uint64_t from = 0, to = 0;
  std::uint32_t error = 0;
  session_ended x{};
  switch (type) {
    case 'o':
    case 'e': take_output(type, payload); break;
    case 'g':
      REQUIRE(session_take_gap(bytes, payload.size(), &from, &to));
      REQUIRE(from == next);
      REQUIRE(to > from);
      gaps.emplace_back(from, to);
      next = piece_ = to;
      break;
    case 'z':
      REQUIRE(session_take_ended(bytes, payload.size(), &x));
      ended = end{x.how, x.code, x.signal, x.end, x.ended_at_ms, x.text};
      break;
    case 'q':
      REQUIRE(session_take_u64(bytes, payload.size(), &from));
      quiet = from;
      break;
    case 'a': REQUIRE(session_take_u64(bytes, payload.size(), &taken)); break;
    case 'x':
      REQUIRE(session_take_u32(bytes, payload.size(), &error));
      REQUIRE(error == EPIPE);
      ++refused;
      break;
    default: FAIL("a frame of type " << type);
  }
}

char attachment::step() {
  auto frame = connection.read_frame();
  if (frame.type != 0) {
    REQUIRE_MESSAGE(!ended, "a frame behind the last one");
    take(frame.type, frame.payload);
  }
  return frame.type;
}

void attachment::read_to_end() {
  while (step() != 0)
    ;
}

void attachment::read_until_size(std::size_t size) {
  while (all.size() < size)
    REQUIRE_MESSAGE(step() != 0, "the connection ended before the output came");
}

void attachment::read_until(const std::string& text) {
  while (all.find(text) == std::string::npos)
    REQUIRE_MESSAGE(step() != 0, "the connection ended before '" << text << "' came");
}

void attachment::give_credit(std::uint64_t more) {
  credit_ += more;
  connection.send(
      encoded([&](auto* out, auto size) { return session_put_u64(out, size, 'c', more); }));
}

void attachment::send_input(const std::string& bytes) {
  connection.send(encoded([&](auto* out, auto size) {
    return session_put_bytes(out, size, 'i', bytes.data(), bytes.size());
  }));
}

void attachment::send_input_end() {
  connection.send(raw_frame('d', {}));
}

void attachment::send_window(std::uint16_t rows, std::uint16_t columns) {
  connection.send(
      encoded([&](auto* out, auto size) { return session_put_window(out, size, rows, columns); }));
}

void attachment::send_kill(int signal) {
  connection.send(encoded([&](auto* out, auto size) {
    return session_put_u32(out, size, 'k', static_cast<std::uint32_t>(signal));
  }));
}

void attachment::wait_taken(std::uint64_t total) {
  while (taken < total)
    REQUIRE(step() != 0);
}

void attachment::wait_refused() {
  while (refused == 0)
    REQUIRE(step() != 0);
}

session_tester::~session_tester() {
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator{agent.folder() / "sessions", ignored}) {
    auto id = entry.path().filename().string();
    auto pid = std::atoi(state(id, "pid").c_str());
    if (pid > 1 && state(id, "state") == "running")
      ::kill(-pid, SIGKILL);
    if (host(id) > 1 && is_alive(host(id)) &&
        read_whole_file("/proc/" + std::to_string(host(id)) + "/comm") == "banger-session\n")
      ::kill(host(id), SIGKILL);
  }
}

session_spec session_tester::spec(std::vector<std::string> argv) {
  std::array<char, 32> id{};
  std::snprintf(id.data(), id.size(), "%012x", ++next_id_);
  session_spec x;
  x.id = id.data();
  x.argv = std::move(argv);
  x.cwd = agent.folder().path();
  return x;
}

agent_connection::frame session_tester::try_start(const session_spec& x) {
  auto connection = agent.connect();
  connection.send(encode(x));
  auto frame = connection.read_frame();
  CHECK(connection.read_to_end().empty());
  return frame;
}

std::uint32_t session_tester::start(const session_spec& x) {
  auto frame = try_start(x);
  REQUIRE_MESSAGE(frame.type == 'S', frame.payload);
  std::uint32_t pid = 0;
  std::uint64_t at = 0;
  REQUIRE(session_take_started(bytes_of(frame.payload), frame.payload.size(), &pid, &at));
  CHECK(at > 0);
  return pid;
}

failure session_tester::start_failure(const session_spec& x) {
  auto frame = try_start(x);
  REQUIRE(frame.type == 'F');
  session_failed failed{};
  REQUIRE(session_take_failed(bytes_of(frame.payload), frame.payload.size(), &failed));
  return {failed.error, failed.step, failed.text};
}

attachment session_tester::attach(const std::string& id, std::uint64_t from, std::uint32_t flags,
                                  std::uint64_t credit) {
  return {agent.connect(), id, from, flags, credit};
}

attachment session_tester::read_all(const std::string& id) {
  auto reader = attach(id);
  reader.read_to_end();
  REQUIRE(reader.ended);
  return reader;
}

std::map<std::string, std::string> session_tester::list() {
  std::map<std::string, std::string> all;
  auto connection = agent.connect();
  connection.send(encoded([](auto* out, auto size) { return session_put_list(out, size); }));
  for (;;) {
    auto frame = connection.read_frame();
    REQUIRE(frame.type == 'l');
    if (frame.payload.empty())
      break;
    auto id = frame.payload.substr(0, SESSION_ID_SIZE);
    CHECK(all.emplace(id, frame.payload.substr(SESSION_ID_SIZE)).second);
  }
  CHECK(connection.read_to_end().empty());
  return all;
}

agent_connection::frame session_tester::remove(const std::string& id) {
  auto connection = agent.connect();
  connection.send(
      encoded([&](auto* out, auto size) { return session_put_delete(out, size, id.data()); }));
  return connection.read_frame();
}

std::string session_tester::path(const std::string& id, const std::string& name) const {
  return agent.folder() / ("sessions/" + id + "/" + name);
}

std::string session_tester::state(const std::string& id, const std::string& key) const {
  return value_of(read_whole_file(path(id, "state")), key);
}

pid_t session_tester::host(const std::string& id) const {
  return std::atoi(state(id, "host_pid").c_str());
}

void session_tester::kill_host(const std::string& id) const {
  const auto pid = host(id);
  REQUIRE(pid > 1);
  ::kill(pid, SIGKILL);
  REQUIRE(wait_for([&] { return !is_alive(pid); }));
}

bool session_tester::wait_for_state(const std::string& id, const std::string& wanted) const {
  return wait_for([&] { return state(id, "state") == wanted; });
}

std::string value_of(const std::string& lines, const std::string& key) {
  auto text = "\n" + lines;
  auto at = text.find("\n" + key + "=");
  if (at == std::string::npos)
    return {};
  at += key.size() + 2;
  return text.substr(at, text.find('\n', at) - at);
}

bool is_alive(pid_t pid) {
  auto stat = read_whole_file("/proc/" + std::to_string(pid) + "/stat");
  auto at = stat.rfind(')');
  return at != std::string::npos && stat.size() > at + 2 && stat[at + 2] != 'Z';
}

std::string read_whole_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

} // namespace banger::test
