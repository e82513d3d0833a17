# What comes before every script. The path of a workspace is always the first argument.
set -eu
umask 022
export LC_ALL=C GIT_OPTIONAL_LOCKS=0 GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE
fail() { printf '%s\n' "$2" >&2; exit "$1"; }
need_git() { command -v git >/dev/null 2>&1 || fail 71 "git is not installed in the guest"; }
quiet_git() { git -c core.fsmonitor=false -c advice.addEmbeddedRepo=false -c core.safecrlf=false "$@"; }
registry=${BANGER_WORKSPACES:-/var/lib/banger/workspaces}

# A folder as GIT_ALTERNATE_OBJECT_DIRECTORIES takes it, whatever is in its name.
alternate() { printf '"%s"' "$(printf %s "$1" | sed 's/["\\]/\\&/g')"; }

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
    quiet_git add --sparse -A . 2>"$1/said" || { cat "$1/said" >&2; exit 1; }
    git write-tree
  )
}

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
}

go_to_workspace() {
  need_git
  [ -e "$1/.git/banger/workspace" ] || fail 73 "there is no workspace at $1"
  cd -- "$1"
}
