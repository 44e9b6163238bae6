#!/bin/sh
# The namespaces of one host, in three stages that replace one another in one process (so the pid that the test
# started stays the handle to all of it). In: the stage, the host's name, a directory that two hosts share (or ''), the
# root directory of another release (or ''), the host's cgroup directories. Out: the word "ready", or what went wrong. Lives until its stdin is closed.
# Everything that is written goes into tmpfs of this mount namespace: it disappears with the last process in it.
set -eu
stage=$1 name=$2 wire=$3 root=$4
shift 4
self=$(readlink -f "$0")

case $stage in
cgroups)
    # A cgroup namespace has its root where its creator was: join first, then unshare.
    for directory in "$@"; do echo $$ > "$directory/cgroup.procs"; done
    exec unshare --cgroup sh "$self" namespaces "$name" "$wire" "$root" "$@"
    ;;
namespaces)
    # cgroup2 wants no process next to the cgroups that libvirtd makes below the root it sees.
    for directory in "$@"; do
        [ ! -e "$directory/cgroup.controllers" ] || { mkdir "$directory/host"; echo $$ > "$directory/host/cgroup.procs"; }
    done
    exec unshare --mount --uts --ipc --net --pid --fork --kill-child=KILL --mount-proc \
        sh "$self" inside "$name" "$wire" "$root" "$@"
    ;;
inside) ;;
*) echo "no such stage: $stage"; exit 2 ;;
esac

mount --make-rprivate /
ip link set lo up

# For every process of this mount namespace the new root becomes the root, also for the one that the test knows.
# The directory of another release is shared by all hosts that have it: each writes to a layer of its own.
layered="etc usr var"
if [ -n "$root" ]; then
    cd "$root"
    mount -t tmpfs -o mode=755 tmpfs /mnt
    mkdir /mnt/written /mnt/work /mnt/root
    mount -t overlay overlay -o lowerdir=.,upperdir=/mnt/written,workdir=/mnt/work /mnt/root
    root=/mnt/root
    layered=
    mount --rbind /dev "$root/dev"
    mount --rbind /proc "$root/proc"
    mount --rbind /sys "$root/sys"
    cd "$root"
    pivot_root . .
    umount --lazy .
    cd /
fi

# sysfs shows the network namespace that it was mounted in, and libvirt reads bridges there. The machine's cgroups go
# with the old one: a guest needs none, a container gets its own below.
umount --recursive /sys
mount -t sysfs sysfs /sys
if [ $# -gt 0 ]; then
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    for directory in "$@"; do
        hierarchy=$(basename "$(dirname "$directory")")
        if [ "$hierarchy" = cgroup ]; then
            mount -t cgroup2 cgroup2 /sys/fs/cgroup
        else
            mkdir "/sys/fs/cgroup/$hierarchy"
            mount -t cgroup -o "$hierarchy" cgroup "/sys/fs/cgroup/$hierarchy"
        fi
    done
fi

# The shared directory may lie below /tmp or /run, which are about to be covered: hold it by a descriptor's path.
[ -z "$wire" ] || exec 3< "$wire"
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
for top in $layered; do
    mkdir -p "/run/layers/$top" "/run/layers/$top.work"
    mount -t overlay overlay -o "lowerdir=/$top,upperdir=/run/layers/$top,workdir=/run/layers/$top.work" "/$top"
done
mkdir -p /run/lock /run/records
if [ -n "$wire" ]; then
    mkdir /run/wire
    mount --bind /proc/self/fd/3 /run/wire
    exec 3<&-
fi

# Guests here are emulated in software. A /dev/kvm that QEMU can open as root but not as its own user makes libvirt ask
# QEMU for its capabilities again with each call, a dozen times a start: half a second each.
if [ -e /dev/kvm ]; then
    touch /run/no-kvm
    chmod 600 /run/no-kvm
    mount --bind /run/no-kvm /dev/kvm
    # libvirt gives each guest a /dev of its own, and fails to carry this mount over into it.
    [ ! -d /etc/libvirt ] || echo 'namespaces = []' >> /etc/libvirt/qemu.conf
fi

hostname "$name"
echo "127.0.1.1 $name" >> /etc/hosts
echo ready
# The first process of a pid namespace inherits every orphan, and libvirt takes a zombie for a guest that runs on:
# with SIGCHLD ignored the kernel reaps them.
exec env --ignore-signal=CHLD cat
