# Arguments: path, tree. Prints a patch from what was prepared.
go_to_workspace "$1"
print_patch refs/banger/prepared "$2"
