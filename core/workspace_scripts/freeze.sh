# Argument: path. Keeps what is here as a tree, and prints its name, what differs and what was prepared.
go_to_workspace "$1"
tree=$(tree_here "$PWD/.git/banger/tmp")
rm -rf .git/banger/tmp
printf '%s\0' "$tree"
git diff-tree -r -z --name-status --no-renames refs/banger/prepared "$tree"
printf '\0'
git ls-tree -r -z refs/banger/prepared
