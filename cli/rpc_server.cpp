#include "cli/rpc_server.hpp"

#include "cli/rpc_values.hpp"

#include <utility>

namespace banger::cli::rpc {

namespace {

constexpr std::size_t most_requests = 1000;

std::string with_hint(const failure& why) {
  return to_string(why) + (why.hint.empty() ? "" : "; " + why.hint);
}

} // namespace

void server::take_line(const line& x) {
  if (x.is_too_long) {
    loop_.write(error_message(nullptr, invalid_request,
                              "the line is longer than " + std::to_string(longest_line) +
                                  " bytes and was not read"));
    return;
  }
  auto asked = parse_call(x.text, true);
  if (asked)
    dispatch(*asked);
  else
    loop_.write(error_message(asked.error().id, asked.error().code, asked.error().why));
}

void server::dispatch(const call& x) {
  const auto* known = find_method(x.method);
  if (known == nullptr) {
    const auto meant = shown(x.method) == x.method ? nearest_method(x.method) : std::string{};
    if (x.wants_answer)
      loop_.write(error_message(x.id, unknown_method,
                                "there is no method '" + shown(x.method) + "'" +
                                    (meant.empty() ? "" : "; did you mean '" + meant + "'?")));
    return;
  }
  auto ok = check(known->params, x.params);
  if (!ok && x.wants_answer)
    loop_.write(error_message(x.id, bad_params, x.method + ": " + with_hint(ok.error()),
                              failure_record(ok.error())));
  if (!ok)
    return;
  if (loop_.jobs().size() >= most_requests) {
    answer(x, fail(ec::busy, x.method, std::to_string(most_requests) + " requests are under way",
                   "wait until one is answered"));
    return;
  }
  if (const auto* simple = find_simple(x.method); simple != nullptr)
    ask_simply(x, *simple);
  else if (auto start = starter_of(x.method); start != nullptr)
    (this->*start)(x);
}

server::starter server::starter_of(const std::string& method) {
  static const std::map<std::string, starter> all{
      {"rpc.describe", &server::describe},         {"vm.exec", &server::run_command},
      {"exec.input", &server::write_command},      {"exec.signal", &server::signal_command},
      {"session.attach", &server::attach},         {"session.input", &server::write_session},
      {"session.resize", &server::resize_session}, {"session.detach", &server::detach},
      {"session.send", &server::send_session},
  };
  const auto found = all.find(method);
  return found == all.end() ? nullptr : found->second;
}

/// What goes to a notification is not told, good or bad.
void server::answer(const call& x, const result<record>& how) {
  if (!x.wants_answer)
    return;
  loop_.write(how ? result_message(x.id, *how) : failure_message(x.id, how.error()));
}

void server::ask_simply(const call& x, const simple_request& what) {
  auto link = loop_.link();
  if (!link)
    return answer(x, tl::make_unexpected(link.error()));
  auto number = what.send(**link, x.params);
  if (!number)
    return answer(x, tl::make_unexpected(number.error()));
  auto& asked = loop_.jobs().add(std::make_unique<question>(
      *number, [this, x, read = what.read](const result<client::incoming>& came) {
        answer(x, came ? read(*came) : result<record>{tl::make_unexpected(came.error())});
      }));
  if (const auto limit = limit_of(what); limit.count() > 0) {
    asked.deadline = client::clock::now() + limit;
    asked.ends_with_client = false;
  }
  asked.operation = what.operation;
  asked.subject = text_in(x.params, "ref", text_in(x.params, "name").c_str());
  asked.told = [this, id = x.id](const stage_entered& stage) {
    tell("progress", record_of(stage, id));
  };
}

void server::describe(const call& x) {
  answer(x, schema_document());
}

void server::take_event(const event_happened& x) {
  tell("event", record_of(x));
}

void server::take_missed(const events_missed& x) {
  tell("events.missed", {{"from", x.from}, {"to", x.to}});
}

void server::lost_daemon(const failure& why) {
  tell("daemon.lost", {{"error", failure_record(why)}});
}

// -- what commands and attaches share

void server::add_input(const call& x, input_queue& to) {
  auto bytes = bytes_in(x.params, "data");
  if (!bytes)
    return answer(x, tl::make_unexpected(bytes.error()));
  const auto was_ended = to.is_ended();
  const auto is_added =
      to.add(*bytes, flag_in(x.params, "end"), [this, x](const result<void>& done) {
        answer(x, done.map([] { return record::object(); }));
      });
  if (!is_added && was_ended)
    answer(x, fail(ec::wrong_state, x.method, "the input has ended"));
  else if (!is_added)
    answer(x, fail(ec::busy, x.method, "8 MiB of input wait already",
                   "send more once an earlier piece is answered"));
}

command* server::command_in(const call& x) {
  const auto number = number_in<std::uint64_t>(x.params, "exec");
  const auto found = commands_.find(number);
  if (found != commands_.end())
    return found->second;
  answer(x, fail(ec::not_found, x.method,
                 "no command " + std::to_string(number) + " streams here; it may have ended"));
  return nullptr;
}

attachment* server::attachment_in(const call& x) {
  const auto number = number_in<std::uint64_t>(x.params, "attach");
  const auto found = attachments_.find(number);
  if (found != attachments_.end())
    return found->second;
  answer(x, fail(ec::not_found, x.method,
                 "there is no attach " + std::to_string(number) + " here; it may have ended"));
  return nullptr;
}

void server::write_command(const call& x) {
  if (auto* to = command_in(x); to != nullptr)
    add_input(x, to->input());
}

void server::signal_command(const call& x) {
  auto* to = command_in(x);
  if (to == nullptr)
    return;
  auto signal = signal_in(x.params, "TERM");
  if (signal)
    to->signal(*signal);
  answer(x, signal.map([](auto) { return record::object(); }));
}

void server::write_session(const call& x) {
  if (auto* to = attachment_in(x); to != nullptr)
    add_input(x, to->input());
}

void server::resize_session(const call& x) {
  if (auto* to = attachment_in(x); to != nullptr) {
    to->resize(window_in(x.params));
    answer(x, record::object());
  }
}

} // namespace banger::cli::rpc
