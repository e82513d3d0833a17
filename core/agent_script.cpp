#include "core/agent_script.hpp"

#include "core/last_line.hpp"
#include "core/shell_quote.hpp"

namespace banger::core {

namespace {

constexpr std::int32_t status_not_written = 80, status_not_the_same = 81, status_not_started = 82;

// For a POSIX shell with cat, chmod, mkdir, mv and rm: all that a guest is asked to have. /run is
// often a file system that nothing may be executed on; then it is the other folder. The program
// compares itself, for not every guest has sha256sum.
constexpr std::string_view script = R"(umask 077
from=
for folder in /run/banger /var/lib/banger; do
  new=$folder/.agent.$$
  trap 'rm -f "$new" $from' EXIT
  mkdir -p $folder || exit 80
  if [ "$from" ]; then cat "$from" >"$new"; else cat >"$new"; fi || exit 80
  chmod 700 "$new" || exit 80
  digest=$("$new" --sha256 "$new" 2>&1) && break
  from=$new
done
if [ "$digest" != "$1" ]; then echo "$digest" >&2; exit 81; fi
mv -f "$new" $folder/banger-agent || exit 80
$folder/banger-agent --detach </dev/null || exit 82
)";

} // namespace

std::string agent_install_command(std::string_view digest) {
  return "exec sh -c " + shell_quote(script) + " sh " + shell_quote(digest);
}

failure agent_install_failure(const std::string& vm_name, std::int32_t status,
                              const std::string& said) {
  const auto what = "give vm '" + vm_name + "' an agent";
  auto why = last_line(said);
  if (why.empty())
    why = "the guest's shell exited with " + std::to_string(status);
  if (why.find("No space left") != std::string::npos)
    return {ec::no_space, what, why, "make room in the guest: banger vm ssh " + vm_name};
  if (status == status_not_the_same)
    return {ec::failed, what, "the copy cannot be run, or is not what was sent: " + why,
            "look at it: banger vm ssh " + vm_name};
  if (status == status_not_started)
    return {ec::failed, what, "it does not start: " + why, "look at it: banger vm ssh " + vm_name};
  if (status == status_not_written)
    return {ec::failed, what, why, "is its disk read-only? banger vm ssh " + vm_name};
  return {ec::failed, what, why, "it takes sh, cat, chmod, mkdir, mv and rm in the guest"};
}

} // namespace banger::core
