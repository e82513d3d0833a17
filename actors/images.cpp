#include "actors/images.hpp"

#include "protocol/caf_error.hpp"

#include <algorithm>

namespace banger::actors {

namespace {

using self_pointer = images_actor::stateful_pointer<images_state>;

template <class T>
caf::result<T> to_reply(result<T> x) {
  if (!x)
    return to_error(std::move(x.error()));
  return std::move(*x);
}

void answer_build(self_pointer self, const std::string& name, const result<image_info>& outcome) {
  auto found = self->state.builds.find(name);
  if (found == self->state.builds.end())
    return;
  auto waiters = std::move(found->second.waiters);
  self->state.builds.erase(found);
  for (auto& waiter : waiters) {
    if (outcome) {
      waiter.reply.deliver(*outcome);
      continue;
    }
    auto why = outcome.error();
    why.op = waiter.op;
    waiter.reply.deliver(to_error(std::move(why)));
  }
}

caf::result<image_info> build(self_pointer self, const order& what,
                              const progress_actor& progress) {
  auto& state = self->state;
  auto reply = self->make_response_promise<image_info>();
  const auto& name = what.subject;
  auto found = state.builds.find(name);
  if (found != state.builds.end()) { // joins the one that runs
    found->second.waiters.push_back({what.op, progress, reply});
    return reply;
  }
  auto worker = state.make_builder();
  state.builds[name] = {worker, {{what.op, progress, reply}}};
  self->request(worker, state.deadlines.build, run_build{name, what.recipe_path}, progress)
      .then([self, name](const done&) { answer_build(self, name, self->state.catalog.get(name)); },
            [self, name](const caf::error& why) {
              answer_build(self, name,
                           tl::make_unexpected(to_failure(why, "build image '" + name + "'")));
            });
  return reply;
}

/// The build ends when nobody waits for it any more.
void cancel_build(self_pointer self, const cancel& x) {
  auto& state = self->state;
  auto found = state.builds.find(x.subject);
  if (found == state.builds.end())
    return;
  auto& waiters = found->second.waiters;
  auto waiter = std::find_if(waiters.begin(), waiters.end(),
                             [&](const build_waiter& y) { return y.op == x.op; });
  if (waiter == waiters.end())
    return;
  if (waiters.size() == 1) { // answered when the build has cleaned up after itself
    self->send(found->second.worker, x);
    return;
  }
  waiter->reply.deliver(
      to_error({ec::cancelled, "build image '" + x.subject + "'", "cancelled", {}, x.op}));
  waiters.erase(waiter);
}

} // namespace

images_actor::behavior_type images(self_pointer self, storage::image_catalog catalog,
                                   std::function<image_actor()> make_builder,
                                   core::deadlines deadlines) {
  self->state.catalog = std::move(catalog);
  self->state.make_builder = std::move(make_builder);
  self->state.deadlines = deadlines;
  return {
      guarded<list_images>(self,
                           [](self_pointer me, const list_images&) -> caf::result<image_list> {
                             return image_list{me->state.catalog.list()};
                           }),
      guarded<get_image>(self,
                         [](self_pointer me, const get_image& x) {
                           return to_reply(me->state.catalog.get(x.name));
                         }),
      guarded<delete_image>(self,
                            [](self_pointer me, const delete_image& x) {
                              return to_reply(me->state.catalog.remove(x.name));
                            }),
      guarded<resolve_image>(self,
                             [](self_pointer me, const resolve_image& x) {
                               return to_reply(me->state.catalog.resolve(x.name, x.build));
                             }),
      guarded<order, progress_actor>(self, build),
      guarded<cancel>(self, cancel_build),
      [self](const describe_actor&) {
        return guarded_account_of(self, counted(self->state.builds.size(), "build"));
      },
  };
}

} // namespace banger::actors
