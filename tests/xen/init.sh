#!/bin/bash
# The init of dom0: sets up what Xen's tools and libvirt need, then runs the scenario on the second disk.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs tmp /tmp
mkdir -p /dev/pts /dev/shm /run/lock /run/libvirt
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs inject /inject
mount -t cgroup2 cgroup2 /sys/fs/cgroup
tar xf /dev/vdb -C /inject
hostname xen
ip link set lo up
ip address add 10.9.8.1/32 dev lo
/etc/init.d/xen start
modprobe xen-gntalloc
bash /inject/scenario.sh
echo "=====END"
sync
sleep 1
echo o >/proc/sysrq-trigger
sleep 60
