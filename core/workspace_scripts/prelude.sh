# What comes before every script. The path of a workspace is always the first argument.
set -eu
umask 022
unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE \
  GIT_CONFIG GIT_CONFIG_PARAMETERS
# Neither who owns the files nor what the user has git do there may change what comes of this.
export LC_ALL=C GIT_OPTIONAL_LOCKS=0 GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=4 \
  GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' GIT_CONFIG_KEY_1=core.hooksPath GIT_CONFIG_VALUE_1=/dev/null \
  GIT_CONFIG_KEY_2=core.safecrlf GIT_CONFIG_VALUE_2=false GIT_CONFIG_KEY_3=core.fsmonitor GIT_CONFIG_VALUE_3=false
fail() { printf '%s\n' "$2" >&2; exit "$1"; }
need_git() { command -v git >/dev/null 2>&1 || fail 71 "git is not installed in the guest"; }
# The attributes that the user's own configuration gives come along in a file.
quiet_git() { git -c advice.addEmbeddedRepo=false -c core.attributesFile="$PWD/.git/banger/attributes" "$@"; }
registry=${BANGER_WORKSPACES:-/var/lib/banger/workspaces}

# A folder as GIT_ALTERNATE_OBJECT_DIRECTORIES takes it, whatever is in its name.
alternate() { printf '"%s"' "$(printf %s "$1" | sed 's/["\\]/\\&/g')"; }

# Has a command run at the end, whatever that is. Several signals may come at once, and another one must not end that.
at_end() {
  # shellcheck disable=SC2064 # now, not then
  trap "$1" EXIT
  trap 'trap "" HUP INT TERM PIPE; exit 130' HUP INT TERM PIPE
}

# Unpacks the archive on stdin into a folder. A signal does not wait for the disk; then what is in the folder goes. Who
# ends us may not wait for that either, and kill all of our process group: so it is done from another one.
unpack() {
  exec 3<&0
  unpacked=$1
  at_end 'undo "$unpacked"'
  mkdir -- "$1"
  tar -x -p -f - -C "$1" <&3 &
  wait $!
}
undo() {
  cd /
  kill -9 $! 2>/dev/null || :
  setsid rm -rf -- "$1"
}

# Prints the tree of all that is in the work tree here and is not ignored. $1: a folder for what that takes; with $2,
# new objects go there, too. Neither the index nor the work tree is touched.
tree_here() {
  mkdir -p "$1"
  [ ! -e .git/index ] || cp -p .git/index "$1/index"
  (
    export GIT_INDEX_FILE="$1/index"
    if [ $# -gt 1 ]; then
      mkdir -p "$2"
      GIT_ALTERNATE_OBJECT_DIRECTORIES=$(alternate "$PWD/.git/objects")
      export GIT_OBJECT_DIRECTORY="$2" GIT_ALTERNATE_OBJECT_DIRECTORIES
    fi
    if ! quiet_git add --sparse -A . 2>"$1/said" || grep -q 'embedded git repository' "$1/said"; then
      rm -f "$1/index"
      [ ! -e .git/index ] || cp -p .git/index "$1/index"
      add_without_nested 2>"$1/said" || { cat "$1/said" >&2; exit 1; }
    fi
    git write-tree
  )
}

# Repositories in it that are not tracked, each with a slash and a NUL.
nested_here() { git ls-files -z --others --exclude-standard | grep -z '/$' || :; }
# Of those git would add the commit and no file, or nothing at all and fail.
add_without_nested() {
  { printf '.\0'; nested_here | sed -z 's/^/:(exclude,literal)/'; } |
    quiet_git add --sparse -A --pathspec-from-file=- --pathspec-file-nul
}

# What a filter of the host made, and git is to take for unchanged: "HASH  PATH", each with a NUL.
assumed_sums() {
  [ ! -s .git/banger/assumed ] || xargs -0 sha256sum -z -- <.git/banger/assumed 2>/dev/null || :
}
# The paths of those that were changed since.
assumed_changes() {
  [ -s .git/banger/sums ] || return 0
  assumed_sums | comm -z -13 .git/banger/sums - | sed -z 's/^.\{66\}//'
}
# Branches and tags that are here now, as rev-list takes them.
tips_here() { git for-each-ref --format='^%(objectname)' refs/heads refs/remotes refs/tags; }

# Makes of what was unpacked here what shall be here.
check_out() {
  # What checkout-index makes it has looked at; where all was sent, nothing has been.
  if [ -e .git/banger/made ]; then
    [ ! -s .git/banger/made ] ||
      (umask "$(cat .git/banger/umask)" && quiet_git checkout-index -f -u -z --stdin <.git/banger/made)
  else
    quiet_git update-index -q --refresh --ignore-submodules >/dev/null 2>&1 || :
  fi
  for list in .git/banger/mode-*; do
    [ ! -e "$list" ] || xargs -0 chmod "${list##*-}" -- <"$list"
  done
  if [ -s .git/banger/assumed ]; then
    git update-index --assume-unchanged -z --stdin <.git/banger/assumed
    assumed_sums >.git/banger/sums
  fi
}

keep_as_prepared() {
  commit=$(GIT_AUTHOR_NAME=banger GIT_AUTHOR_EMAIL=banger@localhost GIT_COMMITTER_NAME=banger \
    GIT_COMMITTER_EMAIL=banger@localhost git commit-tree -m "As banger prepared it" "$1")
  git update-ref refs/banger/prepared "$commit"
}

# A patch that git apply takes, whatever the configuration here. $1, $2: from, to.
print_patch() {
  git -c core.quotepath=true -c diff.noprefix=false -c diff.mnemonicPrefix=false diff-tree -r -p --binary --full-index \
    --no-renames --no-ext-diff --no-textconv --no-color --src-prefix=a/ --dst-prefix=b/ --ignore-submodules=dirty "$1" "$2"
}

# What is here now is what banger prepared.
note_prepared() {
  tree=$(tree_here "$PWD/.git/banger/tmp")
  rm -rf .git/banger/tmp .git/banger/made .git/banger/umask .git/banger/mode-*
  keep_as_prepared "$tree"
  tips_here >.git/banger/tips
  git ls-files -s | cksum >.git/banger/staged
}

go_to_workspace() {
  need_git
  [ -e "$1/.git/banger/workspace" ] || fail 73 "there is no workspace at $1"
  cd -- "$1"
}
