// What banger rpc tells without being asked each time: a part of the table in rpc_methods.hpp.
#include "cli/rpc_methods.hpp"
#include "cli/rpc_records.hpp"

namespace banger::cli::rpc {

namespace {

field stream_name() {
  return a_choice("stream", "", {"stdout", "stderr"});
}

std::vector<field> output_fields(std::vector<field> before) {
  before.push_back(stream_name());
  const auto& bytes = bytes_shape().fields;
  before.insert(before.end(), bytes.begin(), bytes.end());
  return before;
}

shape exec_end() {
  return answer_shape({}, {an_integer("exec", "that it is about"),
                           nullable(an_integer("exit_code",
                                               "null where a signal ended it, or its "
                                               "end is not known",
                                               INT32_MIN)),
                           nullable(an_integer("signal", "that ended it")),
                           nullable(a_record("error", "why its end is not known, or it never ran",
                                             failure_shape()))});
}

shape attach_end_shape() {
  return answer_shape(
      {}, {an_integer("attach", "that it is about"),
           a_choice("how",
                    "over: the session is, and all output was told; present: all that there was, "
                    "and `follows` was false; dropped: attach again at `offset`",
                    {"over", "present", "dropped"}),
           an_integer("offset", "behind the last byte that was told"),
           nullable(a_record("session", "null where it is not known", session_shape())),
           nullable(a_record("error", "why it was dropped", failure_shape()))});
}

} // namespace

const std::vector<telling>& tellings() {
  static const std::vector<telling> all{
      {"progress", "a request entered a stage",
       answer_shape({}, {a_field(kind::any, "request", "its id; null where it is not clear whose"),
                         a_text("operation", "create, start, stop, ..."),
                         a_text("subject", "name of the VM"), a_text("stage", "like \"booting\""),
                         nullable(a_text("detail", "")),
                         an_integer("elapsed_ms", "since the operation began")})},
      {"exec.output", "a streaming command wrote something",
       answer_shape({}, output_fields({an_integer("exec", "that it is about")}))},
      {"exec.ended", "a streaming command is over; the last about it", exec_end()},
      {"session.output", "of one attach, each begins where the one before, or the gap, ended",
       answer_shape({}, output_fields({an_integer("attach", "that it is about"),
                                       an_integer("offset", "of its first byte"),
                                       an_integer("size", "in bytes")}))},
      {"session.gap", "output that is lost",
       answer_shape({}, {an_integer("attach", "that it is about"), an_integer("from", "offset"),
                         an_integer("to", "offset behind it")})},
      {"session.notice", "something that a person wants to know",
       answer_shape({}, {an_integer("attach", "that it is about"), a_text("text", "")})},
      {"session.input_refused", "input was not taken, nor will more be",
       answer_shape({}, {an_integer("attach", "that it is about"),
                         a_record("error", "why", failure_shape())})},
      {"session.ended", "an attach is over; the last about it", attach_end_shape()},
      {"event", "something happened: after events.subscribe", event_shape()},
      {"events.missed", "events that are no longer kept",
       answer_shape({}, {an_integer("from", "sequence"), an_integer("to", "the last one")})},
      {"daemon.lost",
       "the daemon is gone: what was under way has failed, VMs and sessions go on, events have to "
       "be subscribed to again. The next request finds the daemon, or starts it",
       answer_shape({}, {a_record("error", "", failure_shape())})},
  };
  return all;
}

} // namespace banger::cli::rpc
