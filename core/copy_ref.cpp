#include "core/copy_ref.hpp"

namespace banger::core {

namespace {

tl::unexpected<failure> refuse(std::string why, std::string hint) {
  return fail(ec::bad_request, "copy", std::move(why), std::move(hint));
}

result<void> check_words(const std::vector<std::string>& words) {
  constexpr std::size_t least = 2;
  if (words.size() < least)
    return refuse("a source and a destination are needed", "banger vm cp SOURCE... DESTINATION");
  for (const auto& word : words)
    if (word.empty())
      return refuse("a path is empty", "the folder you are in is '.'");
  return {};
}

result<void> check_sources(const copy_plan& plan) {
  const auto& first = plan.sources.front();
  for (const auto& x : plan.sources) {
    if (x.place == copy_place::stream && plan.sources.size() > 1)
      return refuse("'-' is a source beside others", "copy it alone");
    if (x.place != first.place || x.vm != first.vm)
      return refuse("the sources are in several places", "copy those of each place by themselves");
  }
  return {};
}

result<void> check_streams(const copy_plan& plan) {
  const auto& to = plan.destination;
  auto reads = plan.sources.front().place == copy_place::stream;
  if (reads && to.place == copy_place::guest && (to.path.ends_with('/') || to.path == "."))
    return refuse("standard input has no name", "give the file's, as in VM:/root/FILE");
  if (to.place == copy_place::stream && plan.sources.size() > 1)
    return refuse("only one file can go to standard output", "copy them to a folder");
  return {};
}

} // namespace

copy_ref parse_copy_ref(std::string_view word) {
  if (word == "-")
    return {copy_place::stream, {}, {}};
  auto colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0 || word.find('/') < colon)
    return {copy_place::local, {}, std::string{word}};
  auto path = word.substr(colon + 1);
  return {copy_place::guest, std::string{word.substr(0, colon)},
          std::string{path.empty() ? "." : path}};
}

std::string to_string(const copy_ref& x) {
  switch (x.place) {
    case copy_place::guest: return x.vm + ":" + x.path;
    case copy_place::stream: return "-";
    case copy_place::local: break;
  }
  return x.path;
}

result<copy_plan> plan_copy(const std::vector<std::string>& words) {
  if (auto ok = check_words(words); !ok)
    return tl::make_unexpected(ok.error());
  copy_plan plan;
  for (const auto& word : words)
    plan.sources.push_back(parse_copy_ref(word));
  plan.destination = std::move(plan.sources.back());
  plan.sources.pop_back();
  if (auto ok = check_sources(plan); !ok)
    return tl::make_unexpected(ok.error());
  if (plan.sources.front().place != copy_place::guest &&
      plan.destination.place != copy_place::guest)
    return refuse("neither the source nor the destination is in a VM",
                  "one of them is written VM:PATH");
  if (auto ok = check_streams(plan); !ok)
    return tl::make_unexpected(ok.error());
  return plan;
}

} // namespace banger::core
