#include "actors/client_questions.hpp"

#include "actors/tree_walk.hpp"
#include "host/capacity.hpp"

namespace banger::actors {

caf::result<daemon_status> describe_daemon(client_session_pointer self) {
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<daemon_status>();
  self->request(context.supervisor, context.deadlines.quick, count_vms{})
      .then(
          [self, reply](const vm_counts& counts) mutable {
            auto status = self->state.context->describe_daemon();
            status.vm_count = counts.all;
            status.running_count = counts.running;
            status.vcpus_running = counts.vcpus_running;
            status.memory_running_mib = counts.memory_running_mib;
            const auto here = host::look_at_capacity(status.database);
            status.cpu_count = here.cpu_count;
            status.memory_mib = here.memory_mib;
            status.memory_free_mib = here.memory_free_mib;
            status.disk_free_mib = here.disk_free_mib;
            status.reconciled = counts.reconciled;
            reply.deliver(std::move(status));
          },
          [reply](const caf::error& why) mutable {
            reply.deliver(translated(why, "ask the daemon"));
          });
  return reply;
}

caf::result<events_subscribed> subscribe_client(client_session_pointer self,
                                                const subscribe_events& x) {
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<events_subscribed>();
  self->request(context.events, context.deadlines.quick, x, event_sink_actor{self})
      .then([reply](const events_subscribed& at) mutable { reply.deliver(at); },
            [reply](const caf::error& why) mutable {
              reply.deliver(translated(why, "follow events"));
            });
  return reply;
}

caf::result<actor_tree> walk_tree(client_session_pointer self, const get_actor_tree& x) {
  constexpr core::milliseconds patience{1'000};
  auto walker = self->spawn(tree_walk, self->state.context->list_roots(), patience);
  return relay<actor_tree>(self, walker, x, self->state.context->deadlines.quick);
}

/// Deleting an image must not pull the disk from under a VM.
caf::result<image_info> remove_image(client_session_pointer self, const delete_image& x) {
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<image_info>();
  self->request(context.supervisor, context.deadlines.quick, get_used_images{})
      .then(
          [self, reply, x](const used_images& used) mutable {
            for (const auto& name : used.builds) {
              if (name != x.name)
                continue;
              reply.deliver(
                  to_error({ec::wrong_state, "delete image '" + x.name + "'", "VMs are on it",
                            "banger vm list shows them; delete them first"}));
              return;
            }
            const auto& below = *self->state.context;
            self->request(below.images, below.deadlines.remove_files, x)
                .then([reply](const image_info& gone) mutable { reply.deliver(gone); },
                      [reply](const caf::error& why) mutable {
                        reply.deliver(translated(why, "delete the image"));
                      });
          },
          [reply](const caf::error& why) mutable {
            reply.deliver(translated(why, "ask the daemon"));
          });
  return reply;
}

} // namespace banger::actors
