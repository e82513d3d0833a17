// The interface of every actor, in one place. Read this file to know who may say what to whom.
// Requests go down (client_session -> supervisor -> vm -> {machine, guest_link, store, ...}),
// events go up.
#pragma once

#include "protocol/event_orders.hpp"
#include "protocol/firecracker_orders.hpp"
#include "protocol/host_key_orders.hpp"
#include "protocol/orders.hpp"
#include "protocol/requests.hpp"
#include "protocol/resource_orders.hpp"
#include "protocol/session_orders.hpp"
#include "protocol/wire_types.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

namespace banger {

/// Request: what are you at? Reply: actor_account. From `banger daemon tree`.
struct describe_actor {};

template <class Inspector>
auto inspect(Inspector& f, describe_actor&) {
  return f();
}

struct actor_account;

/// Whoever can be asked what it is at: every actor that lives for more than a moment.
using describes_itself = caf::replies_to<describe_actor>::with<actor_account>;
using described_actor = caf::typed_actor<describes_itself>;

/// An actor as the one above it knows it.
struct actor_child {
  std::string name;
  described_actor handle; ///< none: it was given up
  std::uint32_t restarts = 0;
  std::string last_error;
};

template <class Inspector>
auto inspect(Inspector& f, actor_child& x) {
  return f(x.name, x.handle, x.restarts, x.last_error);
}

/// What an actor says of itself.
struct actor_account {
  std::string state;
  std::uint32_t mailbox = 0; ///< messages that wait
  std::uint32_t restarts = 0;
  std::string last_error;
  std::vector<actor_child> children;
};

template <class Inspector>
auto inspect(Inspector& f, actor_account& x) {
  return f(x.state, x.mailbox, x.restarts, x.last_error, x.children);
}

/// TREE_WALK: one walk through all actors. Scheduled; ends with the answer.
using tree_walk_actor = caf::typed_actor<caf::replies_to<get_actor_tree>::with<actor_tree>>;

/// Whoever hears of events that are on disk.
using event_listener_actor = caf::typed_actor<caf::reacts_to<events_saved>>;

/// STORE: the SQLite connection. Detached, private: never published, never sees a remote handle.
using store_actor = caf::typed_actor<
    caf::replies_to<save_vm>::with<done>, //
    caf::replies_to<load_vm>::with<vm_record>, caf::replies_to<forget_vm>::with<done>,
    caf::replies_to<load_transitions>::with<vm_transitions>,
    caf::replies_to<save_session>::with<done>, caf::replies_to<forget_session>::with<done>,
    caf::replies_to<load_sessions>::with<session_records>,
    caf::replies_to<load_events>::with<event_page>, caf::replies_to<save_owner>::with<done>,
    caf::reacts_to<publish_event>, ///< becomes an event of its own
    caf::reacts_to<report_events, event_listener_actor>, describes_itself,
    // INTERNAL: its own clock.
    caf::reacts_to<commit_writes>>;

/// LEASES: guest addresses and start slots. Scheduled.
using leases_actor =
    caf::typed_actor<caf::replies_to<reserve_address>::with<address_lease>,
                     caf::reacts_to<address_taken>, //
                     caf::reacts_to<address_freed>, caf::replies_to<acquire_start_slot>::with<done>,
                     caf::reacts_to<release_start_slot>, describes_itself>;

/// Whoever subscribed to events.
using event_sink_actor =
    caf::typed_actor<caf::reacts_to<event_happened>, caf::reacts_to<events_missed>>;

/// EVENTS: the event stream and its subscribers, each with a place in it and credit. Scheduled.
using events_actor = event_listener_actor::extend<
    caf::reacts_to<publish_event>,
    caf::replies_to<subscribe_events, event_sink_actor>::with<events_subscribed>,
    caf::reacts_to<event_credit, event_sink_actor>, describes_itself>;

/// OWNERS: who elsewhere has VMs here, until when; ends the VMs of whoever does not renew.
/// Scheduled.
using owners_actor = caf::typed_actor<caf::replies_to<renew_owner>::with<owner_lease>,
                                      caf::replies_to<check_owner>::with<done>, describes_itself,
                                      // INTERNAL: its own clock.
                                      caf::reacts_to<step_due>>;

/// VM_FILES: blocking work on one VM's folder. Detached, lives as long as the operation that needs
/// it.
using vm_files_actor = caf::typed_actor<
    caf::replies_to<make_vm_files>::with<vm_files_made>,
    caf::replies_to<write_boot_files>::with<done>, caf::replies_to<write_handles>::with<done>,
    caf::replies_to<remove_vm_files>::with<done>, caf::replies_to<cap_console>::with<done>,
    caf::replies_to<read_log>::with<console_chunk>, caf::replies_to<look_at_past>::with<vm_past>,
    caf::replies_to<measure_vm>::with<vm_usage>, caf::replies_to<grow_disk>::with<done>,
    caf::replies_to<look_at_root_disk>::with<root_disk_health>,
    caf::replies_to<switch_nat>::with<done>>;

/// Whoever watches file descriptors.
using fd_watcher_actor = caf::typed_actor<caf::reacts_to<fd_ready>>;

/// KNOWN_HOSTS: the daemon's sole writer of its known_hosts file. Detached: it syncs to disk.
using known_hosts_actor = fd_watcher_actor::extend<
    caf::replies_to<get_host_key_algorithms>::with<host_key_algorithms>,
    caf::replies_to<check_host_key>::with<done>, caf::replies_to<pin_host_key>::with<done>,
    caf::replies_to<read_pins>::with<host_key_list>, describes_itself, caf::reacts_to<step_due>>;

/// DNS_RESPONDER: answers who asks for names of running VMs. Scheduled.
using dns_responder_actor = fd_watcher_actor::extend<describes_itself, caf::reacts_to<step_due>>;

/// Whoever hears from the SSH I/O thread.
using ssh_listener_actor = caf::typed_actor<caf::reacts_to<ssh_note>, caf::reacts_to<ssh_data>>;

/// GUEST_LINK: the one SSH connection of a running VM: connects, checks the host key, reconnects.
using guest_link_actor =
    ssh_listener_actor::extend<caf::replies_to<connect_guest>::with<guest_connected>,
                               caf::replies_to<verify_guest>::with<done>,
                               caf::replies_to<ensure_agent>::with<agent_ensured>, describes_itself,
                               caf::reacts_to<step_due>>;

/// Whoever knows a way to a running VM's agent.
using guest_way_actor = caf::typed_actor<caf::replies_to<connect_guest>::with<guest_connected>,
                                         caf::replies_to<ensure_agent>::with<agent_ensured>>;

/// GUEST_PORT: that way: the VM's data port where it answers, its SSH connection where not.
using guest_port_actor =
    ssh_listener_actor::extend<caf::replies_to<connect_guest>::with<guest_connected>,
                               caf::replies_to<ensure_agent>::with<agent_ensured>,
                               describes_itself>;

/// AGENT_INSTALL: asks a guest for its agent, and gives it ours where that does not answer. Ends
/// with its answer.
using agent_install_actor =
    ssh_listener_actor::extend<caf::replies_to<ensure_agent>::with<agent_ensured>,
                               caf::reacts_to<step_due>>;

/// EXEC: one command in a guest: three channels and a client. Ends with the command.
using exec_actor = ssh_listener_actor::extend<caf::reacts_to<exec_input>, //
                                              caf::reacts_to<exec_input_ended>,
                                              caf::reacts_to<exec_signal>, //
                                              caf::reacts_to<exec_credit>, //
                                              caf::reacts_to<close_exec>, describes_itself,
                                              caf::reacts_to<step_due>>;

/// Whoever is attached to a guest session.
using attach_client_actor =
    caf::typed_actor<caf::reacts_to<attach_output>, caf::reacts_to<attach_gap>,
                     caf::reacts_to<attach_input_wanted>, caf::reacts_to<attach_input_refused>,
                     caf::reacts_to<attach_noticed>, caf::reacts_to<attach_ended>>;

/// Whoever wants to hear of an operation's stages.
using progress_actor = caf::typed_actor<caf::reacts_to<stage_entered>>;

/// Request: attach. Reply: session_attached, and what attach_session says, all to `client`.
struct join_session {
  attach_session request;
  attach_client_actor client;
  progress_actor owner; ///< whose end is the attach's, and whose messages are the client's
};

template <class Inspector>
auto inspect(Inspector& f, join_session& x) {
  return f(x.request, x.client, x.owner);
}

/// A guest session as those that attach to it know it.
using attach_host_actor =
    caf::typed_actor<caf::replies_to<join_session>::with<session_attached>,
                     caf::replies_to<detach_session>::with<session_detached>,
                     caf::reacts_to<attach_input>, caf::reacts_to<attach_input_ended>,
                     caf::reacts_to<attach_credit>, caf::reacts_to<attach_resized>>;

/// GUEST_SESSION: one command that goes on in a guest: its channels to the guest's agent, its
/// attaches, the order of their input. Scheduled; ends when the session is deleted.
using guest_session_actor =
    attach_host_actor::extend<caf::replies_to<launch_session>::with<session_info>,
                              caf::replies_to<wait_session>::with<session_info>,
                              caf::replies_to<stop_session>::with<session_info>,
                              caf::replies_to<signal_session>::with<session_info>,
                              caf::replies_to<delete_session>::with<session_info>,
                              caf::replies_to<list_attaches>::with<attach_list>, describes_itself,
                              // INTERNAL: from its VM, the SSH thread and its own clock.
                              caf::reacts_to<guest_appeared, guest_way_actor>,
                              caf::reacts_to<guest_vanished>, caf::reacts_to<ssh_note>,
                              caf::reacts_to<ssh_data>, caf::reacts_to<step_due>>;

/// GUEST_SWEEP: lists what a guest keeps of sessions, and removes what is forgotten. Ends with its
/// second answer.
using guest_sweep_actor =
    ssh_listener_actor::extend<caf::replies_to<list_guest_sessions>::with<guest_session_ids>,
                               caf::replies_to<remove_guest_sessions>::with<done>,
                               caf::reacts_to<step_due>>;

/// MACHINE: one hypervisor process, its QMP connection and the guest's control port. Scheduled.
using machine_actor =
    fd_watcher_actor::extend<caf::replies_to<launch_machine>::with<machine_launched>,
                             caf::replies_to<await_ready>::with<done>,
                             caf::replies_to<end_machine>::with<machine_ended>,
                             caf::replies_to<get_guest_memory>::with<guest_memory>,
                             describes_itself, caf::reacts_to<step_due>>;

/// FIRECRACKER_CALLER: requests to the API of one Firecracker. Detached: it waits for answers.
using firecracker_caller_actor = caf::typed_actor<caf::replies_to<call_firecracker>::with<done>>;

/// What may be asked about one VM: of itself, or of the supervisor, by its name.
using vm_subject_actor = caf::typed_actor<
    caf::replies_to<order, progress_actor>::with<vm_info>,
    caf::reacts_to<cancel>, //
    caf::replies_to<get_vm>::with<vm_info>, caf::replies_to<get_vm_stats>::with<vm_stats>,
    caf::replies_to<wait_vm>::with<vm_info>, caf::replies_to<get_ssh_target>::with<ssh_target>,
    caf::replies_to<get_guest_way>::with<guest_way_actor>,
    caf::replies_to<read_console>::with<console_chunk>,
    caf::replies_to<get_host_key>::with<host_key_info>,
    caf::replies_to<accept_host_key>::with<host_key_info>,
    caf::replies_to<forget_host_key>::with<host_key_info>,
    caf::replies_to<check_guest_key>::with<done>,
    caf::replies_to<start_session>::with<session_info>,
    caf::replies_to<get_session>::with<session_info>,
    caf::replies_to<wait_session>::with<session_info>,
    caf::replies_to<stop_session>::with<session_info>,
    caf::replies_to<signal_session>::with<session_info>,
    caf::replies_to<delete_session>::with<session_info>,
    caf::replies_to<list_attaches>::with<attach_list>,
    caf::replies_to<find_session>::with<attach_host_actor>, describes_itself,
    // INTERNAL: of a session, to its VM and on to the supervisor.
    caf::reacts_to<session_changed>>;

/// VM: one per VM; the only owner of its record, its state and its machine. Scheduled: never
/// blocks.
using vm_actor = vm_subject_actor::extend<
    // INTERNAL: from its parts, and its own clock.
    caf::reacts_to<machine_ended>,    //
    caf::reacts_to<host_key_refused>, //
    caf::reacts_to<watch_console>,    //
    caf::reacts_to<expire_waiters>>;

/// SUPERVISOR: the registry of VMs. Finds the VM for a ref and hands the request on; keeps the last
/// vm_info of each, so that a list costs one message.
using supervisor_actor =
    vm_subject_actor::extend<caf::replies_to<list_vms>::with<vm_list>,
                             caf::replies_to<count_vms>::with<vm_counts>,
                             caf::replies_to<list_host_keys>::with<host_key_list>,
                             caf::replies_to<list_sessions>::with<session_list>,
                             caf::replies_to<get_used_images>::with<used_images>,
                             caf::replies_to<find_guest>::with<guest_found>,
                             caf::replies_to<get_vm_history>::with<vm_history>,
                             caf::replies_to<await_reconciled>::with<reconcile_report>,
                             // INTERNAL: from the VMs.
                             caf::reacts_to<vm_changed>, caf::reacts_to<vm_recovered>>;

/// IMAGE: one build of an image, as a child process. Scheduled; ends with the build.
using image_actor = fd_watcher_actor::extend<caf::replies_to<run_build, progress_actor>::with<done>,
                                             caf::reacts_to<cancel>>;

/// IMAGES: the registry of images, on disk. Detached: it reads folders and removes big files.
using images_actor = caf::typed_actor<caf::replies_to<list_images>::with<image_list>,
                                      caf::replies_to<get_image>::with<image_info>,
                                      caf::replies_to<delete_image>::with<image_info>,
                                      caf::replies_to<resolve_image>::with<image_files>,
                                      caf::replies_to<order, progress_actor>::with<image_info>,
                                      caf::reacts_to<cancel>, describes_itself>;

/// OPERATION: one long request of a client: its stages, its cancel. Ends with the request.
using operation_actor =
    progress_actor::extend<caf::replies_to<perform, order>::with<vm_info>,
                           caf::replies_to<perform, build_image>::with<image_info>,
                           caf::reacts_to<cancel>, describes_itself>;

/// A host as its clients know it: all that one of them may ask.
using host_actor = caf::typed_actor<
    caf::replies_to<hello>::with<welcome>, caf::replies_to<cancel_operations>::with<done>,
    caf::replies_to<get_daemon_status>::with<daemon_status>,
    caf::replies_to<get_actor_tree>::with<actor_tree>,
    caf::replies_to<get_vm_history>::with<vm_history>, caf::replies_to<stop_daemon>::with<done>,
    caf::replies_to<subscribe_events>::with<events_subscribed>, caf::reacts_to<event_credit>,
    caf::replies_to<renew_owner>::with<owner_lease>, caf::replies_to<create_vm>::with<vm_info>,
    caf::replies_to<start_vm>::with<vm_info>, caf::replies_to<stop_vm>::with<vm_info>,
    caf::replies_to<restart_vm>::with<vm_info>, caf::replies_to<kill_vm>::with<vm_info>,
    caf::replies_to<delete_vm>::with<vm_info>, caf::replies_to<set_vm>::with<vm_info>,
    caf::replies_to<get_vm>::with<vm_info>, caf::replies_to<get_vm_stats>::with<vm_stats>,
    caf::replies_to<list_vms>::with<vm_list>, caf::replies_to<wait_vm>::with<vm_info>,
    caf::replies_to<get_ssh_target>::with<ssh_target>,
    caf::replies_to<read_console>::with<console_chunk>,
    caf::replies_to<list_host_keys>::with<host_key_list>,
    caf::replies_to<get_host_key>::with<host_key_info>,
    caf::replies_to<accept_host_key>::with<host_key_info>,
    caf::replies_to<forget_host_key>::with<host_key_info>,
    caf::replies_to<check_guest_key>::with<done>, caf::replies_to<open_exec>::with<exec_opened>,
    caf::reacts_to<exec_input>,       //
    caf::reacts_to<exec_input_ended>, //
    caf::reacts_to<exec_signal>,      //
    caf::reacts_to<exec_credit>,      //
    caf::replies_to<start_session>::with<session_info>,
    caf::replies_to<list_sessions>::with<session_list>,
    caf::replies_to<get_session>::with<session_info>,
    caf::replies_to<wait_session>::with<session_info>,
    caf::replies_to<stop_session>::with<session_info>,
    caf::replies_to<signal_session>::with<session_info>,
    caf::replies_to<delete_session>::with<session_info>,
    caf::replies_to<list_attaches>::with<attach_list>,
    caf::replies_to<attach_session>::with<session_attached>,
    caf::replies_to<detach_session>::with<session_detached>, //
    caf::reacts_to<attach_input>,                            //
    caf::reacts_to<attach_input_ended>,                      //
    caf::reacts_to<attach_credit>,                           //
    caf::reacts_to<attach_resized>,                          //
    caf::replies_to<list_images>::with<image_list>, caf::replies_to<get_image>::with<image_info>,
    caf::replies_to<build_image>::with<image_info>,
    caf::replies_to<delete_image>::with<image_info>>;

/// Whoever a client is: an actor, or a program that speaks the wire format without actors. It is
/// told these.
using client_actor =
    caf::typed_actor<caf::reacts_to<stage_entered>,     //
                     caf::reacts_to<event_happened>,    //
                     caf::reacts_to<events_missed>,     //
                     caf::reacts_to<exec_output>,       //
                     caf::reacts_to<exec_input_wanted>, //
                     caf::reacts_to<exec_ended>,        //
                     caf::reacts_to<attach_output>,     //
                     caf::reacts_to<attach_gap>,        //
                     caf::reacts_to<attach_input_wanted>, caf::reacts_to<attach_input_refused>,
                     caf::reacts_to<attach_noticed>, caf::reacts_to<attach_ended>>;

/// CLIENT_SESSION: one client's. With the gateway, the only actor that remote handles reach.
/// Scheduled; ends with the client.
using client_session_actor =
    host_actor::extend<describes_itself,
                       // INTERNAL: from its operations, its commands and the event stream.
                       caf::reacts_to<stage_entered>,     //
                       caf::reacts_to<event_happened>,    //
                       caf::reacts_to<events_missed>,     //
                       caf::reacts_to<exec_started>,      //
                       caf::reacts_to<exec_output>,       //
                       caf::reacts_to<exec_input_wanted>, //
                       caf::reacts_to<exec_ended>>;

/// GATEWAY: the one published actor. Gives each client a client_session.
using gateway_actor = caf::typed_actor<caf::replies_to<hello>::with<welcome>, describes_itself,
                                       caf::reacts_to<sweep>>;

} // namespace banger

#include "protocol/type_ids.hpp" // at the end: it needs all of the above
