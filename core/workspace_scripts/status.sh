# Argument: path. Prints the record, HEAD, branch, number of commits, and what was changed.
go_to_workspace "$1"
tmp=$(mktemp -d)
at_end 'rm -rf -- "$tmp"'
cat .git/banger/workspace
printf '\0%s\0' "$(git rev-parse --verify --quiet HEAD || :)"
printf '%s\0' "$(git symbolic-ref --quiet HEAD || :)"
head=$(cat .git/banger/head)
printf '%s\0' "$(git rev-list --count ${head:+"^$head"} HEAD 2>/dev/null || echo 0)"
tree=$(tree_here "$tmp" "$tmp/objects")
GIT_ALTERNATE_OBJECT_DIRECTORIES=$tmp/objects git diff-tree -r -z --name-status --no-renames refs/banger/prepared "$tree"
