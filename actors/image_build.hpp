// IMAGE: one build of an image: the banger-image program as a child process, its progress and its
// end.
#pragma once

#include "core/line_buffer.hpp"
#include "host/process.hpp"
#include "protocol/actors.hpp"
#include "transport/fd_watch.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <string>

namespace banger::actors {

struct image_build_context {
  std::string program; ///< banger-image
  std::string images;  ///< folder of all images
  std::string guest;   ///< folder of the programs that go into a guest
  std::string recipes; ///< folder of the recipes that come with banger
  std::string log;     ///< where the tools' own output goes
};

struct image_build_state {
  static inline const char* name = "image";
  image_build_context context;
  std::string image;
  progress_actor progress;
  host::child process;
  host::unique_fd output;
  transport::fd_watch output_watch;
  transport::fd_watch process_watch;
  core::line_buffer lines;
  std::int64_t since_ms = 0;
  bool is_cancelled = false;
  bool is_done = false; ///< the program said so
  failure problem{ec::none, {}, {}, {}};
  caf::typed_response_promise<done> reply;
};

image_actor::behavior_type image_build(image_actor::stateful_pointer<image_build_state> self,
                                       image_build_context context);

} // namespace banger::actors
