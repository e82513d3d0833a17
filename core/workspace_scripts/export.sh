# Arguments: path, base (a commit or tree, or empty), since it was prepared (1 or 0). Prints a patch.
go_to_workspace "$1"
base=$2
if [ -z "$base" ]; then
  if [ "$3" = 1 ]; then base=refs/banger/prepared; else base=$(cat .git/banger/head); fi
  # Before the first commit: from nothing.
  [ -n "$base" ] || base=$(git hash-object -t tree /dev/null)
fi
git rev-parse --verify --quiet "$base^{tree}" >/dev/null || fail 76 "the workspace has no commit $base"
tmp=$(mktemp -d)
at_end 'rm -rf -- "$tmp"'
tree=$(tree_here "$tmp" "$tmp/objects")
# shellcheck disable=SC2031
( export GIT_ALTERNATE_OBJECT_DIRECTORIES="$tmp/objects"; print_patch "$base" "$tree" )
assumed_changes | tr '\0' '\n' | sed 's/$/ is not in the patch: a filter of the host makes its content/' >&2
nested_here | tr '\0' '\n' | sed 's/$/ is not in the patch: it is a repository of its own/' >&2
