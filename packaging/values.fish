
# Values of arguments that clap does not know: bash's completion finds them.
function __hookmux_values
    set -q __hookmux_bash; or set -l __hookmux_bash /usr/share/bash-completion/completions/hookmux
    set -l find 'source "$0" && _hookmux_find "$@"'
    bash --norc -c $find $__hookmux_bash (commandline -opc) (commandline -ct) 2>/dev/null
end

complete -c hookmux -n "__fish_hookmux_using_subcommand list explain run test install uninstall adopt" -f -a "(__hookmux_values)"
complete -c hookmux -n "__fish_hookmux_using_subcommand history logs" -l guest -x -a "(__hookmux_values)"
complete -c hookmux -n "__fish_hookmux_using_subcommand history logs" -l operation -x -a "(__hookmux_values)"
