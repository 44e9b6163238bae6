# What the recipes do to a real system.
. /inject/common.sh
dpkg -i /inject/hookmux.deb >/dev/null
# A guest that no recipe is about.
virsh start --paused g1 >/dev/null

part cpus
# Two guests that are pinned to the second of two CPUs, and one that is pinned to both.
slices() { echo "[$(cat /sys/fs/cgroup/{init.scope,system.slice,user.slice}/cpuset.cpus.effective 2>/dev/null | xargs)]"; }
pinned() {
    virsh dumpxml g1 --inactive | sed "s|<name>g1|<name>$1|; /<uuid>/d; s|</vcpu>|</vcpu><cputune>$2</cputune>|" >/run/guest.xml
    virsh define /run/guest.xml >/dev/null
}
pinned one "<vcpupin vcpu='0' cpuset='1'/>"
pinned two "<emulatorpin cpuset='1'/>"
pinned all "<vcpupin vcpu='0' cpuset='0-1'/>"
install -D -m 755 /inject/30-cpus /etc/hookmux/qemu.d/30-cpus
cp /inject/30-cpus.toml /etc/hookmux/hookmux.toml.d/
echo '*' >/etc/hookmux/cpus
echo "before: $(slices)"
virsh start --paused one >/dev/null && echo "one: $(slices), machine: $(cat /sys/fs/cgroup/machine.slice/cpuset.cpus.effective)"
grep Cpus_allowed_list "/proc/$(cat /run/libvirt/qemu/one.pid)/task"/*/status | cut -f2 | sort | uniq -c | xargs
virsh start --paused two >/dev/null && echo "two: $(slices)"
hookmux run --yes qemu one prepare >/dev/null 2>&1 && echo "one again: $(slices)"
virsh start --paused all 2>&1 | sed -n 's/^cpus: /cpus: /p'
echo "all: $(slices)"
virsh destroy one >/dev/null && echo "without one: $(slices)"
virsh destroy two >/dev/null && echo "without both: $(slices)"
find /run/hookmux/cpus -type f -printf '%P\n'

part plain
# The same without systemd's directory, as on a host without it: the kernel's own files, which the calls act on directly.
cat >/run/plain.sh <<'END'
mount -t tmpfs tmpfs /run/systemd
document() { virsh dumpxml "$1" --inactive; }
call() { document "$1" | /etc/hookmux/qemu.d/30-cpus "$1" "$2" - -; echo "$1 $2: $(slices)"; }
call one prepare
call two prepare
call all prepare
call one release
call one release
call two release
END
export -f slices
unshare --mount bash /run/plain.sh 2>&1
rm /etc/hookmux/qemu.d/30-cpus /etc/hookmux/cpus /etc/hookmux/hookmux.toml.d/30-cpus.toml
for guest in one two all; do virsh undefine "$guest" >/dev/null; done

part usb
# The emulated host has a USB tablet, 0627:0001. A guest gets it after its start, and another device is missing.
virsh dumpxml g1 --inactive | sed "s|<name>g1|<name>usb guest|; /<uuid>/d" >/run/guest.xml
virsh define /run/guest.xml >/dev/null
attached() { virsh dumpxml "usb guest" | grep -c "<product id='0x0001'/>"; }
has_tablet() { [ "$(attached)" = 1 ]; }
install -D -m 755 /inject/90-attach-usb /etc/hookmux/qemu.d/90-attach-usb
printf '# tablets\n0627:0001 g1\n0627:0001 usb guest\nffff:ffff usb guest' >/etc/hookmux/attach-usb
cp /inject/90-attach-usb.toml /etc/hookmux/hookmux.toml.d/
virsh start --paused "usb guest" >/dev/null && echo started
wait_for has_tablet
/etc/hookmux/qemu.d/90-attach-usb "usb guest" started begin - </dev/null 2>&1
echo "exit code $?, attached $(attached)"
virsh destroy "usb guest" >/dev/null
echo "afterwards $(attached)"
virsh undefine "usb guest" >/dev/null
rm /etc/hookmux/qemu.d/90-attach-usb /etc/hookmux/attach-usb /etc/hookmux/hookmux.toml.d/90-attach-usb.toml

part backup
# What the command writes shows how often it ran, for whom, and where; it goes on until it is told to end.
install -D -m 755 /inject/90-backup /etc/hookmux/qemu.d/90-backup
cp /inject/90-backup.toml /etc/hookmux/hookmux.toml.d/
cat >/etc/hookmux/backup <<'END'
g? echo "$BACKUP_GUEST, $(cut -d: -f3 /proc/self/cgroup)" >>/run/backups; while [ -e /run/backup ]; do sleep 1; done
END
release() { /etc/hookmux/qemu.d/90-backup g1 release end "$1" </dev/null 2>&1; }
ends() { ! systemctl is-active --quiet hookmux-backup-g1.service; }
touch /run/backup
kill -9 "$(cat /run/libvirt/qemu/g1.pid)"
wait_for is_state "shut off"
printf '#!/bin/sh\n[ "$2" != prepare ]\n' >/etc/hookmux/qemu.d/40-no
chmod 755 /etc/hookmux/qemu.d/40-no
virsh start --paused g1 >/dev/null 2>&1 || echo refused
rm /etc/hookmux/qemu.d/40-no
hookmux history --guest g1 --json | python3 -c 'import json, sys
print(*(record["extra"] for record in map(json.loads, sys.stdin) if record["operation"] == "release"))'
virsh start --paused g1 >/dev/null && virsh destroy g1 >/dev/null
wait_for test -s /run/backups
cat /run/backups
# Another one while it runs, and after it.
release shutdown
rm /run/backup
wait_for ends
release shutdown
wait_for ends
cat /run/backups
unshare --mount sh -c 'mount -t tmpfs tmpfs /run/systemd; /etc/hookmux/qemu.d/90-backup g1 release end shutdown 2>&1 </dev/null'
rm /etc/hookmux/qemu.d/90-backup /etc/hookmux/backup /etc/hookmux/hookmux.toml.d/90-backup.toml

part gpu
# A guest gets both functions of the card: the one with the framebuffer, which has no driver, and the one with a driver.
# What takes the place of a display manager is running. Each line is the state of all that the script may change.
cat >/etc/systemd/system/screen.service <<'END'
[Service]
ExecStart=/bin/sleep infinity
[Install]
Alias=display-manager.service
END
systemctl enable --now screen.service 2>/dev/null
driver() { basename "$(readlink "/sys/bus/pci/devices/0000:00:$1/driver" || echo none)"; }
override() { sed 's/(null)/-/' "/sys/bus/pci/devices/0000:00:$1/driver_override"; }
consoles() { grep -l 'frame buffer' /sys/class/vtconsole/*/name | sed 's/name$/bind/' | xargs -r cat; }
is_settled() { ! systemctl list-jobs --no-legend | grep -q screen; }
card() {
    wait_for is_settled
    echo "$1: $(driver 08.0) $(override 08.0), $(driver 08.1) $(override 08.1), framebuffer: $(cut -d' ' -f2- /proc/fb)," \
        "console: $(consoles), display: $(systemctl is-active display-manager)"
}
function_of_card() {
    echo "<hostdev mode='subsystem' type='pci' managed='$2'><source>" \
        "<address domain='0' bus='0' slot='8' function='$1'/></source></hostdev>"
}
with_card() {
    virsh dumpxml g1 --inactive | sed "s|<name>g1|<name>$1|; /<uuid>/d; s|</devices>|$2</devices>|" >/run/guest.xml
    virsh define /run/guest.xml >/dev/null
}
call() { hookmux run qemu card "$1" 2>&1 | sed -n 's/.*gpu: guest/gpu: guest/p'; }
with_card card "$(function_of_card 0 no)$(function_of_card 1 no)"
with_card "managed card" "$(function_of_card 0 yes)$(function_of_card 1 yes)"
install -D -m 755 /inject/20-gpu /etc/hookmux/qemu.d/20-gpu
cp /inject/20-gpu.toml /etc/hookmux/hookmux.toml.d/
card before

# vfio-pci does not take a bridge: the steps before that are undone.
printf '0000:00:09.0 card\n0000:00:08.0 card\n' >/etc/hookmux/gpu
call prepare
card "no bridge"
echo "bridge: $(driver 09.0) $(override 09.0)"

printf '# cards\n*card' >/etc/hookmux/gpu
virsh start --paused card >/dev/null && card "card runs"
virsh destroy card >/dev/null && card "card ended"
journalctl --identifier hookmux --output cat --no-pager | sed -n 's/.*gpu: guest/gpu: guest/p'

# Twice by hand, and without its driver, which was unloaded meanwhile.
for _ in 1 2; do call prepare; card prepare; done
cat /run/hookmux/gpu/*-*
rmmod e1000e
for _ in 1 2; do call release; card release; done

# Only the function that is not a graphics card.
echo '0000:00:08.1 card' >/etc/hookmux/gpu
call prepare
card "other function"
call release
card "other function"

# With a driver: a start that fails after the script, and one that does not.
echo '*card' >/etc/hookmux/gpu
modprobe bochs
wait_for test -e /dev/dri/card0
card driver
printf '#!/bin/sh\n[ "$2" != prepare ]\n' >/etc/hookmux/qemu.d/40-no
chmod 755 /etc/hookmux/qemu.d/40-no
virsh start --paused "managed card" 2>&1 | sed -n 's/.*hookmux: /hookmux: /p'
card refused
rm /etc/hookmux/qemu.d/40-no
virsh start --paused "managed card" >/dev/null && card "managed card runs"
virsh destroy "managed card" >/dev/null && card "managed card ended"

# With something that uses the card, until the script gives up, and until its time is up.
sleep 1000 8</dev/dri/card0 &
call prepare | sed "s/$!/PID/"
card "in use"
sed -i s/60s/8s/ /etc/hookmux/hookmux.toml.d/20-gpu.toml
virsh start --paused card 2>&1 | sed -n 's/.*hookmux: /hookmux: /p'
card "out of time"
kill $!

echo '0000:00:0a.0 card' >/etc/hookmux/gpu
call prepare
card "no device"
find /run/hookmux/gpu -type f -printf '%P\n'
