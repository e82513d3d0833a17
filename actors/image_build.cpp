#include "actors/image_build.hpp"

#include "core/build_report.hpp"
#include "host/clock.hpp"
#include "host/fault_point.hpp"
#include "host/files.hpp"
#include "protocol/caf_error.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace banger::actors {

namespace {

using self_pointer = image_actor::stateful_pointer<image_build_state>;

enum tag : std::int32_t { output_tag = 1, process_tag };

void enter_stage(self_pointer self, const core::build_stage& x) {
  auto& state = self->state;
  if (state.progress)
    self->send(state.progress,
               stage_entered{
                   {}, "build", state.image, x.stage, x.detail, host::unix_ms() - state.since_ms});
}

void read_output(self_pointer self) {
  auto& state = self->state;
  char buffer[16384];
  for (;;) {
    auto n = ::read(state.output.get(), buffer, sizeof buffer);
    if (n <= 0) {
      if (n < 0 && errno == EAGAIN)
        state.output_watch.arm();
      return;
    }
    for (const auto& line : state.lines.feed({buffer, static_cast<std::size_t>(n)})) {
      auto report = core::parse_build_report(line);
      if (const auto* stage = std::get_if<core::build_stage>(&report))
        enter_stage(self, *stage);
      else if (const auto* problem = std::get_if<failure>(&report))
        state.problem = *problem;
      else if (std::holds_alternative<core::build_done>(report))
        state.is_done = true;
    }
  }
}

void ended(self_pointer self) {
  auto& state = self->state;
  read_output(self);
  auto status = host::reap(state.process.pidfd);
  auto how = status ? host::describe_wait_status(*status) : std::string{"ended"};
  auto what = "build image '" + state.image + "'";
  if (state.is_done)
    state.reply.deliver(done{});
  else if (state.is_cancelled)
    state.reply.deliver(to_error({ec::cancelled, what, "cancelled", {}}));
  else if (state.problem.code != ec::none)
    state.reply.deliver(to_error(state.problem));
  else
    state.reply.deliver(
        to_error({ec::image_failed, what, "the builder " + how, "see " + state.context.log}));
  self->quit();
}

/// A recipe's path: the one that was given, or the one of that name that comes with banger.
result<std::string> recipe_of(const image_build_context& context, const run_build& x) {
  if (!x.recipe_path.empty())
    return x.recipe_path;
  auto path = context.recipes + "/" + x.name + ".toml";
  if (!host::exists(path))
    return fail(ec::not_found, "build image '" + x.name + "'", "banger has no recipe of that name",
                "give one: banger image build " + x.name + " --recipe FILE");
  return path;
}

result<void> start(self_pointer self, const run_build& x) {
  auto& state = self->state;
  const auto& context = state.context;
  if (auto fault = host::fault_at("image.launch", host::fault_moment::before))
    return tl::make_unexpected(*fault);
  auto recipe = recipe_of(context, x);
  if (!recipe)
    return tl::make_unexpected(recipe.error());
  auto pipe = host::make_pipe();
  if (!pipe)
    return tl::make_unexpected(pipe.error());
  state.output = std::move(pipe->reader);
  ::fcntl(state.output.get(), F_SETFL, O_NONBLOCK);
  host::unique_fd log{::open(context.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!log)
    return fail_errno("open " + context.log);
  host::spawn_request spawn;
  spawn.argv = {context.program, "build",        "--name",       x.name,        "--recipe",
                *recipe,         "--images-dir", context.images, "--guest-dir", context.guest};
  spawn.fds = {{pipe->writer.get(), 1}, {log.get(), 2}};
  spawn.has_own_session = true;
  auto child = host::spawn(spawn);
  if (!child)
    return tl::make_unexpected(child.error());
  state.process = std::move(*child);
  if (auto fault = host::fault_at("image.launch", host::fault_moment::after)) {
    host::signal_process(state.process.pidfd, SIGTERM);
    return tl::make_unexpected(*fault);
  }
  fd_watcher_actor me{image_actor{self}};
  state.output_watch = {self->system(), state.output.get(), me, output_tag};
  state.process_watch = {self->system(), state.process.pidfd.get(), me, process_tag};
  return {};
}

caf::result<done> run(self_pointer self, const run_build& x, const progress_actor& progress) {
  auto& state = self->state;
  state.image = x.name;
  state.progress = progress;
  state.since_ms = host::unix_ms();
  state.reply = self->make_response_promise<done>();
  if (auto ok = start(self, x); !ok) {
    state.reply.deliver(to_error(ok.error()));
    self->quit();
  }
  return state.reply;
}

/// The builder removes what it made before it ends.
void give_up(self_pointer self) {
  self->state.is_cancelled = true;
  host::signal_process(self->state.process.pidfd, SIGTERM);
}

} // namespace

image_actor::behavior_type image_build(self_pointer self, image_build_context context) {
  self->state.context = std::move(context);
  self->set_exit_handler([self](const caf::exit_msg& message) {
    host::signal_process(self->state.process.pidfd, SIGTERM);
    self->quit(message.reason);
  });
  return {
      [self](const fd_ready& x) {
        if (x.tag == output_tag)
          read_output(self);
        else
          ended(self);
      },
      [self](const run_build& x, const progress_actor& progress) { return run(self, x, progress); },
      [self](const cancel&) { give_up(self); },
  };
}

} // namespace banger::actors
