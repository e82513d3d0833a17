# Argument: path. Puts in place what stage.sh made. Who is interrupted here goes on with the same command.
go_to_workspace "$1"
incoming=.git/banger/incoming new=.git/banger/incoming/.git
[ -e "$new/banger/workspace" ] || fail 73 "nothing was staged for $1"
now=$(tree_here "$PWD/.git/banger/tmp")
rm -rf .git/banger/tmp
list() {
  GIT_ALTERNATE_OBJECT_DIRECTORIES=$(alternate "$PWD/$new/objects") git diff-tree -r -z --name-only --no-renames --diff-filter="$1" "$now" \
    "$(git --git-dir="$new" rev-parse refs/banger/prepared)"
}
list D >.git/banger/gone
list d >.git/banger/come
xargs -0 rm -f -- <.git/banger/gone
# shellcheck disable=SC2016 # for the inner shell
xargs -0 sh -c 'for path; do case $path in */*) rmdir -p --ignore-fail-on-non-empty -- "${path%/*}" 2>/dev/null;; esac; done; :' _ \
  <.git/banger/gone
if [ -s .git/banger/come ]; then
  tar -c -f - -C "$incoming" --no-recursion --null --verbatim-files-from -T "$PWD/.git/banger/come" |
    tar -x -p --recursive-unlink -f -
fi
mkdir -p .git/objects/pack
for pack in "$new"/objects/pack/*.pack; do
  [ ! -e "$pack" ] || { mv -f -- "${pack%.pack}.idx" "$pack" .git/objects/pack/; }
done
if [ -e "$new/shallow" ]; then cat "$new/shallow" >>.git/shallow; sort -u -o .git/shallow .git/shallow; fi
for folder in "$new"/objects/??; do [ ! -d "$folder" ] || cp -r -- "$folder" .git/objects/; done
git --git-dir="$new" for-each-ref --format='update %(refname) %(objectname)' | git update-ref --stdin
for file in HEAD index; do [ ! -e "$new/$file" ] || mv -f -- "$new/$file" ".git/$file"; done
for file in MERGE_HEAD MERGE_MSG MERGE_MODE CHERRY_PICK_HEAD REVERT_HEAD SQUASH_MSG; do
  rm -f ".git/$file"; [ ! -e "$new/$file" ] || mv -f -- "$new/$file" ".git/$file"
done
cp -- "$new"/info/* .git/info/
rm -f .git/banger/assumed
for file in assumed head workspace; do [ ! -e "$new/banger/$file" ] || mv -f -- "$new/banger/$file" ".git/banger/$file"; done
quiet_git update-index -q --refresh --ignore-submodules >/dev/null 2>&1 || :
rm -rf -- "$incoming" .git/banger/gone .git/banger/come
