
# Values of arguments that clap does not know. tests/completions.rs adds the tables of drivers and operations.

# The operations of a driver.
_hookmux_operations() {
    case $1 in
        OPERATIONS
    esac
}

# How virsh lists the guests or networks of a driver.
_hookmux_connection() {
    case $1 in
        CONNECTIONS
    esac
}

# The guests or networks of a driver. Read-only, since libvirt then asks for no password. If it refuses or does not
# answer, there are none.
_hookmux_guests() {
    local -a connection
    read -ra connection <<<"$(_hookmux_connection "$1")"
    [[ -n ${connection[0]-} ]] || return 0
    timeout -k 1 2 virsh --readonly --quiet --connect "${connection[0]}" "${connection[1]}" --all --name \
        </dev/null 2>/dev/null || true
}

# The files in libvirt's own directory of a driver, below a root.
_hookmux_scripts() {
    local path
    for path in "$1/etc/libvirt/hooks/$2.d"/*; do
        [[ -f $path ]] && printf '%s\n' "${path##*/}"
    done
}

# Completes the values of arguments, and leaves everything else to what clap generated.
_hookmux_values() {
    local at value root='' driver line values=''
    local -a given=()
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            --root | --xml | --output | -o)
                [[ ${COMP_WORDS[at + 1]} != = ]] || ((at++))
                value=${COMP_WORDS[at + 1]}
                [[ ${COMP_WORDS[at]} != --root && ${COMP_WORDS[at - 1]} != --root ]] || root=$value
                ((at++))
                ;;
            -*) ;;
            *) given+=("${COMP_WORDS[at]}") ;;
        esac
    done
    driver=${given[1]-}
    # The driver may be left out.
    if [[ ${given[0]-} == @(run|test|explain) && -n $driver && -z $(_hookmux_operations "$driver") ]]; then
        driver=qemu
        given=("${given[0]}" qemu "${given[@]:1}")
    fi
    case $3/$2/${given[0]-}/${#given[@]} in
        --guest/*) values=$(_hookmux_guests qemu) ;;
        --operation/*) values=$(_hookmux_operations qemu | tr ' ' '\n') ;;
        -*/* | =/* | */-*) ;;
        */run/2 | */test/2 | */explain/2) values=$(_hookmux_guests "$driver") ;;
        */run/3 | */test/3 | */explain/3) values=$(_hookmux_operations "$driver" | tr ' ' '\n') ;;
        */run/4 | */test/4 | */explain/4) values=$'begin\nend' ;;
        */adopt/[2-9]*) values=$(_hookmux_scripts "$root" "$driver") ;;
    esac
    COMPREPLY=()
    while IFS= read -r line; do
        [[ -z $line || $line != "$2"* ]] || COMPREPLY+=("$(printf %q "$line")")
    done <<<"$values"
    [[ -n ${COMPREPLY[*]-} || ${given[0]-} == @(run|test|explain|adopt) && ${#given[@]} -ge 2 && $2 != -* && $3 != -* ]] || _hookmux "$@"
}
