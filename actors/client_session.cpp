#include "actors/client_session.hpp"

#include "actors/account.hpp"
#include "actors/client_attach.hpp"
#include "actors/client_questions.hpp"
#include "actors/operation.hpp"
#include "host/random.hpp"
#include "protocol/caf_error.hpp"
#include "protocol/version.hpp"

#include <unistd.h>

namespace banger::actors {

namespace {

using self_pointer = client_session_pointer;

constexpr std::uint32_t default_exec_input_credit = 1U << 20;

// -- operations
// ----------------------------------------------------------------------------------------

operation_actor new_operation(self_pointer self) {
  auto& state = self->state;
  const auto& context = *state.context;
  auto worker =
      self->spawn<caf::monitored>(operation, host::random_hex(4), context.supervisor,
                                  context.images, progress_actor{self}, context.deadlines);
  state.operations.emplace(caf::actor_cast<caf::actor_addr>(worker), worker);
  return worker;
}

/// Runs one order as an operation. `on_reply` sees the reply before the client does.
template <class Reply, class Request, class OnReply>
void operate_for(self_pointer self, caf::typed_response_promise<Reply> reply,
                 const Request& request, OnReply on_reply) {
  // The operation has the deadline; this one only covers its own end.
  auto limit = self->state.context->deadlines.build + 2 * core::deadlines::margin;
  self->request(new_operation(self), limit, perform{}, request)
      .then(
          [self, reply, on_reply](const Reply& x) mutable {
            on_reply(x);
            reply.deliver(x);
          },
          [reply](const caf::error& why) mutable { reply.deliver(translated(why, "do it")); });
}

template <class Reply, class Request, class OnReply>
caf::result<Reply> operate(self_pointer self, const Request& request, OnReply on_reply) {
  auto reply = self->template make_response_promise<Reply>();
  operate_for(self, reply, request, on_reply);
  return reply;
}

order make_order(order_kind kind, const std::string& ref, std::uint32_t grace_ms = 0) {
  order what;
  what.kind = kind;
  what.subject = ref;
  what.grace_ms = grace_ms;
  return what;
}

caf::result<vm_info> run_order(self_pointer self, const order& what) {
  return operate<vm_info>(self, what, [](const vm_info&) {});
}

/// Runs an order that is fine only while its VM's owner has a lease.
template <class OnReply>
void operate_if_owned(self_pointer self, caf::typed_response_promise<vm_info> reply,
                      const check_owner& owner, const order& what, OnReply on_reply) {
  const auto& context = *self->state.context;
  self->request(context.owners, context.deadlines.quick, owner)
      .then(
          [self, reply, what, on_reply](const done&) { operate_for(self, reply, what, on_reply); },
          [reply](const caf::error& why) mutable { reply.deliver(translated(why, "run a VM")); });
}

/// Of a VM that is there: what its owner must not be asked for where it has none.
template <class OnReply>
caf::result<vm_info> operate_for_owner(self_pointer self, const order& what, check_owner owner,
                                       OnReply on_reply) {
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<vm_info>();
  self->request(context.supervisor, context.deadlines.quick, get_vm{what.subject})
      .then(
          [self, reply, what, owner, on_reply](const vm_info& vm) mutable {
            owner.owner = vm.owner;
            if (!vm.owner.empty())
              operate_if_owned(self, reply, owner, what, on_reply);
            else if (!owner.has_token)
              operate_for(self, reply, what, on_reply);
            else
              reply.deliver(to_error({ec::wrong_state, "act for the owner of '" + vm.name + "'",
                                      "it has none", "leave the token out"}));
          },
          [reply](const caf::error& why) mutable { reply.deliver(translated(why, "find a VM")); });
  return reply;
}

/// The daemon would end it within seconds where its owner has no lease: better to say so.
caf::result<vm_info> run_start(self_pointer self, const order& what, std::uint64_t token) {
  return operate_for_owner(self, what, {{}, true, token != 0, token}, [](const vm_info&) {});
}

caf::result<vm_info> create(self_pointer self, const create_vm& x) {
  auto what = make_order(order_kind::create, x.config.name);
  what.config = x.config;
  auto note = [self](const vm_info& made) {
    if (made.is_ephemeral)
      self->state.ephemeral.insert(made.id);
  };
  if (x.config.owner.empty())
    return operate<vm_info>(self, what, note);
  if (x.config.owner_token > INT64_MAX)
    return to_error({ec::bad_request, "make a VM", "the token has more than 63 bits", {}});
  auto reply = self->make_response_promise<vm_info>();
  operate_if_owned(self, reply, {x.config.owner, true, true, x.config.owner_token}, what, note);
  return reply;
}

caf::result<vm_info> remove(self_pointer self, const delete_vm& x) {
  const auto what = make_order(order_kind::remove, x.ref);
  auto note = [self](const vm_info& gone) { self->state.ephemeral.erase(gone.id); };
  if (x.owner_token == 0)
    return operate<vm_info>(self, what, note);
  return operate_for_owner(self, what, {{}, false, true, x.owner_token}, note);
}

void cancel_all(self_pointer self) {
  for (const auto& [address, worker] : self->state.operations)
    self->send(worker, cancel{});
}

caf::result<done> cancel_operations_of(self_pointer self) {
  auto& state = self->state;
  if (state.operations.empty())
    return done{};
  cancel_all(self);
  auto reply = self->make_response_promise<done>();
  state.cancelling.push_back(reply);
  return reply;
}

// -- questions
// -----------------------------------------------------------------------------------------

template <class Reply, class Request>
caf::result<Reply> ask_vms(self_pointer self, const Request& request) {
  const auto& context = *self->state.context;
  return relay<Reply>(self, context.supervisor, request, context.deadlines.quick);
}

/// What reads or writes a file, or connects to a guest to see its key.
template <class Reply, class Request>
caf::result<Reply> ask_slowly(self_pointer self, const Request& request) {
  const auto& context = *self->state.context;
  return relay<Reply>(self, context.supervisor, request, context.deadlines.storage);
}

template <class Reply, class Request>
caf::result<Reply> ask_images(self_pointer self, const Request& request) {
  const auto& context = *self->state.context;
  return relay<Reply>(self, context.images, request, context.deadlines.storage);
}

caf::result<vm_info> wait(self_pointer self, const wait_vm& x) {
  constexpr core::milliseconds longest{3'600'000};
  auto limit = x.timeout_ms != 0 ? core::milliseconds{x.timeout_ms} : longest;
  return relay<vm_info>(self, self->state.context->supervisor, x, limit + core::deadlines::margin);
}

/// What is answered when a guest's command began, or ended. @param asked_ms  the client's own limit
template <class Request>
caf::result<session_info> ask_session(self_pointer self, const Request& request,
                                      std::uint32_t asked_ms = 0) {
  const auto& context = *self->state.context;
  return relay<session_info>(self, context.supervisor, request,
                             core::milliseconds{asked_ms} + context.deadlines.session);
}

caf::result<done> begin_stop(self_pointer self) {
  const auto& stop = self->state.context->stop_daemon;
  if (!stop)
    return to_error({ec::wrong_state, "stop the daemon", "it is a part of another program",
                     "end that program, process " + std::to_string(::getpid())});
  stop();
  return done{};
}

actor_account describe_self(self_pointer self) {
  const auto& state = self->state;
  auto account = account_of(self, counted(state.operations.size(), "operation") + ", " +
                                      counted(state.execs.size(), "command"));
  for (const auto& [address, worker] : state.operations)
    account.children.push_back({"operation", worker, 0, {}});
  for (const auto& [number, command] : state.execs)
    account.children.push_back({"exec " + std::to_string(number), command, 0, {}});
  return account;
}

// -- commands
// ------------------------------------------------------------------------------------------

caf::result<exec_opened> open(self_pointer self, const open_exec& x) {
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<exec_opened>();
  if (x.argv.empty()) {
    reply.deliver(to_error({ec::bad_request, "run a command", "there is none", {}}));
    return reply;
  }
  self->request(context.supervisor, context.deadlines.quick, get_guest_way{x.ref})
      .then(
          [self, reply, x](const guest_way_actor& way) mutable {
            auto& state = self->state;
            auto number = ++state.last_exec;
            exec_spec spec{number, x, default_exec_input_credit, way, self};
            auto command = state.context->make_exec(spec);
            self->monitor(command);
            state.execs.emplace(number, command);
            state.opening.emplace(number, reply);
          },
          [reply](const caf::error& why) mutable {
            reply.deliver(translated(why, "run a command"));
          });
  return reply;
}

template <class Message>
void pass_to_exec(self_pointer self, const Message& x) {
  auto found = self->state.execs.find(x.exec);
  if (found !=
      self->state.execs.end()) // else it has just ended: nothing is lost that could be kept
    self->send(found->second, x);
}

void exec_runs(self_pointer self, const exec_started& x) {
  auto found = self->state.opening.find(x.exec);
  if (found == self->state.opening.end())
    return;
  auto reply = found->second;
  self->state.opening.erase(found);
  reply.deliver(exec_opened{x.exec, default_exec_input_credit});
}

void exec_over(self_pointer self, const exec_ended& x) {
  auto& state = self->state;
  state.execs.erase(x.exec);
  auto found = state.opening.find(x.exec);
  if (found == state.opening.end()) {
    self->send(state.client, x);
    return;
  }
  auto reply = found->second;
  state.opening.erase(found);
  reply.deliver(to_error(x.why));
}

// -- the end
// -------------------------------------------------------------------------------------------

/// Deletes what was to live no longer than the client, and ends.
void leave(self_pointer self) {
  const auto& context = *self->state.context;
  for (const auto& id : self->state.ephemeral) {
    auto what = make_order(order_kind::remove, id);
    what.op = host::random_hex(4);
    self->request(context.supervisor, context.deadlines.remove(), what, progress_actor{})
        .then([](const vm_info&) {}, [](const caf::error&) {}); // nobody is left to hear the answer
  }
  self->quit();
}

/// A create that is under way may still succeed: what it made must be deleted too, so wait for it.
void client_gone(self_pointer self) {
  auto& state = self->state;
  state.is_leaving = true;
  cancel_all(self);
  for (const auto& [number, command] : state.execs)
    self->send(command, close_exec{});
  if (state.operations.empty())
    leave(self);
}

void child_down(self_pointer self, const caf::down_msg& down) {
  auto& state = self->state;
  if (state.client == down.source) {
    client_gone(self);
    return;
  }
  state.operations.erase(down.source);
  if (state.operations.empty()) {
    for (auto& reply : state.cancelling)
      reply.deliver(done{});
    state.cancelling.clear();
    if (state.is_leaving) {
      leave(self);
      return;
    }
  }
  for (const auto& [number, command] : state.execs) {
    if (command != down.source)
      continue;
    exec_over(self,
              {number, 0, 0, {ec::failed, "run a command", "its part of the daemon ended", {}}});
    return;
  }
}

} // namespace

client_session_actor::behavior_type client_session(self_pointer self,
                                                   std::shared_ptr<const session_context> context,
                                                   client_actor client) {
  self->state.context = std::move(context);
  self->state.client = std::move(client);
  self->monitor(self->state.client);
  self->set_down_handler([self](const caf::down_msg& down) { child_down(self, down); });
  self->set_default_handler(caf::drop); // answers to what was sent without waiting for one
  return {
      [self](const stage_entered& x) { self->send(self->state.client, x); },
      [self](const hello& x) {
        return welcome{protocol_version, std::string{program_version}, ::getpid(),
                       x.features & known_features, self->state.context->host_id};
      },
      [self](const cancel_operations&) { return cancel_operations_of(self); },
      [self](const get_daemon_status&) { return describe_daemon(self); },
      [self](const get_actor_tree& x) { return walk_tree(self, x); },
      [self](const get_vm_history& x) { return ask_slowly<vm_history>(self, x); },
      [self](const stop_daemon&) { return begin_stop(self); },
      [self](const subscribe_events& x) { return subscribe_client(self, x); },
      [self](const event_credit& x) {
        self->send(self->state.context->events, x, event_sink_actor{self});
      },
      [self](const renew_owner& x) {
        const auto& parts = *self->state.context;
        return relay<owner_lease>(self, parts.owners, x, parts.deadlines.storage);
      },
      [self](const create_vm& x) { return create(self, x); },
      [self](const start_vm& x) {
        return run_start(self, make_order(order_kind::start, x.ref), x.owner_token);
      },
      [self](const stop_vm& x) {
        return run_order(self, make_order(order_kind::stop, x.ref, x.grace_ms));
      },
      [self](const restart_vm& x) {
        return run_start(self, make_order(order_kind::restart, x.ref, x.grace_ms), x.owner_token);
      },
      [self](const kill_vm& x) { return run_order(self, make_order(order_kind::kill, x.ref)); },
      [self](const delete_vm& x) { return remove(self, x); },
      [self](const set_vm& x) { return run_order(self, to_order(x)); },
      [self](const get_vm& x) { return ask_vms<vm_info>(self, x); },
      [self](const get_vm_stats& x) { return ask_slowly<vm_stats>(self, x); },
      [self](const list_vms& x) { return ask_vms<vm_list>(self, x); },
      [self](const wait_vm& x) { return wait(self, x); },
      [self](const get_ssh_target& x) { return ask_vms<ssh_target>(self, x); },
      [self](const read_console& x) { return ask_vms<console_chunk>(self, x); },
      [self](const list_host_keys& x) { return ask_slowly<host_key_list>(self, x); },
      [self](const get_host_key& x) { return ask_slowly<host_key_info>(self, x); },
      [self](const accept_host_key& x) { return ask_slowly<host_key_info>(self, x); },
      [self](const forget_host_key& x) { return ask_slowly<host_key_info>(self, x); },
      [self](const check_guest_key& x) { return ask_slowly<done>(self, x); },
      [self](const open_exec& x) { return open(self, x); },
      [self](const exec_input& x) { pass_to_exec(self, x); },
      [self](const exec_input_ended& x) { pass_to_exec(self, x); },
      [self](const exec_signal& x) { pass_to_exec(self, x); },
      [self](const exec_credit& x) { pass_to_exec(self, x); },
      [self](const start_session& x) { return ask_session(self, x); },
      [self](const list_sessions& x) { return ask_vms<session_list>(self, x); },
      [self](const get_session& x) { return ask_vms<session_info>(self, x); },
      [self](const wait_session& x) {
        return ask_session(self, x, x.timeout_ms != 0 ? x.timeout_ms : UINT32_MAX);
      },
      [self](const stop_session& x) { return ask_session(self, x, x.grace_ms); },
      [self](const signal_session& x) { return ask_vms<session_info>(self, x); },
      [self](const delete_session& x) { return ask_session(self, x); },
      [self](const list_attaches& x) { return ask_vms<attach_list>(self, x); },
      [self](const attach_session& x) { return attach_client(self, x); },
      [self](const detach_session& x) { return detach_client(self, x); },
      [self](const attach_input& x) { pass_to_host(self, x); },
      [self](const attach_input_ended& x) { pass_to_host(self, x); },
      [self](const attach_credit& x) { pass_to_host(self, x); },
      [self](const attach_resized& x) { pass_to_host(self, x); },
      [self](const list_images& x) { return ask_images<image_list>(self, x); },
      [self](const get_image& x) { return ask_images<image_info>(self, x); },
      [self](const build_image& x) {
        return operate<image_info>(self, x, [](const image_info&) {});
      },
      [self](const delete_image& x) { return remove_image(self, x); },
      [self](const describe_actor&) { return describe_self(self); },
      [self](const event_happened& x) { self->send(self->state.client, x); },
      [self](const events_missed& x) { self->send(self->state.client, x); },
      [self](const exec_started& x) { exec_runs(self, x); },
      [self](const exec_output& x) { self->send(self->state.client, x); },
      [self](const exec_input_wanted& x) { self->send(self->state.client, x); },
      [self](const exec_ended& x) { exec_over(self, x); },
  };
}

} // namespace banger::actors
