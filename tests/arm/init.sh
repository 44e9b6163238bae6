#!/bin/busybox sh
# The first and only process of the machine: runs the scenario, and ends the machine.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo =====BEGIN
sh /scenario.sh 2>&1
echo =====END
poweroff -f
