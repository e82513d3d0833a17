# Prints the paths of all workspaces.
for link in "$registry"/*; do
  path=$(readlink -- "$link") || continue
  if [ -e "$path/.git/banger/workspace" ]; then printf '%s\0' "$path"; else rm -f -- "$link"; fi
done
