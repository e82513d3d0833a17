// Samples of what is said about guest sessions; a part of wire_samples.hpp.
#pragma once

#include "protocol/sessions.hpp"
#include "tests/golden/sample.hpp"

#include <string>

namespace banger::test {

template <>
inline window_size sample() {
  return {24, 0x0150};
}

template <>
inline session_config sample() {
  return {"make-1",
          {"sh", "-c", "", "a b\xff"},
          {"A=1", "B="},
          "/src",
          session_input_kind::pty,
          sample<window_size>(),
          window_policy::newest,
          {"by=me"},
          {"make", "gcc"},
          0x1122334455667788};
}

template <>
inline session_info sample() {
  return {"0123456789ab",
          "box",
          sample<session_config>(),
          session_state::lost,
          1'700'000'000'001,
          1'700'000'000'002,
          1'700'000'000'003,
          -1,
          9,
          "it broke",
          "exec",
          0x8877665544332211,
          3};
}

template <>
inline session_list sample() {
  return {{sample<session_info>(), session_info{}}};
}

template <>
inline start_session sample() {
  return {"box", sample<session_config>()};
}

template <>
inline list_sessions sample() {
  return {"box"};
}

template <>
inline get_session sample() {
  return {"box/make-1"};
}

template <>
inline wait_session sample() {
  return {"box/make-1", 60'000};
}

template <>
inline stop_session sample() {
  return {"box/make-1", 10'000};
}

template <>
inline signal_session sample() {
  return {"box/make-1", 15};
}

template <>
inline delete_session sample() {
  return {"box/make-1", true};
}

template <>
inline attach_session sample() {
  return {"box/make-1",
          attach_role::sender,
          true,
          output_origin::since_ms,
          1'700'000'000'000,
          false,
          0x0102030405060708,
          sample<window_size>(),
          "user, process 4711"};
}

template <>
inline session_attached sample() {
  return {7, sample<session_info>(), 0x1122334455667788, 262'144};
}

template <>
inline detach_session sample() {
  return {7};
}

template <>
inline session_detached sample() {
  return {0x1122334455667788};
}

template <>
inline list_attaches sample() {
  return {"box/make-1"};
}

template <>
inline attach_info sample() {
  return {"user, process 4711", attach_role::exclusive, 1'700'000'000'001, 1000, 24, 5,
          sample<window_size>()};
}

template <>
inline attach_list sample() {
  return {sample<session_info>(), {sample<attach_info>(), attach_info{}}};
}

template <>
inline attach_input sample() {
  return {7, std::string(300, '\xff') + '\0'};
}

template <>
inline attach_input_ended sample() {
  return {7};
}

template <>
inline attach_credit sample() {
  return {7, 0x0102030405060708};
}

template <>
inline attach_resized sample() {
  return {7, sample<window_size>()};
}

template <>
inline attach_output sample() {
  return {7, 0x1122334455667788, true, std::string(127, 'x')};
}

template <>
inline attach_gap sample() {
  return {7, 10, 0x1122334455667788};
}

template <>
inline attach_input_wanted sample() {
  return {7, 4096};
}

template <>
inline attach_input_refused sample() {
  return {7, {ec::wrong_state, "send input", "it is over", "look at it", "op-7"}};
}

template <>
inline attach_noticed sample() {
  return {7, "it is back"};
}

template <>
inline attach_ended sample() {
  return {7,
          attach_end::dropped,
          sample<session_info>(),
          0x1122334455667788,
          {ec::link_lost, "attach", "it broke", "attach again", "op-7"}};
}

} // namespace banger::test
