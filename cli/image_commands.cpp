#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "core/exit_code.hpp"
#include "core/suggest.hpp"
#include "host/clock.hpp"

#include <filesystem>

namespace banger::cli {

namespace {

void suggest(session& talk, const std::string& name, failure& why) {
  if (why.code != ec::not_found)
    return;
  auto all = talk.ask<image_list>(list_images{}, quick_limit);
  if (!all)
    return;
  std::vector<std::string> names;
  for (const auto& image : all->images)
    names.push_back(image.name);
  if (auto meant = core::nearest(name, names); !meant.empty())
    why.hint = "did you mean '" + meant + "'?";
}

/// Asks the same of each named image.
template <class Request>
std::vector<outcome<image_info>> ask_all(session& talk) {
  std::vector<outcome<image_info>> outcomes;
  for (const auto& name : talk.how().refs) {
    auto image = talk.ask<image_info>(Request{name}, operation_limit);
    if (!image)
      suggest(talk, name, image.error());
    outcomes.push_back({name, std::move(image)});
  }
  return outcomes;
}

} // namespace

int image_build(client::connection link, const options& how) {
  session talk{std::move(link), how};
  std::error_code error;
  auto recipe =
      how.recipe.empty() ? std::string{} : std::filesystem::absolute(how.recipe, error).string();
  auto since = host::unix_ms();
  if (!is_terminal(STDERR_FILENO) && !how.is_json)
    print_error("building the image '" + how.refs.front() + "'; this takes a minute or two\n");
  auto image = talk.ask<image_info>(build_image{how.refs.front(), recipe}, operation_limit);
  if (!image)
    return report(image.error(), how);
  print(how.is_json ? json(*image)
                    : "built " + image->name + " (" + bytes(image->disk_bytes) + ") in " +
                          duration(host::unix_ms() - since) + "\n");
  return core::exit_ok;
}

int image_list_all(client::connection link, const options& how) {
  auto all = link.ask<image_list>(list_images{}, quick_limit);
  if (!all)
    return report(all.error(), how);
  if (how.is_json) {
    print(json(*all));
  } else if (how.is_quiet) {
    for (const auto& image : all->images)
      print(image.name + "\n");
  } else {
    print(image_table(all->images, host::unix_ms()));
  }
  return core::exit_ok;
}

int image_show(client::connection link, const options& how) {
  session talk{std::move(link), how};
  return show_each(ask_all<get_image>(talk), how,
                   [](const image_info& image) { return image_details(image, host::unix_ms()); });
}

int image_delete(client::connection link, const options& how) {
  session talk{std::move(link), how};
  return tell(ask_all<delete_image>(talk), how,
              [](const image_info& image) { print("deleted " + image.name + "\n"); });
}

} // namespace banger::cli
