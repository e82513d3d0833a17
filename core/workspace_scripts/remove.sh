# Argument: path of a workspace that was made just now.
rm -rf -- "$1"
