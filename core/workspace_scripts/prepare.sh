# Arguments: path, branch, from, is it a repository (1 or 0). Takes a tar archive on stdin.
path=$1 branch=$2 from=$3 is_repository=$4
[ "$is_repository" = 0 ] || need_git
if [ -e "$path" ] || [ -L "$path" ]; then
  if [ ! -d "$path" ] || [ -L "$path" ] || [ -n "$(ls -A -- "$path")" ]; then fail 72 "$path is there already"; fi
fi
parent=${path%/*} name=${path##*/}
parent=${parent:-/}
mkdir -p -- "$parent"
# Of one that was killed.
for old in "$parent/.$name.banger-"*; do
  pid=${old##*-}
  [ ! -d "$old" ] || kill -0 "$pid" 2>/dev/null || rm -rf -- "$old"
done
work=$parent/.$name.banger-$$
unpack "$work"
cd -- "$work"
if [ "$is_repository" = 1 ]; then
  check_out
  note_prepared
  if [ -n "$branch" ]; then
    git switch -q --no-track -c "$branch" ${from:+"$from"} 2>.git/banger/said || fail 75 "$(tail -n 1 .git/banger/said)"
    rm -f .git/banger/said
    [ -z "$from" ] || printf '%s\n' "$from" >.git/banger/head
    note_prepared
  fi
  [ ! -e .git/banger/attributes ] || git config core.attributesFile "$path/.git/banger/attributes"
  mkdir -p "$registry"
  ln -sfn -- "$path" "$registry/$(printf %s "$path" | cksum)"
fi
cd /
if [ -d "$path" ]; then rmdir -- "$path"; fi
mv -T -- "$work" "$path"
trap - EXIT
