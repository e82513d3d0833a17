# Arguments: path, is it forced (1 or 0). Takes a tar archive on stdin.
go_to_workspace "$1"
tmp=$PWD/.git/banger/tmp incoming=$PWD/.git/banger/incoming
trap 'rm -rf -- "$tmp"' EXIT
trap 'cd /; rm -rf -- "$incoming"; exit 130' HUP INT TERM PIPE
now=$(tree_here "$tmp")
changes=$(git diff-tree -r --name-only --no-renames refs/banger/prepared "$now")
head=$(cat .git/banger/head)
commits=$(git rev-list --count ${head:+"^$head"} HEAD 2>/dev/null || echo 0)
if [ "$2" != 1 ]; then
  [ -z "$changes" ] || fail 74 "the guest has changes of its own: $(printf '%s\n' "$changes" | head -n 3 | paste -s -d ' ' -)"
  [ "$commits" = 0 ] || fail 74 "the guest has commits of its own: $commits"
fi
rm -rf -- "$incoming"
mkdir -- "$incoming"
tar -x -p -f - -C "$incoming"
cd -- "$incoming"
check_out
note_prepared
GIT_ALTERNATE_OBJECT_DIRECTORIES=$(alternate "$1/.git/objects") git diff-tree -r -z --name-status --no-renames "$now" refs/banger/prepared
