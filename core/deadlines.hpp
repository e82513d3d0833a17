// How long each request may take. One place, because an outer deadline must be longer than all that
// runs inside it: then the inner one fires first and says what was slow.
#pragma once

#include <chrono>

namespace banger::core {

using std::chrono::milliseconds;

/// Plain data, so that a test can shrink them.
struct deadlines {
  milliseconds quick{10'000};   ///< an answer from an actor's memory
  milliseconds storage{20'000}; ///< a row, a small file, with its fsync
  milliseconds make_files{300'000};
  milliseconds remove_files{300'000};
  milliseconds start_slot{600'000}; ///< other VMs boot first
  milliseconds launch{20'000};      ///< process start to known pid
  milliseconds boot{180'000};       ///< to the guest's READY; software emulation on a loaded host
  milliseconds connect{60'000};     ///< READY to a usable SSH connection
  milliseconds grace{20'000};       ///< for a guest to shut down when asked
  milliseconds end_margin{15'000};  ///< from the end of the grace to the process being gone
  milliseconds build{3'600'000};
  milliseconds session{120'000}; ///< a guest session started, ended or deleted, connecting included
  milliseconds detach{3'600'000}; ///< a command may take its input slowly

  [[nodiscard]] milliseconds create() const {
    return 2 * storage + make_files + 2 * quick + margin;
  }
  [[nodiscard]] milliseconds start() const {
    return start_slot + 3 * storage + 2 * quick + launch + boot + connect + margin;
  }
  [[nodiscard]] milliseconds stop(milliseconds wanted_grace) const {
    return wanted_grace + end_margin + 2 * storage + margin;
  }
  [[nodiscard]] milliseconds remove() const {
    return end_margin + remove_files + 3 * storage + margin;
  }

  [[nodiscard]] milliseconds set() const { return 3 * storage + margin; }

  static constexpr milliseconds margin{5'000};
};

} // namespace banger::core
