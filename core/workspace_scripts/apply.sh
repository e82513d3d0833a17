# Argument: path. Puts in place what stage.sh made. Who is interrupted here goes on with a new stage.sh.
go_to_workspace "$1"
incoming=.git/banger/incoming new=.git/banger/incoming/.git
[ -e "$new/banger/workspace" ] || fail 73 "nothing was staged for $1"
now=$(tree_here "$PWD/.git/banger/tmp")
rm -rf .git/banger/tmp

# The objects first, then the refs: what fails here fails before a file is touched.
mkdir -p .git/objects/pack
for pack in "$new"/objects/pack/*.pack; do
  [ ! -e "$pack" ] || { mv -f -- "${pack%.pack}.idx" "$pack" .git/objects/pack/; }
done
for folder in "$new"/objects/??; do [ ! -d "$folder" ] || cp -r -- "$folder" .git/objects/; done
if [ -e "$new/shallow" ]; then cat "$new/shallow" >>.git/shallow; sort -u -o .git/shallow .git/shallow; fi
prepared=$(git --git-dir="$new" rev-parse refs/banger/prepared)
git diff-tree -r -z --name-only --no-renames --ignore-submodules=all --diff-filter=D "$now" "$prepared" >.git/banger/gone
git diff-tree -r -z --name-only --no-renames --ignore-submodules=all --diff-filter=d "$now" "$prepared" >.git/banger/come
own=$(git symbolic-ref --quiet HEAD || :)
git for-each-ref --format='delete %(refname)' refs/remotes | git update-ref --stdin
git --git-dir="$new" for-each-ref --format='%(objectname) %(refname)' refs/heads refs/remotes refs/tags |
  while read -r object ref; do
    old=$(git rev-parse --verify --quiet "$ref" || :)
    [ "$old" != "$object" ] || continue
    case $ref in
      refs/tags/*) [ -z "$old" ] || continue;;                 # the guest's own stays
      refs/heads/*)
        if [ -n "$old" ] && ! git merge-base --is-ancestor "$old" "$object"; then
          git update-ref "refs/banger/replaced/${ref#refs/heads/}" "$old"
        fi;;
    esac
    git update-ref "$ref" "$object" 2>.git/banger/said || fail 74 "a branch of the guest is in the way: $(tail -n 1 .git/banger/said)"
  done
printf '%s\n' "$prepared" >.git/banger/applying
mv -f "$new/banger/tips" .git/banger/tips

xargs -0 rm -f -- <.git/banger/gone
# shellcheck disable=SC2016 # for the inner shell
xargs -0 sh -c 'for path; do case $path in */*) rmdir -p --ignore-fail-on-non-empty -- "${path%/*}" 2>/dev/null;; esac; done; :' _ \
  <.git/banger/gone
if [ -s .git/banger/come ]; then
  tar -c -f - -C "$incoming" --no-recursion --null --verbatim-files-from -T "$PWD/.git/banger/come" |
    tar -x -p --recursive-unlink -f -
fi
head=$(cat "$new/HEAD")
# A branch that was made here is stayed on.
case $own in
  "" | "${head#ref: }") mv -f -- "$new/HEAD" .git/HEAD;;
  *)
    if git --git-dir="$new" rev-parse --verify --quiet "$own" >/dev/null || ! commit=$(git --git-dir="$new" rev-parse --verify --quiet HEAD); then
      mv -f -- "$new/HEAD" .git/HEAD
    else
      git update-ref "$own" "$commit"
      printf '^%s\n' "$commit" >>.git/banger/tips
    fi;;
esac
[ ! -e "$new/index" ] || mv -f -- "$new/index" .git/index
for file in MERGE_HEAD MERGE_MSG MERGE_MODE CHERRY_PICK_HEAD REVERT_HEAD SQUASH_MSG; do
  rm -f ".git/$file"; [ ! -e "$new/$file" ] || mv -f -- "$new/$file" ".git/$file"
done
mkdir -p .git/info
[ ! -d "$new/info" ] || cp -r "$new/info/." .git/info/
rm -f .git/banger/assumed .git/banger/sums .git/banger/attributes
for file in assumed sums attributes head staged workspace; do
  [ ! -e "$new/banger/$file" ] || mv -f -- "$new/banger/$file" ".git/banger/$file"
done
keep_as_prepared "$prepared^{tree}"
quiet_git update-index -q --refresh --ignore-submodules >/dev/null 2>&1 || :
rm -rf -- "$incoming" .git/banger/gone .git/banger/come .git/banger/applying
