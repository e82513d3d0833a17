# Argument: path. Forgets what stage.sh made.
go_to_workspace "$1"
rm -rf .git/banger/incoming
