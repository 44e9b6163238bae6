#!/bin/sh
# Installs hookmux on a host from this directory, or takes it away again:
#
#     ./install.sh                what the packages bring, and the hooks that libvirt calls, where there are none
#     ./install.sh --uninstall    takes both away, and puts back hooks that hookmux took over
#
# DESTDIR=DIR puts the files below DIR, for who builds an image or a package of his own; no hook is made then. Everything
# lies below /usr/bin, /usr/lib, /usr/share and /etc: AppArmor lets libvirt execute no hook in /usr/local. Doing it again
# with a newer version is an upgrade. Settings that were changed stay.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
DESTDIR=${DESTDIR:-}

say() {
    echo "install.sh: $*"
}

fail() {
    say "$*" >&2
    exit 1
}

[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || fail "it writes below /usr and /etc: run it as root, or set DESTDIR"
[ -f "$here/files" ] || fail "there is no $here/files: run it where the archive was unpacked"

put() {
    while read -r kind mode path; do
        from=$here/root$path to=$DESTDIR$path
        case $kind in
        dir) [ -d "$to" ] || install -d -m "$mode" "$to" ;;
        config)
            if [ -e "$to" ] && ! cmp -s "$from" "$to"; then
                install -m "$mode" "$from" "$to.new"
                say "$to was changed and stays; the new one is $to.new"
            else
                whole "$mode" "$from" "$to"
            fi
            ;;
        *) whole "$mode" "$from" "$to" ;;
        esac
    done <"$here/files"
}

# Replaces a file by a rename, with the SELinux label of the old one: libvirt may call the program at any moment.
whole() {
    install -D -m "$1" "$2" "$3.new.$$"
    [ ! -e "$3" ] || chcon --reference="$3" "$3.new.$$" 2>/dev/null || true
    mv -f "$3.new.$$" "$3"
}

take_away() {
    while read -r kind mode path; do
        to=$DESTDIR$path
        case $kind in
        dir) ;;
        config)
            if [ -e "$to" ] && ! cmp -s "$here/root$path" "$to"; then
                say "$to was changed and stays"
            else
                rm -f "$to"
            fi
            ;;
        *) rm -f "$to" ;;
        esac
    done <"$here/files"
    # What is in a directory comes after it in the list.
    sed -n 's/^dir [0-7]* //p' "$here/files" | sort -r | while read -r path; do
        [ ! -d "$DESTDIR$path" ] || rmdir "$DESTDIR$path" 2>/dev/null || say "$DESTDIR$path stays: it is not empty"
    done
}

# Installs the SELinux module and sets the labels. Without them SELinux denies the hooks: docs/selinux.md.
label() {
    selinuxenabled 2>/dev/null || return 0
    semodule -X 200 -i /usr/share/selinux/packages/hookmux.cil &&
        restorecon -i /usr/bin/hookmux /usr/bin/hookmux-hook
}

case ${1-} in
'')
    had=no
    [ ! -e "$DESTDIR/usr/bin/hookmux" ] || had=yes
    put
    say "the files are below ${DESTDIR:-/}"
    if [ -n "$DESTDIR" ]; then
        say "the hooks that libvirt calls come with, on that system: hookmux install"
    elif ! label; then
        fail "the SELinux module hookmux is not installed, so SELinux would deny the hooks and none was made:" \
            "see /usr/share/doc/hookmux/selinux.md"
    elif [ "$had" = yes ]; then
        # A hook that has gone since the last time, somebody took away on purpose.
        /usr/bin/hookmux install --refresh
    else
        /usr/bin/hookmux install --free-only --reload
    fi
    ;;
--uninstall)
    if [ -z "$DESTDIR" ] && [ -x /usr/bin/hookmux ]; then
        # First: a link that leads nowhere would make an older libvirt fail every start of a guest.
        /usr/bin/hookmux uninstall --reload || fail "the hooks could not be taken away: nothing else was"
        # Where there is no libvirt, they are of our making. libvirt's packages put more into /etc/libvirt than hooks.
        if [ "$(ls -A /etc/libvirt 2>/dev/null)" = hooks ] && [ -z "$(ls -A /etc/libvirt/hooks)" ]; then
            rmdir /etc/libvirt/hooks /etc/libvirt
        fi
        if selinuxenabled 2>/dev/null; then
            semodule -X 200 -r hookmux || say "SELinux keeps its module hookmux: semodule -X 200 -r hookmux"
        fi
    fi
    take_away
    ;;
*)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
