#include "archive/pack.h"
#include "cli/copy_ends.hpp"
#include "cli/terminal.hpp"

#include <cerrno>
#include <ctime>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::cli {

namespace {

/// An archive that is made here.
class local_writer {
public:
  local_writer(copy_flow& flow, copy_sink& sink) : flow_(flow), sink_(sink) {
    archive_writer_init(out_.get(), push, this);
  }
  [[nodiscard]] archive_writer* get() { return out_.get(); }

private:
  static bool push(void* self, const void* bytes, std::size_t size) {
    auto& x = *static_cast<local_writer*>(self);
    return x.flow_.pass(x.sink_, {static_cast<const char*>(bytes), size});
  }

  copy_flow& flow_;
  copy_sink& sink_;
  std::unique_ptr<archive_writer> out_ = std::make_unique<archive_writer>();
};

archive_totals count_all(const std::vector<core::copy_ref>& sources) {
  archive_packer counter;
  archive_packer_init(&counter, nullptr);
  for (const auto& x : sources)
    archive_pack(&counter, x.path.c_str());
  return counter.totals;
}

result<void> pack_local(copy_flow& flow, const core::copy_plan& plan, copy_sink& sink) {
  local_writer writer{flow, sink};
  auto planned = flow.shows_progress() ? count_all(plan.sources) : archive_totals{};
  archive_packer packer;
  archive_packer_init(&packer, writer.get());
  archive_put_begin(writer.get(), &planned);
  for (const auto& x : plan.sources) {
    if (archive_pack(&packer, x.path.c_str()))
      continue;
    if (packer.failure.step == archive_step_none)
      return {}; // the sink's
    archive_put_failed(writer.get(), &packer.failure);
    return tl::make_unexpected(copy_failure(packer.failure, x));
  }
  archive_put_end(writer.get());
  return {};
}

/// @returns how much was read, 0 at the end. Errors: cancelled, or of the stream.
result<std::size_t> read_input(copy_flow& flow, unsigned char* into, std::size_t size) {
  for (;;) {
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    if (::poll(&ready, 1, 0) != 1) {
      if (auto ok = flow.wait(STDIN_FILENO, POLLIN); !ok)
        return tl::make_unexpected(ok.error());
      continue;
    }
    auto n = ::read(STDIN_FILENO, into, size);
    if (n >= 0)
      return static_cast<std::size_t>(n);
    if (errno != EINTR && errno != EAGAIN)
      return fail_errno("read standard input");
  }
}

/// The bytes of the one file. @returns how many
result<std::uint64_t> pack_input(copy_flow& flow, archive_writer* out) {
  constexpr std::size_t most = 64U << 10; // what a pipe holds
  std::uint64_t offset = 0;
  for (;;) {
    unsigned char* room = nullptr;
    auto size = archive_data_room(out, most, &room);
    if (size == 0)
      return offset;
    auto n = read_input(flow, room, std::min(size, most));
    if (!n)
      return tl::make_unexpected(n.error());
    if (*n == 0 || !archive_data_put(out, offset, *n))
      return offset;
    offset += *n;
  }
}

result<void> pack_stream(copy_flow& flow, const core::copy_plan&, copy_sink& sink) {
  local_writer writer{flow, sink};
  auto mask = ::umask(0);
  ::umask(mask);
  archive_entry entry{};
  entry.name = "stdin"; // whoever unpacks it was given a name
  entry.mode = 0666U & ~mask;
  entry.seconds = std::time(nullptr);
  archive_put_begin(writer.get(), nullptr);
  archive_put_entry(writer.get(), archive_type_file, &entry);
  auto size = pack_input(flow, writer.get());
  if (!size)
    return tl::make_unexpected(size.error());
  archive_put_file_end(writer.get(), *size);
  archive_put_end(writer.get());
  return {};
}

/// Why what a guest packed did not come to its end.
result<void> guest_ended(copy_flow& flow, const core::copy_ref& source, exec_channel& agent) {
  switch (flow.meter().state()) {
    case archive_state_ended: return {};
    case archive_state_failed:
      return tl::make_unexpected(copy_failure(flow.meter().failure(), source));
    case archive_state_version:
    case archive_state_bad:
      return fail(ec::version_mismatch, "copy from '" + core::to_string(source) + "'",
                  "the guest's agent packs in another format",
                  "build the image again, and make the VM anew: banger image build");
    case archive_state_reading:
    case archive_state_stopped: break;
  }
  return tl::make_unexpected(agent_failure(agent, "copy from '" + core::to_string(source) + "'"));
}

result<void> pack_guest(copy_flow& flow, const core::copy_plan& plan, copy_sink& sink) {
  const auto& first = plan.sources.front();
  std::vector<std::string> arguments{"pack"};
  if (flow.shows_progress())
    arguments.emplace_back("--count");
  arguments.emplace_back("--");
  for (const auto& x : plan.sources)
    arguments.push_back(x.path);
  auto& agent = flow.start_agent(first.vm, std::move(arguments));
  for (;;) {
    auto bytes = agent.take_output();
    if (!bytes.empty()) {
      if (!flow.pass(sink, bytes))
        return flow.meter().state() == archive_state_failed ? guest_ended(flow, first, agent)
                                                            : result<void>{};
      agent.pay(bytes.size());
    } else if (flow.meter().state() != archive_state_reading || agent.is_over()) {
      return guest_ended(flow, first, agent);
    } else if (auto ok = flow.wait(); !ok) {
      return ok;
    }
  }
}

} // namespace

result<void> pack_from(copy_flow& flow, const core::copy_plan& plan, copy_sink& sink) {
  switch (plan.sources.front().place) {
    case core::copy_place::local: return pack_local(flow, plan, sink);
    case core::copy_place::stream: return pack_stream(flow, plan, sink);
    case core::copy_place::guest: break;
  }
  return pack_guest(flow, plan, sink);
}

} // namespace banger::cli
