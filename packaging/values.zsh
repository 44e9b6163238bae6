# Values of arguments that clap does not know: bash's completion finds them.
_hookmux_values() {
    local -a given found
    given=(${(z)LBUFFER})
    [[ $LBUFFER != *' ' ]] || given+=('')
    found=(${(f)"$(bash --norc -c 'source "$0" && _hookmux_find "$@"' \
        ${_hookmux_bash:-/usr/share/bash-completion/completions/hookmux} "${given[@]}" 2>/dev/null)"})
    compadd -a found
}

