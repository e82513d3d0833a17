# Arguments: path, is it forced (1 or 0). Takes a tar archive on stdin.
go_to_workspace "$1"
tmp=$PWD/.git/banger/tmp incoming=$PWD/.git/banger/incoming
now=$(tree_here "$tmp")
rm -rf -- "$tmp"
# What an apply.sh that was broken off was to put there is no change of the guest's.
changes=$(
  {
    git diff-tree -r -z --name-only --no-renames --ignore-submodules=all refs/banger/prepared "$now" |
      if [ -e .git/banger/applying ]; then
        sort -z .git/banger/come .git/banger/gone >.git/banger/under-way
        sort -z | comm -z -23 - .git/banger/under-way
      else
        cat
      fi
    assumed_changes
  } | tr '\0' '\n'
)
rm -f .git/banger/under-way
if [ "$2" != 1 ]; then
  [ -z "$changes" ] || fail 74 "the guest has changes of its own: $(printf '%s\n' "$changes" | head -n 3 | paste -s -d ' ' -)"
  commits=$(git rev-list --count --branches HEAD --stdin <.git/banger/tips 2>/dev/null || echo 0)
  [ "$commits" = 0 ] || fail 74 "the guest has commits of its own: $commits"
  [ -e .git/banger/applying ] || [ "$(git ls-files -s | cksum)" = "$(cat .git/banger/staged)" ] ||
    fail 74 "the guest has staged changes of its own"
fi
rm -rf -- "$incoming"
unpack "$incoming"
cd -- "$incoming"
check_out
note_prepared
GIT_ALTERNATE_OBJECT_DIRECTORIES=$(alternate "$1/.git/objects") git diff-tree -r -z --name-status --no-renames \
  --ignore-submodules=all "$now" refs/banger/prepared
trap - EXIT
