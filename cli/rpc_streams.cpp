// Commands and attaches of banger rpc: a part of rpc_server.hpp.
#include "cli/rpc_send.hpp"
#include "cli/rpc_server.hpp"
#include "cli/rpc_values.hpp"

#include <algorithm>
#include <utility>

namespace banger::cli::rpc {

namespace {

constexpr std::size_t kept_by_default = 1U << 20;

bool wants_base64(const record& params) {
  return text_in(params, "encoding") == "base64";
}

record bytes_fields(record before, const std::string& bytes, bool is_base64) {
  before.update(bytes_record(bytes, is_base64));
  return before;
}

/// One stream of a command whose output is collected: its beginning, and how much there was.
struct collected {
  std::string kept;
  std::uint64_t size = 0;

  void add(const std::string& bytes, std::size_t most) {
    size += bytes.size();
    kept.append(bytes, 0, most - std::min(most, kept.size()));
  }
  [[nodiscard]] record to_record(bool is_base64) const {
    auto all = bytes_record(kept, is_base64);
    all["size"] = size;
    all["is_truncated"] = size > kept.size();
    return all;
  }
};

record exit_code_of(const exec_end& how) {
  return how.signal == 0 && how.why.code == ec::none ? record(how.exit_code) : record(nullptr);
}

record error_of(const failure& why) {
  return why.code == ec::none ? record(nullptr) : failure_record(why);
}

const char* name_of(attach_end how) {
  switch (how) {
    case attach_end::over: return "over";
    case attach_end::present: return "present";
    case attach_end::dropped: break;
  }
  return "dropped";
}

} // namespace

exec_hooks server::collecting_hooks(const call& x) {
  auto streams = std::make_shared<std::pair<collected, collected>>();
  const auto most = number_in<std::size_t>(x.params, "max_bytes", kept_by_default);
  exec_hooks hooks;
  hooks.output = [streams, most](bool is_stderr, const std::string& bytes) {
    (is_stderr ? streams->second : streams->first).add(bytes, most);
  };
  hooks.ended = [this, x, streams](const exec_end& how) {
    if (how.why.code != ec::none)
      return answer(x, tl::make_unexpected(how.why));
    const auto is_base64 = wants_base64(x.params);
    answer(x, record{{"exit_code", exit_code_of(how)},
                     {"signal", number(how.signal)},
                     {"stdout", streams->first.to_record(is_base64)},
                     {"stderr", streams->second.to_record(is_base64)}});
  };
  return hooks;
}

exec_hooks server::streaming_hooks(const call& x, std::uint64_t number) {
  exec_hooks hooks;
  auto is_open = std::make_shared<bool>(false);
  hooks.opened = [this, x, number, is_open] {
    *is_open = true;
    answer(x, record{{"exec", number}});
  };
  hooks.output = [this, number, is_base64 = wants_base64(x.params)](bool is_stderr,
                                                                    const std::string& bytes) {
    tell("exec.output",
         bytes_fields({{"exec", number}, {"stream", is_stderr ? "stderr" : "stdout"}}, bytes,
                      is_base64));
  };
  hooks.ended = [this, x, number, is_open](const exec_end& how) {
    commands_.erase(number);
    if (!*is_open)
      return answer(x, tl::make_unexpected(how.why));
    tell("exec.ended", {{"exec", number},
                        {"exit_code", exit_code_of(how)},
                        {"signal", cli::number(how.signal)},
                        {"error", error_of(how.why)}});
  };
  return hooks;
}

void server::run_command(const call& x) {
  auto argv = texts_in(x.params, "argv");
  if (argv.empty())
    return answer(x, fail(ec::bad_request, x.method, "'argv' is empty"));
  auto input = bytes_in(x.params, "input", "input_encoding");
  if (!input)
    return answer(x, tl::make_unexpected(input.error()));
  auto link = loop_.link();
  if (!link)
    return answer(x, tl::make_unexpected(link.error()));
  const auto is_stream = flag_in(x.params, "stream");
  const auto number = ++last_number_;
  open_exec request{text_in(x.params, "ref"), std::move(argv), texts_in(x.params, "env"),
                    text_in(x.params, "cwd"), exec_channel::output_credit};
  auto& made = loop_.jobs().add(std::make_unique<command>(
      **link, request, is_stream ? streaming_hooks(x, number) : collecting_hooks(x)));
  if (is_stream)
    commands_[number] = &made;
  const auto is_whole = !is_stream || x.params.contains("input");
  if (is_whole && !made.input().add(*input, true, [](const auto&) {}))
    made.end(
        {ec::bad_request, x.method, "'input' is too long", "a file is copied by banger vm cp"});
}

attach_hooks server::hooks_of(const call& x, std::uint64_t number) {
  attach_hooks hooks;
  hooks.attached = [this, x, number](const session_attached& how) {
    answer(x,
           record{{"attach", number}, {"session", record_of(how.session)}, {"offset", how.offset}});
  };
  hooks.refused = [this, x, number](const failure& why) {
    attachments_.erase(number);
    answer(x, tl::make_unexpected(why));
  };
  hooks.output = [this, number, is_base64 = wants_base64(x.params)](const attach_output& out) {
    tell("session.output", bytes_fields({{"attach", number},
                                         {"offset", out.offset},
                                         {"size", out.bytes.size()},
                                         {"stream", out.is_stderr ? "stderr" : "stdout"}},
                                        out.bytes, is_base64));
  };
  hooks.gap = [this, number](const attach_gap& gap) {
    tell("session.gap", {{"attach", number}, {"from", gap.from}, {"to", gap.to}});
  };
  hooks.noticed = [this, number](const std::string& what) {
    tell("session.notice", {{"attach", number}, {"text", what}});
  };
  hooks.input_refused = [this, number](const failure& why) {
    tell("session.input_refused", {{"attach", number}, {"error", failure_record(why)}});
  };
  hooks.ended = [this, number](const attach_ended& how) {
    attachments_.erase(number);
    const auto is_known = !how.session.id.empty();
    tell("session.ended", {{"attach", number},
                           {"how", name_of(how.how)},
                           {"offset", how.offset},
                           {"session", is_known ? record_of(how.session) : record(nullptr)},
                           {"error", error_of(how.why)}});
  };
  return hooks;
}

void server::attach(const call& x) {
  auto link = loop_.link();
  if (!link)
    return answer(x, tl::make_unexpected(link.error()));
  const auto number = ++last_number_;
  attachments_[number] = &loop_.jobs().add(
      std::make_unique<attachment>(**link, attach_in(x.params), hooks_of(x, number)));
}

/// First what input there is goes its way.
void server::detach(const call& x) {
  auto* from = attachment_in(x);
  if (from == nullptr)
    return;
  const auto number = number_in<std::uint64_t>(x.params, "attach");
  from->input().after([this, x, from, number](const result<void>& sent) {
    if (!sent && attachments_.count(number) == 0)
      return answer(x, tl::make_unexpected(sent.error()));
    auto asked = loop_.ask(
        detach_session{from->number()}, operation_limit, [this, x, number](const auto& came) {
          auto gone = came ? client::decode<session_detached>(*came)
                           : result<session_detached>{tl::make_unexpected(came.error())};
          if (auto found = attachments_.find(number); found != attachments_.end()) {
            found->second->is_over = true;
            attachments_.erase(found);
          }
          answer(x, gone.map([](const auto& y) { return record{{"input_bytes", y.input_bytes}}; }));
        });
    if (!asked)
      answer(x, tl::make_unexpected(asked.error()));
  });
}

void server::send_session(const call& x) {
  auto bytes = bytes_in(x.params, "data");
  if (!bytes)
    return answer(x, tl::make_unexpected(bytes.error()));
  send_whole(loop_, text_in(x.params, "ref"), *bytes, flag_in(x.params, "end"),
             [this, x](const result<std::uint64_t>& sent) {
               answer(x, sent.map([](auto count) { return record{{"sent_bytes", count}}; }));
             });
}

} // namespace banger::cli::rpc
