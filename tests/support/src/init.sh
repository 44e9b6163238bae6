#!/bin/busybox sh
# The first process of the guest: devices, two disks that a freeze freezes (/data and /var/log), a log daemon that
# writes to one of them, and a shell on the port "shell", by which the test looks and acts. The root is in memory, and
# never frozen. The guest agent is started by the test.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
chmod 755 /
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules/order); do insmod "/modules/$module.ko"; done
mount -t ext4 /dev/vda /data
mount -t ext4 /dev/vdb /var/log
for port in /sys/class/virtio-ports/*; do
    ln -s "${port##*/}" "/dev/$(cat "$port/name")"
done
ip link set lo up
syslogd -O /var/log/messages
# Once open, a port cannot be opened again: one descriptor for both ways.
exec 3<>/dev/shell
echo ready >&3
while :; do sh <&3 >&3 2>&1; done
