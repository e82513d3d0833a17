#include "cli/completion_scripts.hpp"

namespace banger::cli {

// bash takes words apart at '=' and ':', too. What has no blank between it is one word for us, and
// of the answers only what follows the last such sign is wanted.
const std::string_view bash_completion = R"(# bash completion for banger: source it, or save it as
# ~/.local/share/bash-completion/completions/banger
_banger() {
  local IFS=$'\n' rest=${COMP_LINE:0:COMP_POINT} words=() current= gap= head= word= i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    gap=${rest%%[![:space:]]*}
    rest=${rest#"$gap"}
    current=${COMP_WORDS[i]}
    [[ $rest == "$current"* ]] || current=$rest
    rest=${rest#"$current"}
    if [[ -n $gap || $i -eq 0 ]]; then
      words+=("$current")
    else
      words[${#words[@]}-1]+=$current
    fi
  done
  [[ $current == [=:] ]] && current=
  head=${words[${#words[@]}-1]%"$current"}
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    if [[ $word == :files ]]; then
      compopt -o filenames 2>/dev/null
      COMPREPLY+=($(compgen -f -- "$current"))
    else
      COMPREPLY+=("${word#"$head"}")
    fi
  done < <("${1/#\~/$HOME}" __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _banger banger
)";

const std::string_view zsh_completion = R"(#compdef banger
# zsh completion for banger: save it as _banger in a folder of $fpath
_banger() {
  local line; local -a found
  for line in "${(@f)$("${(Q)words[1]}" __complete -- "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      [[ $PREFIX == --*=* ]] && compset -P '*='
      _files
    elif [[ -n $line ]]; then
      found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done
  (( $#found )) && _describe banger found
}
if [[ $funcstack[1] == _banger ]]; then _banger "$@"; else compdef _banger banger; fi
)";

const std::string_view fish_completion = R"(# fish completion for banger: save it as
# ~/.config/fish/completions/banger.fish
function __banger_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in (command $words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
    else
      echo $line
    end
  end
end
complete -c banger -f -a '(__banger_complete)'
)";

} // namespace banger::cli
