# Arguments: path, tree, record. This tree counts as prepared from now on.
go_to_workspace "$1"
keep_as_prepared "$2"
printf '%s' "$3" >.git/banger/workspace.new
mv -f .git/banger/workspace.new .git/banger/workspace
