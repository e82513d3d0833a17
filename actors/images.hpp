// IMAGES: the registry of images. Detached, for it reads folders; a build runs in an IMAGE actor,
// one a name, and whoever asks for the same name meanwhile shares it.
#pragma once

#include "actors/guard.hpp"
#include "core/deadlines.hpp"
#include "protocol/actors.hpp"
#include "storage/image_catalog.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace banger::actors {

struct build_waiter {
  std::string op;
  progress_actor progress;
  caf::typed_response_promise<image_info> reply;
};

struct running_build {
  image_actor worker;
  std::vector<build_waiter> waiters;
};

struct images_state {
  static inline const char* name = "images";
  storage::image_catalog catalog{std::string{}};
  std::function<image_actor()> make_builder;
  core::deadlines deadlines;
  std::map<std::string, running_build> builds; ///< by image name
  crash_record crashes;

  void begin_anew() {} // all of it but the running builds is on disk
};

images_actor::behavior_type images(images_actor::stateful_pointer<images_state> self,
                                   storage::image_catalog catalog,
                                   std::function<image_actor()> make_builder,
                                   core::deadlines deadlines);

} // namespace banger::actors
