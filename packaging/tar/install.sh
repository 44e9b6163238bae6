#!/bin/sh
# Installs hookmux on a host from this directory, or removes it:
#
#     ./install.sh                installs the files of the packages and the hooks that libvirt calls
#     ./install.sh --uninstall    removes both, and restores hooks that hookmux took over
#
# DESTDIR=DIR puts the files below DIR, for an image or a package of your own, and makes no hooks. All files are below
# /usr/bin, /usr/lib, /usr/share and /etc, because AppArmor does not allow libvirt to run hooks in /usr/local. Run a newer
# version's script to upgrade. Settings that were changed stay.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
DESTDIR=${DESTDIR:-}

info() {
    echo "install.sh: $*"
}

fail() {
    info "$*" >&2
    exit 1
}

[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || fail "cannot write below /usr and /etc: run it as root, or set DESTDIR"
[ -f "$here/files" ] || fail "$here/files does not exist: run it where the archive was unpacked"

put() {
    while read -r kind mode path; do
        from=$here/root$path to=$DESTDIR$path
        case $kind in
        dir) [ -d "$to" ] || install -d -m "$mode" "$to" ;;
        config)
            if [ -e "$to" ] && ! cmp -s "$from" "$to"; then
                install -m "$mode" "$from" "$to.new"
                info "$to was changed and stays; the new one is $to.new"
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

remove() {
    while read -r kind mode path; do
        to=$DESTDIR$path
        case $kind in
        dir) ;;
        config)
            if [ -e "$to" ] && ! cmp -s "$here/root$path" "$to"; then
                info "$to was changed and stays"
            else
                rm -f "$to"
            fi
            ;;
        *) rm -f "$to" ;;
        esac
    done <"$here/files"
    # In reverse, so that a directory is removed after the directories in it.
    sed -n 's/^dir [0-7]* //p' "$here/files" | sort -r | while read -r path; do
        [ ! -d "$DESTDIR$path" ] || rmdir "$DESTDIR$path" 2>/dev/null || info "$DESTDIR$path stays: it is not empty"
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
    # What was written over /usr/bin/hookmux-hook through a hook's link is kept as a hook.
    if [ -z "$DESTDIR" ] && [ "$had" = yes ] && [ -e /usr/bin/hookmux-hook ]; then
        /usr/bin/hookmux install --restore || fail "what was written over /usr/bin/hookmux-hook cannot be kept: nothing was done"
    fi
    put
    [ -n "$DESTDIR" ] || ! command -v journalctl >/dev/null || journalctl --update-catalog || true
    info "installed the files below ${DESTDIR:-/}"
    if [ -n "$DESTDIR" ]; then
        info "to install the hooks that libvirt calls, run on that system: hookmux install"
    elif ! label; then
        fail "the SELinux module hookmux is not installed, so SELinux would deny the hooks and none was made:" \
            "see /usr/share/doc/hookmux/selinux.md"
    elif [ "$had" = no ]; then
        # At an upgrade, a hook that is missing was removed on purpose.
        /usr/bin/hookmux install --free-only --reload
    fi
    ;;
--uninstall)
    if [ -z "$DESTDIR" ] && [ -x /usr/bin/hookmux ]; then
        # First, because a dangling link would make every start of a guest fail with an older libvirt.
        if ! /usr/bin/hookmux install --restore || ! /usr/bin/hookmux uninstall --reload; then
            fail "the hooks could not be removed, so nothing else was"
        fi
        ! command -v systemctl >/dev/null || systemctl --quiet disable --now hookmux-metrics.timer || true
        # Without libvirt, whose packages put more than hooks into /etc/libvirt, these directories belong to hookmux.
        if [ "$(ls -A /etc/libvirt 2>/dev/null)" = hooks ] && [ -z "$(ls -A /etc/libvirt/hooks)" ]; then
            rmdir /etc/libvirt/hooks /etc/libvirt
        fi
        if selinuxenabled 2>/dev/null; then
            semodule -X 200 -r hookmux || info "the SELinux module hookmux was not removed: run semodule -X 200 -r hookmux"
        fi
    fi
    remove
    # Where systemd is installed, the directory belongs to it.
    [ ! -d "$DESTDIR/usr/lib/systemd/catalog" ] || rmdir --ignore-fail-on-non-empty "$DESTDIR/usr/lib/systemd/catalog"
    [ -n "$DESTDIR" ] || ! command -v journalctl >/dev/null || journalctl --update-catalog || true
    ;;
*)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
