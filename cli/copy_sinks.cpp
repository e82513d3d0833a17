#include "archive/pack.h"
#include "archive/unpack.h"
#include "cli/copy_ends.hpp"
#include "cli/output_stream.hpp"
#include "cli/terminal.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <unistd.h>

namespace banger::cli {

namespace {

/// Of ARCHIVE_UNPACK_*: what the destination must be.
unsigned flags_of(const core::copy_plan& plan) {
  unsigned flags = plan.sources.size() > 1 ? ARCHIVE_UNPACK_MANY : 0;
  for (const auto& x : plan.sources) {
    char name[ARCHIVE_NAME_MAX + 1];
    archive_base_name(x.path.c_str(), name);
    if (x.place == core::copy_place::stream)
      flags |= ARCHIVE_UNPACK_NAMED;
    else if (name[0] == '\0')
      flags |= ARCHIVE_UNPACK_CONTENTS;
  }
  return flags;
}

class local_sink : public copy_sink {
public:
  local_sink(copy_flow& flow, const core::copy_plan& plan)
      : flow_(flow), destination_(plan.destination) {
    is_open_ = archive_unpack_begin(out_.get(), destination_.path.c_str(), flags_of(plan));
  }

  bool push(std::string_view bytes) override {
    // What is written here takes its time: Ctrl-C is to be seen meanwhile.
    if (auto ok = flow_.look(); !ok)
      problem_ = ok.error();
    return is_open_ && problem_.code == ec::none &&
           archive_unpack(out_.get(), bytes.data(), bytes.size());
  }

  result<void> finish() override {
    archive_report report;
    if (archive_unpack_finish(out_.get(), &report))
      return {};
    return tl::make_unexpected(
        problem_.code != ec::none ? problem_ : copy_failure(report.failure, destination_));
  }

private:
  copy_flow& flow_;
  core::copy_ref destination_;
  failure problem_{ec::none, {}, {}, {}};
  std::unique_ptr<archive_unpacker> out_ = std::make_unique<archive_unpacker>();
  bool is_open_ = false;
};

class guest_sink : public copy_sink {
public:
  guest_sink(copy_flow& flow, const core::copy_plan& plan)
      : flow_(flow), destination_(plan.destination), agent_(start(flow, plan)) {}

  bool push(std::string_view bytes) override {
    constexpr std::size_t piece = 128U << 10;
    while (!bytes.empty()) {
      auto part = std::min({agent_.room(), bytes.size(), piece});
      if (agent_.is_over())
        return false;
      if (part > 0) {
        agent_.send(std::string{bytes.substr(0, part)});
        bytes.remove_prefix(part);
      }
      if (auto ok = part > 0 ? flow_.look() : flow_.wait(); !ok)
        return remember(ok.error());
    }
    return true;
  }

  result<void> finish() override {
    flow_.begin_end();
    agent_.end_input();
    while (!agent_.is_over())
      if (auto ok = flow_.wait(); !ok)
        return ok;
    if (problem_.code != ec::none)
      return tl::make_unexpected(problem_);
    auto text = agent_.take_output();
    archive_report report;
    if (!archive_read_report(text.data(), text.size(), &report))
      return tl::make_unexpected(
          agent_failure(agent_, "copy to '" + core::to_string(destination_) + "'"));
    if (report.failure.step != archive_step_none)
      return tl::make_unexpected(copy_failure(report.failure, destination_));
    return {};
  }

private:
  static exec_channel& start(copy_flow& flow, const core::copy_plan& plan) {
    std::vector<std::string> arguments{"unpack"};
    auto flags = flags_of(plan);
    for (auto [flag, name] : {std::pair{ARCHIVE_UNPACK_MANY, "--many"},
                              std::pair{ARCHIVE_UNPACK_CONTENTS, "--contents"},
                              std::pair{ARCHIVE_UNPACK_NAMED, "--named"}})
      if ((flags & static_cast<unsigned>(flag)) != 0)
        arguments.emplace_back(name);
    arguments.emplace_back("--");
    arguments.push_back(plan.destination.path);
    return flow.start_agent(plan.destination.vm, std::move(arguments));
  }

  bool remember(failure why) {
    problem_ = std::move(why);
    return false;
  }

  copy_flow& flow_;
  core::copy_ref destination_;
  exec_channel& agent_;
  failure problem_{ec::none, {}, {}, {}};
};

/// The bytes of the one file there may be, to standard output.
class stream_sink : public copy_sink {
public:
  explicit stream_sink(copy_flow& flow) : flow_(flow) {
    handler_.context = this;
    handler_.directory = refuse;
    handler_.link = refuse;
    handler_.remove = refuse;
    handler_.file = [](void* self, const archive_entry*) {
      auto& x = *static_cast<stream_sink*>(self);
      return !std::exchange(x.has_file_, true) || refuse(self, nullptr);
    };
    handler_.data = [](void* self, std::uint64_t offset, const unsigned char* bytes,
                       std::size_t size) {
      auto& x = *static_cast<stream_sink*>(self);
      const void* generic = bytes;
      return x.write_zeros(offset) && x.write({static_cast<const char*>(generic), size});
    };
    handler_.file_end = [](void* self, std::uint64_t size) {
      return static_cast<stream_sink*>(self)->write_zeros(size);
    };
    archive_reader_init(reader_.get(), &handler_);
  }

  bool push(std::string_view bytes) override {
    return archive_read(reader_.get(), bytes.data(), bytes.size()) == archive_state_reading;
  }

  result<void> finish() override {
    if (problem_.code != ec::none)
      return tl::make_unexpected(problem_);
    if (reader_->state != archive_state_ended)
      return fail(ec::link_lost, "write the output", "what came was cut off", "copy again");
    return {};
  }

private:
  static bool refuse(void* self, const archive_entry*) {
    static_cast<stream_sink*>(self)->problem_ = {
        ec::bad_request, "write the output", "the source is no single file", "copy it to a folder"};
    return false;
  }

  bool write(std::string_view bytes) {
    out_.add(bytes);
    written_ += bytes.size();
    for (;;) {
      auto done = out_.flush();
      if (!done && errno == EPIPE)
        ::_exit(core::exit_signalled + SIGPIPE);
      if (!done) {
        problem_ = fail_errno("write the output").value();
        return false;
      }
      if (out_.is_empty())
        return true;
      if (auto ok = flow_.wait(out_.fd(), POLLOUT); !ok) {
        problem_ = ok.error();
        return false;
      }
    }
  }

  bool write_zeros(std::uint64_t until) {
    static const std::string zeros(64U << 10, '\0');
    while (written_ < until)
      if (!write(std::string_view{zeros}.substr(
              0, std::min<std::uint64_t>(until - written_, zeros.size()))))
        return false;
    return true;
  }

  copy_flow& flow_;
  archive_handler handler_{};
  std::unique_ptr<archive_reader> reader_ = std::make_unique<archive_reader>();
  output_stream out_{STDOUT_FILENO};
  std::uint64_t written_ = 0;
  bool has_file_ = false;
  failure problem_{ec::none, {}, {}, {}};
};

} // namespace

std::unique_ptr<copy_sink> open_sink(copy_flow& flow, const core::copy_plan& plan) {
  switch (plan.destination.place) {
    case core::copy_place::local: return std::make_unique<local_sink>(flow, plan);
    case core::copy_place::stream: return std::make_unique<stream_sink>(flow);
    case core::copy_place::guest: break;
  }
  return std::make_unique<guest_sink>(flow, plan);
}

} // namespace banger::cli
