_hookmux() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="hookmux"
                ;;
            hookmux,adopt)
                cmd="hookmux__subcmd__adopt"
                ;;
            hookmux,check)
                cmd="hookmux__subcmd__check"
                ;;
            hookmux,contract)
                cmd="hookmux__subcmd__contract"
                ;;
            hookmux,diff)
                cmd="hookmux__subcmd__diff"
                ;;
            hookmux,edit)
                cmd="hookmux__subcmd__edit"
                ;;
            hookmux,examples)
                cmd="hookmux__subcmd__examples"
                ;;
            hookmux,explain)
                cmd="hookmux__subcmd__explain"
                ;;
            hookmux,help)
                cmd="hookmux__subcmd__help"
                ;;
            hookmux,history)
                cmd="hookmux__subcmd__history"
                ;;
            hookmux,install)
                cmd="hookmux__subcmd__install"
                ;;
            hookmux,list)
                cmd="hookmux__subcmd__list"
                ;;
            hookmux,query)
                cmd="hookmux__subcmd__query"
                ;;
            hookmux,run)
                cmd="hookmux__subcmd__run"
                ;;
            hookmux,stats)
                cmd="hookmux__subcmd__stats"
                ;;
            hookmux,status)
                cmd="hookmux__subcmd__status"
                ;;
            hookmux,uninstall)
                cmd="hookmux__subcmd__uninstall"
                ;;
            hookmux__subcmd__help,adopt)
                cmd="hookmux__subcmd__help__subcmd__adopt"
                ;;
            hookmux__subcmd__help,check)
                cmd="hookmux__subcmd__help__subcmd__check"
                ;;
            hookmux__subcmd__help,contract)
                cmd="hookmux__subcmd__help__subcmd__contract"
                ;;
            hookmux__subcmd__help,diff)
                cmd="hookmux__subcmd__help__subcmd__diff"
                ;;
            hookmux__subcmd__help,edit)
                cmd="hookmux__subcmd__help__subcmd__edit"
                ;;
            hookmux__subcmd__help,examples)
                cmd="hookmux__subcmd__help__subcmd__examples"
                ;;
            hookmux__subcmd__help,explain)
                cmd="hookmux__subcmd__help__subcmd__explain"
                ;;
            hookmux__subcmd__help,help)
                cmd="hookmux__subcmd__help__subcmd__help"
                ;;
            hookmux__subcmd__help,history)
                cmd="hookmux__subcmd__help__subcmd__history"
                ;;
            hookmux__subcmd__help,install)
                cmd="hookmux__subcmd__help__subcmd__install"
                ;;
            hookmux__subcmd__help,list)
                cmd="hookmux__subcmd__help__subcmd__list"
                ;;
            hookmux__subcmd__help,query)
                cmd="hookmux__subcmd__help__subcmd__query"
                ;;
            hookmux__subcmd__help,run)
                cmd="hookmux__subcmd__help__subcmd__run"
                ;;
            hookmux__subcmd__help,stats)
                cmd="hookmux__subcmd__help__subcmd__stats"
                ;;
            hookmux__subcmd__help,status)
                cmd="hookmux__subcmd__help__subcmd__status"
                ;;
            hookmux__subcmd__help,uninstall)
                cmd="hookmux__subcmd__help__subcmd__uninstall"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        hookmux)
            opts="-v -h -V --verbose --json --help --version list explain run check edit install uninstall adopt diff query examples history stats status contract help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__adopt)
            opts="-v -h --root --verbose --json --help qemu lxc libxl bhyve network daemon fsfreeze-hook"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__check)
            opts="-v -h --strict --root --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__contract)
            opts="-v -h --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__diff)
            opts="-v -h --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__edit)
            opts="-v -h --root --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__examples)
            opts="-v -h --root --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__explain)
            opts="-v -h --force --root --xml --verbose --json --help qemu lxc libxl bhyve network daemon fsfreeze-hook"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --xml)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help)
            opts="list explain run check edit install uninstall adopt diff query examples history stats status contract help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__adopt)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__check)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__contract)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__diff)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__edit)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__examples)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__explain)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__history)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__install)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__query)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__run)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__stats)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__help__subcmd__uninstall)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__history)
            opts="-n -v -h --guest --operation --since --utc --failed --all --follow --html --root --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --guest)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --operation)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --since)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --html)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__install)
            opts="-v -h --drivers --force --take-over --free-only --restore --reload --root --verbose --json --help qemu lxc libxl bhyve network daemon fsfreeze-hook"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --drivers)
                    COMPREPLY=($(compgen -W "qemu lxc libxl bhyve network daemon fsfreeze-hook" -- "${cur}"))
                    return 0
                    ;;
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__list)
            opts="-v -h --sums --force --root --verbose --json --help qemu lxc libxl bhyve network daemon fsfreeze-hook"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__query)
            opts="-0 -v -h --null --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__run)
            opts="-o -v -h --force --root --xml --output --background --yes --dry-run --verbose --json --help qemu lxc libxl bhyve network daemon fsfreeze-hook"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --xml)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__stats)
            opts="-o -v -h --prometheus --output --root --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__status)
            opts="-v -h --root --verbose --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        hookmux__subcmd__uninstall)
            opts="-v -h --drivers --force --reload --root --verbose --json --help qemu lxc libxl bhyve network daemon fsfreeze-hook"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --drivers)
                    COMPREPLY=($(compgen -W "qemu lxc libxl bhyve network daemon fsfreeze-hook" -- "${cur}"))
                    return 0
                    ;;
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _hookmux_values -o nosort -o bashdefault -o default hookmux
else
    complete -F _hookmux_values -o bashdefault -o default hookmux
fi

# Values of arguments that clap does not know. tests/completions.rs adds the tables of drivers and operations.

# Prints the operations of a driver.
_hookmux_operations() {
    case $1 in
        qemu) echo prepare start started stop stopped release migrate restore preswitchover reconnect attach ;;
        lxc) echo prepare start started stopped release reconnect ;;
        libxl) echo prepare start started stopped release migrate reconnect ;;
        bhyve) echo prepare start started stopped release ;;
        network) echo start started stopped updated port-created port-deleted ;;
        daemon) echo start shutdown reload ;;
        fsfreeze-hook) echo freeze thaw ;;
    esac
}

# Prints the connection and the command by which virsh lists the guests or networks of a driver.
_hookmux_connection() {
    case $1 in
        qemu) echo qemu:///system list ;;
        lxc) echo lxc:///system list ;;
        libxl) echo xen:///system list ;;
        bhyve) echo bhyve:///system list ;;
        network) echo qemu:///system net-list ;;
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
        */run/1 | */test/1 | */explain/1 | */adopt/1 | */list/1) values=$'qemu\nlxc\nlibxl\nbhyve\nnetwork\ndaemon\nfsfreeze-hook' ;;
        */install/[1-9]* | */uninstall/[1-9]*) values=$'qemu\nlxc\nlibxl\nbhyve\nnetwork\ndaemon\nfsfreeze-hook' ;;
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
