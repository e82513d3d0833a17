#include "cli/mcp_files.hpp"

#include "cli/mcp_text.hpp"
#include "cli/mcp_tools.hpp"
#include "cli/rpc_message.hpp"
#include "cli/rpc_values.hpp"
#include "core/base64.hpp"

#include <algorithm>
#include <cstdlib>

namespace banger::cli::mcp {

namespace {

constexpr const char* read_bytes = R"sh(
[ ! -d "$1" ] || { echo "it is a folder: sandbox_exec with ls" >&2; exit 1; }
size=$(stat -L -c %s -- "$1") || exit 1
echo "$size"
tail -c +"$2" -- "$1" | head -c "$3")sh";

constexpr const char* read_lines = R"sh(
[ ! -d "$1" ] || { echo "it is a folder: sandbox_exec with ls" >&2; exit 1; }
size=$(stat -L -c %s -- "$1") || exit 1
lines=$(awk 'END { print NR }' < "$1") || exit 1
echo "$size $lines"
tail -n +"$2" -- "$1" | if [ "$4" = 0 ]; then cat; else head -n "$4"; fi | head -c "$3")sh";

// The name may be a link: what it stands for is replaced. Where the command is ended early the old
// file stays.
constexpr const char* write_whole = R"sh(
umask 022
file=$(readlink -m -- "$1") || exit 1
[ ! -d "$file" ] || { echo "it is a folder" >&2; exit 1; }
mkdir -p -- "$(dirname -- "$file")" || exit 1
new=$(mktemp -- "$file.XXXXXX") || exit 1
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
cat > "$new" || exit 1
[ "$(stat -c %s -- "$new")" = "$3" ] || { echo "not all of it came" >&2; exit 1; }
mode=${2:-0644}
if [ -e "$file" ]; then
  chown --reference="$file" -- "$new" || exit 1
  mode=${2:-$(stat -c %a -- "$file")} || exit 1
fi
chmod -- "$mode" "$new" || exit 1
mv -f -- "$new" "$file")sh";

constexpr const char* write_more = R"sh(
umask 022
[ ! -d "$1" ] || { echo "it is a folder" >&2; exit 1; }
mkdir -p -- "$(dirname -- "$1")" || exit 1
cat >> "$1" || exit 1
[ -z "$2" ] || chmod -- "$2" "$1")sh";

std::string said_part(const read_wish& x, std::uint64_t size, std::uint64_t lines,
                      const std::string& part, bool is_cut) {
  if (x.first_line == 0) {
    const auto end = x.offset + part.size();
    return "bytes " + std::to_string(std::min(x.offset, size)) + " to " +
           std::to_string(std::min(end, size)) + " of " + std::to_string(size) +
           (end < size ? "; go on at offset " + std::to_string(end) : "");
  }
  const auto count = static_cast<std::uint64_t>(std::count(part.begin(), part.end(), '\n')) +
                     (!part.empty() && part.back() != '\n' ? 1 : 0);
  const auto next = x.first_line + count - (is_cut && count > 0 ? 1 : 0);
  auto said = std::to_string(count) + (count == 1 ? " line" : " lines") + " from line " +
              std::to_string(x.first_line) + " of " + std::to_string(lines);
  if (is_cut)
    said += "; cut at max_bytes";
  return said + (next <= lines ? "; go on at line " + std::to_string(next) : "");
}

} // namespace

result<read_wish> read_wish_of(const record& arguments) {
  const auto by_lines = arguments.contains("first_line") || arguments.contains("line_count");
  if (by_lines && arguments.contains("offset"))
    return fail(ec::bad_request, "give lines (first_line, line_count) or an offset, not both");
  read_wish x;
  x.path = rpc::text_in(arguments, "path");
  x.first_line = by_lines ? rpc::number_in<std::uint64_t>(arguments, "first_line", 1) : 0;
  x.line_count = rpc::number_in<std::uint64_t>(arguments, "line_count");
  x.offset = rpc::number_in<std::uint64_t>(arguments, "offset");
  x.max_bytes = rpc::number_in<std::size_t>(arguments, "max_bytes", std::size_t{file_output});
  x.is_base64 = rpc::text_in(arguments, "encoding") == "base64";
  return x;
}

std::vector<std::string> read_script(const read_wish& x) {
  const auto most = std::to_string(x.max_bytes);
  if (x.first_line == 0)
    return {"sh", "-c", read_bytes, "sh", x.path, std::to_string(x.offset + 1), most};
  return {"sh",       "-c",
          read_lines, "sh",
          x.path,     std::to_string(x.first_line),
          most,       std::to_string(x.line_count)};
}

std::string read_text(const read_wish& x, const std::string& output) {
  const auto end = std::min(output.find('\n'), output.size());
  char* rest = nullptr;
  const auto size = std::strtoull(output.c_str(), &rest, 10);
  const auto lines = std::strtoull(rest, nullptr, 10);
  auto part = end < output.size() ? output.substr(end + 1) : std::string{};
  const auto is_cut = part.size() >= x.max_bytes;
  if (is_cut && !x.is_base64) // between characters, so that the next part begins with one
    part.resize(whole_characters(part));
  const auto said = said_part(x, size, lines, part, is_cut);
  if (x.is_base64 || !rpc::is_utf8(part))
    return said + ", in base64:\n" + core::base64_encode(part);
  return said + ":\n" + part;
}

std::vector<std::string> write_script(const std::string& path, const std::string& mode,
                                      bool appends, std::size_t size) {
  return {"sh", "-c", appends ? write_more : write_whole, "sh", path, mode, std::to_string(size)};
}

result<void> check_mode(const std::string& mode) {
  const auto is_octal = mode.find_first_not_of("01234567") == std::string::npos;
  if (mode.empty() || (is_octal && (mode.size() == 3 || mode.size() == 4)))
    return {};
  return fail(ec::bad_request, "mode must be three or four octal digits, like 0755");
}

} // namespace banger::cli::mcp
