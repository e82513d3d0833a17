#include "client/async_streams.hpp"
#include "client/hosts.hpp"
#include "client/launch.hpp"

#include <algorithm>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace banger::client {

namespace {

/// What others who are attached see us as.
std::string label() {
  return "libbanger, process " + std::to_string(::getpid());
}

} // namespace

async_client::async_client(std::unique_ptr<async_state> x) : state_(std::move(x)) {}
async_client::async_client(async_client&&) noexcept = default;
async_client& async_client::operator=(async_client&&) noexcept = default;
async_client::~async_client() = default;

result<async_client> async_client::connect(const connect_options& how) {
  auto here = host::resolve_paths(host::process_environment(), ::geteuid());
  if (!here)
    return tl::make_unexpected(here.error());
  auto where = choose_host(std::move(*here), how.host);
  if (!where)
    return tl::make_unexpected(where.error());
  auto link = connect_or_start(*where, {true, how.timeout});
  if (!link)
    return tl::make_unexpected(link.error());
  return async_client{std::make_unique<async_state>(std::move(*link))};
}

// -- the loop

int async_client::fd() const {
  return state_->link.fd();
}

bool async_client::wants_write() const {
  return state_->link.wants_write();
}

milliseconds async_client::patience() const {
  if (state_->link.has_received())
    return milliseconds{0}; // a handler threw before these
  const auto first = state_->first_deadline();
  if (first == clock::time_point::max())
    return forever;
  return std::max(std::chrono::ceil<milliseconds>(first - clock::now()), milliseconds{0});
}

result<void> async_client::process() {
  auto& all = *state_;
  incoming message;
  auto ok = all.link.pump();
  while (all.link.pop(message))
    all.take(message);
  if (ok) { // what it broke with is told once all that came before is popped
    ok = all.link.pump();
    while (all.link.pop(message))
      all.take(message);
  }
  all.fail_late(clock::now());
  if (!ok)
    all.fail_all(ok.error());
  return ok;
}

result<void> async_client::wait(milliseconds limit) {
  pollfd ready{fd(), static_cast<short>(POLLIN | (wants_write() ? POLLOUT : 0)), 0};
  const auto most = std::clamp(std::min(limit, patience()), milliseconds{0}, milliseconds{1 << 30});
  ::poll(&ready, 1, static_cast<int>(most.count())); // a signal ends it early, as time does
  return process();
}

bool async_client::is_idle() const {
  return state_->is_idle();
}

// -- requests

void async_client::on_stage(std::function<void(const stage_entered&)> handler) {
  state_->on_stage(std::move(handler));
}

void async_client::status(answer<daemon_status> then) {
  state_->ask(get_daemon_status{}, quick_limit, std::move(then));
}

void async_client::create(const vm_config& config, answer<vm_info> then) {
  state_->ask(create_vm{config}, operation_limit, std::move(then));
}

void async_client::start(const std::string& ref, answer<vm_info> then, std::uint64_t owner_token) {
  state_->ask(start_vm{ref, owner_token}, operation_limit, std::move(then));
}

void async_client::stop(const std::string& ref, answer<vm_info> then, std::uint32_t grace_ms) {
  state_->ask(stop_vm{ref, grace_ms}, operation_limit, std::move(then));
}

void async_client::kill(const std::string& ref, answer<vm_info> then) {
  state_->ask(kill_vm{ref}, operation_limit, std::move(then));
}

void async_client::remove(const std::string& ref, answer<vm_info> then, std::uint64_t owner_token) {
  state_->ask(delete_vm{ref, owner_token}, operation_limit, std::move(then));
}

void async_client::get(const std::string& ref, answer<vm_info> then) {
  state_->ask(get_vm{ref}, quick_limit, std::move(then));
}

void async_client::list(answer<vm_list> then) {
  state_->ask(list_vms{}, quick_limit, std::move(then));
}

void async_client::images(answer<image_list> then) {
  state_->ask(list_images{}, quick_limit, std::move(then));
}

void async_client::renew(const renew_owner& lease, answer<owner_lease> then) {
  state_->ask(lease, quick_limit, std::move(then));
}

void async_client::cancel_all(answer<done> then) {
  state_->ask(cancel_operations{}, operation_limit, std::move(then));
}

void async_client::start_session(const std::string& vm, const session_config& config,
                                 answer<session_info> then) {
  state_->ask(banger::start_session{vm, config}, operation_limit, std::move(then));
}

void async_client::get_session(const std::string& ref, answer<session_info> then) {
  state_->ask(banger::get_session{ref}, quick_limit, std::move(then));
}

void async_client::sessions(const std::string& vm, answer<session_list> then) {
  state_->ask(list_sessions{vm}, quick_limit, std::move(then));
}

void async_client::stop_session(const std::string& ref, std::uint32_t grace_ms,
                                answer<session_info> then) {
  state_->ask(banger::stop_session{ref, grace_ms}, operation_limit, std::move(then));
}

void async_client::delete_session(const std::string& ref, answer<session_info> then) {
  state_->ask(banger::delete_session{ref, false}, operation_limit, std::move(then));
}

// -- commands and attaches

namespace {

/// Nobody waits any more for what has been opened. A command goes on until the client ends.
void let_go(async_state&, const exec_opened&) {}

void let_go(async_state& all, const session_attached& x) {
  all.ask<session_detached>(detach_session{x.attach}, quick_limit, {});
}

/// Sends the request that opens a stream; its answer goes to it.
template <class Stream, class Opened, class Request>
stream_id open_stream(async_state& all, const Request& request, std::shared_ptr<Stream> made) {
  std::weak_ptr<Stream> x = made;
  const auto number =
      all.ask<Opened>(request, operation_limit, [x, &all](const result<Opened>& opened) {
        const auto still = x.lock(); // nobody forgot it
        if (still && opened)
          still->opened(*opened);
        else if (still)
          still->fail(opened.error());
        else if (opened)
          let_go(all, *opened);
      });
  return all.open(number, std::move(made));
}

stream_id open_attach(async_state& all, attach_session request, attach_handlers handlers,
                      answer<attach_outcome> then) {
  request.client = label();
  return open_stream<attach_stream, session_attached>(
      all, request,
      std::make_shared<attach_stream>(all, request, std::move(handlers), std::move(then)));
}

} // namespace

stream_id async_client::run(const std::string& ref, const std::vector<std::string>& argv,
                            const command_options& how, command_handlers handlers,
                            more_input more) {
  auto made = std::make_shared<command_stream>(*state_, std::move(handlers));
  made->input.add(how.input);
  if (more == more_input::no)
    made->input.end();
  return open_stream<command_stream, exec_opened>(
      *state_, open_exec{ref, argv, how.env, how.cwd, output_credit}, std::move(made));
}

stream_id async_client::attach(const std::string& ref, std::uint64_t offset,
                               attach_handlers handlers, answer<attach_outcome> then,
                               attach_role role) {
  attach_session request;
  request.ref = ref;
  request.role = role;
  request.from = offset;
  request.credit = output_credit;
  return open_attach(*state_, request, std::move(handlers), std::move(then));
}

void async_client::detach(stream_id attach) {
  if (const auto x = std::dynamic_pointer_cast<attach_stream>(state_->find(attach)))
    x->leave();
}

void async_client::send_input(stream_id to, std::string_view bytes) {
  if (const auto x = state_->find(to)) {
    x->input.add(bytes);
    x->feed();
  }
}

std::size_t async_client::unsent_input(stream_id of) const {
  const auto x = state_->find(of);
  return x ? x->input.unsent() : 0;
}

void async_client::end_input(stream_id of) {
  if (const auto x = state_->find(of)) {
    x->input.end();
    x->feed();
  }
}

void async_client::signal(stream_id command, int number) {
  if (const auto x = std::dynamic_pointer_cast<command_stream>(state_->find(command)))
    x->signal(number);
}

void async_client::hold(stream_id x) {
  if (const auto found = state_->find(x))
    found->hold();
}

void async_client::go_on(stream_id x) {
  if (const auto found = state_->find(x))
    found->go_on();
}

void async_client::forget(stream_id x) {
  state_->forget(x);
}

void async_client::send_input(const std::string& session, const std::string& bytes,
                              answer<void> then) {
  attach_session request;
  request.ref = session;
  request.role = attach_role::sender;
  const auto id =
      open_attach(*state_, request, {}, [then = std::move(then)](const result<attach_outcome>& x) {
        if (then)
          then(x ? result<void>{} : tl::make_unexpected(x.error()));
      });
  send_input(id, bytes);
  detach(id);
}

// -- events

void async_client::follow(subscribe_events from, event_handlers handlers) {
  state_->follow(from, std::move(handlers));
}

void async_client::unfollow() {
  state_->unfollow();
}

} // namespace banger::client
