#include "actors/operation.hpp"

#include "actors/account.hpp"
#include "protocol/caf_error.hpp"

namespace banger::actors {

namespace {

using self_pointer = operation_actor::stateful_pointer<operation_state>;

core::milliseconds limit_of(const core::deadlines& limits, const order& what) {
  auto grace = what.grace_ms != 0 ? core::milliseconds{what.grace_ms} : limits.grace;
  switch (what.kind) {
    case order_kind::create: return limits.create();
    case order_kind::start: return limits.start();
    case order_kind::stop:
      return limits.start() + limits.stop(grace); // may wait for a create or start to end
    case order_kind::restart: return limits.stop(grace) + limits.start();
    case order_kind::kill: return limits.start() + limits.stop(core::milliseconds{0});
    case order_kind::remove: return limits.stop(grace) + limits.remove();
    case order_kind::build: return limits.build;
    case order_kind::set: return limits.set();
  }
  return limits.quick;
}

/// Sends the order down, answers with its result, and ends.
template <class Reply, class Handle>
caf::result<Reply> run(self_pointer self, const Handle& whom, order what) {
  auto& state = self->state;
  what.op = state.op;
  state.subject = what.subject;
  state.is_build = what.kind == order_kind::build;
  auto reply = self->template make_response_promise<Reply>();
  auto limit = limit_of(state.deadlines, what) + core::deadlines::margin;
  self->request(whom, limit, what, progress_actor{self})
      .then(
          [self, reply](const Reply& x) mutable {
            reply.deliver(x);
            self->quit();
          },
          [self, reply, what](const caf::error& why) mutable {
            auto problem = to_failure(why, to_string(what.kind) + " '" + what.subject + "'");
            problem.op = self->state.op;
            reply.deliver(to_error(std::move(problem)));
            self->quit();
          });
  return reply;
}

void pass_cancel(self_pointer self) {
  auto& state = self->state;
  cancel x{state.op, state.subject};
  if (state.is_build)
    self->send(state.images, x);
  else
    self->send(state.supervisor, x);
}

order to_order(const build_image& x) {
  order what;
  what.kind = order_kind::build;
  what.subject = x.name;
  what.recipe_path = x.recipe_path;
  return what;
}

} // namespace

order to_order(const set_vm& x) {
  order what;
  what.kind = order_kind::set;
  what.subject = x.ref;
  what.change = x;
  return what;
}

operation_actor::behavior_type operation(self_pointer self, std::string op,
                                         supervisor_actor supervisor, images_actor images,
                                         progress_actor client, core::deadlines deadlines) {
  self->state.op = std::move(op);
  self->state.supervisor = std::move(supervisor);
  self->state.images = std::move(images);
  self->state.client = std::move(client);
  self->state.deadlines = deadlines;
  return {
      [self](const stage_entered& x) { self->send(self->state.client, x); },
      [self](const perform&, const order& what) {
        return run<vm_info>(self, self->state.supervisor, what);
      },
      [self](const perform&, const build_image& x) {
        return run<image_info>(self, self->state.images, to_order(x));
      },
      [self](const cancel&) { pass_cancel(self); },
      [self](const describe_actor&) {
        return account_of(self,
                          (self->state.is_build ? "builds " : "works on ") + self->state.subject);
      },
  };
}

} // namespace banger::actors
