// Where the state is kept, and who may write it: one orchestrator at a time.
#pragma once

#include "plan.hpp"

#include <string>

namespace orchestrator {

class state_file {
public:
  /// Takes the file for this process: another one that has it is an error, said in error().
  /// @param path  a file, made where there is none, or a folder, where it is state.json
  explicit state_file(const std::string& path);
  ~state_file();
  state_file(const state_file&) = delete;
  state_file& operator=(const state_file&) = delete;

  /// Empty, or what was wrong and what to do about it.
  [[nodiscard]] const std::string& error() const { return error_; }

  /// What was there; token 0 where nothing was.
  [[nodiscard]] const fleet& found() const { return found_; }

  /// Replaces it in one step: a temporary file beside it, fsync, rename, fsync of the folder. A
  /// crash leaves the old or the new state. @returns false and sets error()
  bool save(const fleet& x);

private:
  void lock();
  void load();
  bool fail(const std::string& what);

  std::string path_, folder_, error_;
  int lock_ = -1;
  fleet found_;
};

} // namespace orchestrator
