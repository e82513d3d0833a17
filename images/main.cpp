// banger-image: builds an image and says how it goes, one JSON object a line on stdout.
#include "core/vm_name.hpp"
#include "host/clock.hpp"
#include "host/files.hpp"
#include "images/build.hpp"
#include "protocol/version.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace banger::images {

namespace {

void say(const nlohmann::json& line) {
  auto text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

int say_error(const failure& why, int signal) {
  say({{"error",
        {{"code", to_string(why.code)},
         {"what", why.what},
         {"why", why.why},
         {"hint", why.hint}}}});
  return signal != 0 ? 128 + signal : 1;
}

struct options {
  std::string recipe_path;
  build_request request;
};

int build(options& how) {
  std::signal(SIGPIPE, SIG_IGN);
  tool_runner tools;
  constexpr std::size_t max_recipe = 1U << 20;
  if (auto ok = core::check_image_name(how.request.name); !ok)
    return say_error(ok.error(), 0);
  auto text = host::read_file(how.recipe_path, max_recipe);
  if (!text)
    return say_error(text.error(), 0);
  auto recipe = core::parse_recipe(*text, how.recipe_path);
  if (!recipe)
    return say_error(recipe.error(), 0);
  how.request.what = *recipe;
  how.request.recipe_name = how.recipe_path.substr(how.recipe_path.rfind('/') + 1);
  auto since = host::unix_ms();
  auto built =
      build_image(tools, how.request, [&](const std::string& stage, const std::string& detail) {
        say({{"stage", stage}, {"detail", detail}, {"elapsed_ms", host::unix_ms() - since}});
      });
  if (!built)
    return say_error(built.error(), tools.ended_by());
  say({{"done", true}, {"path", *built}});
  return 0;
}

int run(int argc, char** argv) {
  options how;
  std::string cache;
  CLI::App app{
      "banger-image builds images of Debian packages; bangerd starts it for 'banger image build'."};
  app.set_version_flag("--version", "banger-image " + std::string{program_version});
  app.require_subcommand(1);
  auto* command = app.add_subcommand("build", "build one image");
  command->add_option("--name", how.request.name, "the image's name")->required();
  command->add_option("--recipe", how.recipe_path, "TOML file")->required();
  command->add_option("--images-dir", how.request.images_dir, "folder of all images")->required();
  command
      ->add_option("--guest-dir", how.request.guest_dir,
                   "folder of stage0, banger-init and banger-agent")
      ->required();
  CLI11_PARSE(app, argc, argv);
  ::umask(022);
  return build(how);
}

} // namespace

} // namespace banger::images

int main(int argc, char** argv) {
  return banger::images::run(argc, argv);
}
