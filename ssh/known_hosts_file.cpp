#include "ssh/known_hosts_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace banger::ssh {

namespace {

namespace kh = core::known_hosts;
using mode = owned_file::mode;

constexpr int attempts = 8; // against somebody who replaces the file; once is rare

tl::unexpected<failure> error_of(failure why) {
  return tl::make_unexpected(std::move(why));
}

tl::unexpected<failure> keeps_changing(const std::filesystem::path& path) {
  return fail(ec::busy, "change " + path.string(), "another program replaces it again and again",
              "end that program, then try again");
}

/// What is to be appended so that `key` is the one pin of every name; a failure where it cannot be.
result<std::string> missing_pins(kh::line_index& lines, const std::vector<std::string>& names,
                                 const core::host_key& key, std::string_view comment) {
  std::string out;
  for (const auto& name : names) {
    const auto found = kh::check_sole_pin(lines, name, key);
    const auto what = "pin the host key of " + name;
    if (found.status == kh::outcome::revoked)
      return fail(ec::host_key_revoked, what, kh::explain_refusal(found, key));
    if (found.status == kh::outcome::mismatch)
      return fail(ec::host_key_mismatch, what, kh::explain_refusal(found, key));
    if (found.status == kh::outcome::unknown)
      out += kh::render_line({name}, key, comment);
  }
  return out;
}

bool is_control(char c) {
  return (c >= '\0' && c < ' ') || c == '\x7f';
}

result<void> check_pin_request(const std::vector<std::string>& names, const core::host_key& key,
                               std::string_view comment) {
  for (const auto& name : names)
    if (!kh::is_plain_name(name))
      return fail(ec::bad_request, "pin a host key", "'" + name + "' is not a host name");
  if (!core::is_well_formed(key))
    return fail(ec::bad_request, "pin a host key", "not a whole key of type '" + key.type + "'");
  if (std::any_of(comment.begin(), comment.end(), is_control)) // a line feed would add a line
    return fail(ec::bad_request, "pin a host key", "its comment has a control character");
  return {};
}

} // namespace

result<void> known_hosts_file::prepare() {
  if (auto made = make_folder(folder_of(path_)); !made)
    return made;
  const auto was_there = std::filesystem::exists(path_);
  if (auto ended = append({}, mode::append_create); !ended)
    return error_of(ended.error());
  if (!was_there)
    if (auto synced = sync_folder(folder_of(path_)); !synced)
      return synced;
  if (auto compacted = compact(); !compacted)
    return error_of(compacted.error());
  return {};
}

result<void> known_hosts_file::heal() {
  if (auto drained = drain(); !drained)
    return drained;
  auto ended = append({}, mode::append);
  if (!ended && ended.error().code != ec::not_found)
    return error_of(ended.error());
  return {};
}

/// The file as it is now. It is opened, and so checked, at every call.
result<std::shared_ptr<known_hosts_contents>> known_hosts_file::contents() {
  for (int attempt = 0; attempt <= attempts; ++attempt) {
    if (auto drained = drain(); !drained)
      return error_of(drained.error());
    auto file = owned_file::open(path_, mode::read);
    if (!file && file.error().code == ec::not_found)
      return std::make_shared<known_hosts_contents>(std::string());
    if (!file)
      return error_of(file.error());
    if (is_present(*file)) // else it was replaced just now: it may bring back what we removed
      return cache_.read(*file, clock::now());
  }
  return keeps_changing(path_);
}

result<std::string> known_hosts_file::read() {
  return contents().map([](const auto& found) { return found->text; });
}

result<std::shared_ptr<const std::vector<kh::line>>> known_hosts_file::lines() {
  return contents().map([](const auto& found) { return found->index.lines(); });
}

result<kh::verdict> known_hosts_file::check(std::string_view host, std::uint16_t port,
                                            const core::host_key& offered) {
  return contents().map([host, port, &offered](const auto& found) {
    return kh::check(found->index, host, port, offered);
  });
}

result<std::string> known_hosts_file::algorithms(std::string_view host, std::uint16_t port) {
  return contents().map(
      [host, port](const auto& found) { return kh::pinned_algorithms(found->index, host, port); });
}

result<known_hosts_file::appended_lines> known_hosts_file::append(std::string text, mode how) {
  auto file = owned_file::open(path_, how);
  if (!file)
    return error_of(file.error());
  const auto before = static_cast<std::size_t>(file->stamp().size_bytes);
  const auto offset = file->append_lines(text);
  if (!offset)
    return error_of(offset.error());
  const auto is_same = text.empty() && *offset == before; // a look that found nothing to mend
  if (auto synced = is_same ? result<void>{} : file->sync(); !synced)
    return error_of(synced.error());
  return appended_lines{std::move(*file), *offset, std::move(text)};
}

result<void> known_hosts_file::pin(const std::vector<std::string>& names, const core::host_key& key,
                                   std::string_view comment) {
  if (auto checked = check_pin_request(names, key, comment); !checked)
    return checked;
  std::vector<appended_lines> ours;
  for (int attempt = 0; attempt <= attempts; ++attempt) {
    const auto present = contents();
    if (!present)
      return error_of(present.error());
    auto missing = missing_pins((*present)->index, names, key, comment);
    if (!missing) {
      take_back(ours);
      return error_of(missing.error());
    }
    if (missing->empty())
      return {}; // read back through the path, so the file has not been replaced under our hands
    auto appended = append(std::move(*missing), mode::append_create);
    if (!appended && appended.error().code == ec::not_found && attempt == 0) {
      if (auto prepared = prepare(); !prepared)
        return prepared;
      continue;
    }
    if (!appended)
      return error_of(appended.error());
    ours.push_back(std::move(*appended));
  }
  return keeps_changing(path_);
}

/// Comments the lines out that we wrote, where they still are. Of two writers that pin different
/// keys at the same time at least one gets here; without this both keys would be accepted from then
/// on. Best effort: the pin has failed already, with a better reason than any from here.
void known_hosts_file::take_back(const std::vector<appended_lines>& ours) {
  for (const auto& lines : ours) {
    auto file = owned_file::open(path_, mode::replace_bytes);
    if (!file || file->identity() != lines.file.identity())
      continue;
    std::vector<std::string> removed;
    for (const auto& each : kh::parse(lines.text)) {
      removed.emplace_back(kh::line_at(lines.text, each.offset));
      [[maybe_unused]] const auto done =
          file->comment_out(lines.offset + each.offset, removed.back());
    }
    [[maybe_unused]] const auto noted = note_removed(std::move(removed), *file);
    [[maybe_unused]] const auto synced = file->sync();
  }
}

result<removed_pins> known_hosts_file::remove(const std::vector<std::string>& names) {
  removed_pins out;
  for (int attempt = 0; attempt <= attempts; ++attempt) {
    if (auto drained = drain(); !drained)
      return error_of(drained.error());
    auto file = owned_file::open(path_, mode::replace_bytes);
    if (!file && file.error().code == ec::not_found)
      return out;
    if (!file)
      return error_of(file.error());
    if (!is_present(*file)) // replaced just now: a pin that it lacks may have to be put back first
      continue;
    const auto present = cache_.read(*file, clock::now());
    if (!present)
      return error_of(present.error());
    const auto plan = kh::plan_removal((*present)->index, names);
    out.kept_lines = plan.kept;
    if (plan.removals.empty())
      return out; // opened anew through the path, so nobody has put a removed line back
    const auto count = remove_once((*present)->text, plan, *file);
    if (!count)
      return error_of(count.error());
    out.count += *count;
  }
  return keeps_changing(path_);
}

/// Carries `plan` out on `file`, which held `text`. Whether the path still names that file is for
/// the caller to see.
/// @returns how many lines were taken out: not those that somebody has changed meanwhile.
result<std::size_t> known_hosts_file::remove_once(std::string_view text,
                                                  const kh::removal_plan& plan, owned_file& file) {
  std::string replacements;
  for (const auto& each : plan.removals)
    replacements += each.replacement;
  if (!replacements.empty()) {
    const auto appended = append(std::move(replacements), mode::append);
    if (!appended)
      return error_of(appended.error());
    // Replaced since we read it? The foreign names are in the new file, ours go with the next
    // attempt.
    if (appended->file.identity() != file.identity())
      return 0;
  }
  std::vector<std::string> removed;
  for (const auto& each : plan.removals) {
    const auto line = kh::line_at(text, each.offset);
    const auto done = file.comment_out(each.offset, line);
    if (!done)
      return error_of(done.error());
    if (*done)
      removed.emplace_back(line);
  }
  const auto count = removed.size();
  if (auto noted = note_removed(std::move(removed), file); !noted)
    return error_of(noted.error());
  if (auto synced = file.sync(); !synced)
    return error_of(synced.error());
  return count;
}

/// Appends those lines of a replaced file that the present one lacks, and sees to it that the
/// path's file has them.
result<void> known_hosts_file::append_missing_lines(std::string text) {
  if (text.empty())
    return {};
  if (!text.ends_with('\n'))
    text += '\n';
  for (int attempt = 0; attempt <= attempts; ++attempt) {
    const auto present = owned_file::open(path_, mode::append_create);
    const auto there = present ? present->read_from() : error_of(present.error());
    if (!there)
      return error_of(there.error());
    auto missing = kh::missing_lines(text, *there);
    if (missing.empty())
      return {}; // read back through the path
    if (const auto appended = append(std::move(missing), mode::append_create); !appended)
      return error_of(appended.error());
  }
  return keeps_changing(path_);
}

} // namespace banger::ssh
