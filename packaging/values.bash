
# Values of arguments that clap does not know. tests/completions.rs adds the tables of drivers and operations.

# Prints the operations of a driver.
_hookmux_operations() {
    case $1 in
        OPERATIONS
    esac
}

# Prints the connection and the command by which virsh lists the guests or networks of a driver.
_hookmux_connection() {
    case $1 in
        CONNECTIONS
    esac
}

# Prints the guests or networks of a driver. Read-only, because libvirt then asks for no password. Prints nothing if it
# refuses or does not answer.
_hookmux_guests() {
    local -a connection
    read -ra connection <<<"$(_hookmux_connection "$1")"
    [[ -n ${connection[0]-} ]] || return 0
    timeout -k 1 2 virsh --readonly --quiet --connect "${connection[0]}" "${connection[1]}" --all --name \
        </dev/null 2>/dev/null || true
}

# Prints the files in libvirt's own directory of a driver, below a root.
_hookmux_scripts() {
    local path
    for path in "$1/etc/libvirt/hooks/$2.d"/*; do
        [[ -f $path ]] && printf '%s\n' "${path##*/}"
    done
}

# Prints the values that the last word can have, one per line; fails if clap completes it. The words are split as in bash, or
# as in another shell, which does not split --root=DIR.
_hookmux_find() {
    local word before='' current=${!#} root='' driver line values=''
    local -a given=()
    for word in "${@:2:$#-2}"; do
        case $before/$word in
            */=) continue ;;
            --root/*) root=$word ;;
            --xml/* | --output/* | -o/*) ;;
            */--root=*) root=${word#*=} ;;
            */-*) ;;
            *) given+=("$word") ;;
        esac
        before=$word
    done
    case $current in
        =) current='' ;;
        --*=*)
            before=${current%%=*}
            current=${current#*=}
            ;;
    esac
    driver=${given[1]-}
    # The driver may be left out.
    if [[ ${given[0]-} == @(run|test|explain) && -n $driver && -z $(_hookmux_operations "$driver") ]]; then
        driver=qemu
        given=("${given[0]}" qemu "${given[@]:1}")
    fi
    case $before/$current/${given[0]-}/${#given[@]} in
        --guest/*) values=$(_hookmux_guests qemu) ;;
        --operation/*) values=$(_hookmux_operations qemu | tr ' ' '\n') ;;
        -*/* | */-*) return 1 ;;
        */run/1 | */test/1 | */explain/1 | */adopt/1 | */list/1) values=$'DRIVERS' ;;
        */install/[1-9]* | */uninstall/[1-9]*) values=$'DRIVERS' ;;
        */run/2 | */test/2 | */explain/2) values=$(_hookmux_guests "$driver") ;;
        */run/3 | */test/3 | */explain/3) values=$(_hookmux_operations "$driver" | tr ' ' '\n') ;;
        */run/4 | */test/4 | */explain/4) values=$'begin\nend' ;;
        */adopt/[2-9]*) values=$(_hookmux_scripts "$root" "$driver") ;;
        *) return 1 ;;
    esac
    while IFS= read -r line; do
        [[ -z $line || $line != "$current"* ]] || printf '%s\n' "$line"
    done <<<"$values"
}

# Completes the values of arguments, and leaves everything else to what clap generated.
_hookmux_values() {
    local line values
    COMPREPLY=()
    if values=$(_hookmux_find "${COMP_WORDS[@]:0:COMP_CWORD+1}"); then
        while IFS= read -r line; do
            [[ -z $line ]] || COMPREPLY+=("$(printf %q "$line")")
        done <<<"$values"
    else
        _hookmux "$@"
    fi
}
