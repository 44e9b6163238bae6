#!/bin/busybox sh
# The machine's init: runs the scenario, and powers the machine off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo =====BEGIN
sh /scenario.sh 2>&1
echo =====END
poweroff -f
