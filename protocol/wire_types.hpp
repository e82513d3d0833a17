// The list of types that may cross the socket, once: CAF's type ids, the firewall's allow-list and
// the light client's names are all made from it. Order is free; names are what travels.
#pragma once

#include "protocol/attach.hpp"
#include "protocol/diagnosis.hpp"
#include "protocol/requests.hpp"
#include "protocol/resources.hpp"
#include "protocol/sessions.hpp"

#include <array>
#include <string_view>

// What a client may send.
#define BANGER_CLIENT_TYPES(X)                                                                     \
  X(hello)                                                                                         \
  X(cancel_operations)                                                                             \
  X(get_daemon_status)                                                                             \
  X(get_actor_tree)                                                                                \
  X(stop_daemon)                                                                                   \
  X(subscribe_events)                                                                              \
  X(event_credit)                                                                                  \
  X(renew_owner)                                                                                   \
  X(create_vm)                                                                                     \
  X(start_vm)                                                                                      \
  X(stop_vm)                                                                                       \
  X(restart_vm)                                                                                    \
  X(kill_vm)                                                                                       \
  X(delete_vm)                                                                                     \
  X(set_vm)                                                                                        \
  X(get_vm)                                                                                        \
  X(list_vms)                                                                                      \
  X(get_vm_history)                                                                                \
  X(get_vm_stats)                                                                                  \
  X(wait_vm)                                                                                       \
  X(get_ssh_target)                                                                                \
  X(read_console)                                                                                  \
  X(list_host_keys)                                                                                \
  X(get_host_key)                                                                                  \
  X(accept_host_key)                                                                               \
  X(forget_host_key)                                                                               \
  X(check_guest_key)                                                                               \
  X(open_exec)                                                                                     \
  X(exec_input)                                                                                    \
  X(exec_input_ended)                                                                              \
  X(exec_signal)                                                                                   \
  X(exec_credit)                                                                                   \
  X(start_session)                                                                                 \
  X(list_sessions)                                                                                 \
  X(get_session)                                                                                   \
  X(wait_session)                                                                                  \
  X(stop_session)                                                                                  \
  X(signal_session)                                                                                \
  X(delete_session)                                                                                \
  X(list_attaches)                                                                                 \
  X(attach_session)                                                                                \
  X(detach_session)                                                                                \
  X(attach_input)                                                                                  \
  X(attach_input_ended)                                                                            \
  X(attach_credit)                                                                                 \
  X(attach_resized)                                                                                \
  X(list_images)                                                                                   \
  X(get_image)                                                                                     \
  X(build_image)                                                                                   \
  X(delete_image)

// What the daemon may send, beside an error.
#define BANGER_DAEMON_TYPES(X)                                                                     \
  X(welcome)                                                                                       \
  X(done)                                                                                          \
  X(stage_entered)                                                                                 \
  X(daemon_status)                                                                                 \
  X(event_happened)                                                                                \
  X(events_subscribed)                                                                             \
  X(events_missed)                                                                                 \
  X(owner_lease)                                                                                   \
  X(vm_info)                                                                                       \
  X(vm_list)                                                                                       \
  X(vm_history)                                                                                    \
  X(vm_stats)                                                                                      \
  X(actor_tree)                                                                                    \
  X(ssh_target)                                                                                    \
  X(console_chunk)                                                                                 \
  X(host_key_info)                                                                                 \
  X(host_key_list)                                                                                 \
  X(exec_opened)                                                                                   \
  X(exec_output)                                                                                   \
  X(exec_input_wanted)                                                                             \
  X(exec_ended)                                                                                    \
  X(session_info)                                                                                  \
  X(session_list)                                                                                  \
  X(session_attached)                                                                              \
  X(session_detached)                                                                              \
  X(attach_list)                                                                                   \
  X(attach_output)                                                                                 \
  X(attach_gap)                                                                                    \
  X(attach_input_wanted)                                                                           \
  X(attach_input_refused)                                                                          \
  X(attach_noticed)                                                                                \
  X(attach_ended)                                                                                  \
  X(image_info)                                                                                    \
  X(image_list)                                                                                    \
  X(failure)

namespace banger {

/// A type's name on the wire, e.g. wire_name<vm_info> is "banger::vm_info".
template <class T>
inline constexpr std::string_view wire_name = {};

#define BANGER_WIRE_NAME(type)                                                                     \
  template <>                                                                                      \
  inline constexpr std::string_view wire_name<type> = "banger::" #type;
BANGER_CLIENT_TYPES(BANGER_WIRE_NAME)
BANGER_DAEMON_TYPES(BANGER_WIRE_NAME)
#undef BANGER_WIRE_NAME

#define BANGER_NAME_ITEM(type) wire_name<type>,
/// The names a daemon lets through from a client.
inline constexpr std::array client_type_names{BANGER_CLIENT_TYPES(BANGER_NAME_ITEM)};
/// The names a client lets through from a daemon.
inline constexpr std::array daemon_type_names{BANGER_DAEMON_TYPES(BANGER_NAME_ITEM)};
#undef BANGER_NAME_ITEM

} // namespace banger
