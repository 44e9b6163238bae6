# Installs, uses, upgrades and removes the packages on the emulated host, with other hooks beside them.
. /inject/common.sh

part host
cat "/proc/$(systemctl show --property MainPID --value libvirtd)/attr/current"

# Another program's hook, which stays where it is.
mkdir -p /etc/libvirt/hooks
printf '#!/bin/sh\necho "$1 $2" >>/run/other\n' >/etc/libvirt/hooks/network
chmod 755 /etc/libvirt/hooks/network
restart
hooks >/run/before

part install
dpkg -i /inject/older.deb >/dev/null && echo installed
links
sha256sum --check --quiet <(grep ' /etc/libvirt/hooks/network$' /run/before) && echo "the other hook is unchanged"

part veto
mkdir -p /etc/hookmux/qemu.d
printf '#!/bin/sh\n[ "$2" != prepare ] || [ ! -e /run/refuse ] || { echo "not today" >&2; exit 3; }\n' >/etc/hookmux/qemu.d/10-veto
chmod 755 /etc/hookmux/qemu.d/10-veto
touch /run/refuse
virsh start --paused g1 2>&1 | sed -n 's/.*hookmux: /hookmux: /p; /not today/p'
rm /run/refuse

part journal
journalctl --identifier hookmux --output json --no-pager | python3 -c '
import json, sys
for line in sys.stdin:
    fields = json.loads(line)
    if "10-veto" in fields["MESSAGE"]:
        print(fields["PRIORITY"], fields["MESSAGE"])
        print(*sorted(name + "=" + str(value) for name, value in fields.items() if name.startswith("HOOKMUX_")))
        print(fields.get("MESSAGE_ID"))'

part catalog
journalctl --catalog --identifier hookmux --priority err --no-pager |
    sed -n "s/^[^[:alpha:]]*\(Subject: .*\)/\1/p; s/^[^/]* \(\/[^ ]* exited 3 in the call\)$/\1/p; s/^.* \(qemu prepare of .*\)$/\1/p"

part metrics
# As on a host with node_exporter. Only the timer starts the service.
metrics=/var/lib/prometheus/node-exporter/hookmux.prom
mkdir -p "${metrics%/*}"
systemctl is-enabled hookmux-metrics.timer
systemctl enable --now hookmux-metrics.timer 2>/dev/null
wait_for test -s "$metrics"
systemctl show --property Result --value hookmux-metrics.service
stat --format '%a %U:%G' "$metrics"
sed -n 's/^hookmux_hook_installed\(.* 1\)$/\1/p' "$metrics"
rm "$metrics"

part life
# Records at each call whether QEMU and the guest's scope in machine.slice exist, and the driver of its host device.
cat >/etc/hookmux/qemu.d/20-life <<'END'
#!/bin/sh
qemu=$(pgrep -f "guest=$1,")
scope=$(find /sys/fs/cgroup/machine.slice -name "machine-qemu*$1.scope" 2>/dev/null)
driver=$(readlink /sys/bus/pci/devices/0000:00:08.1/driver)
echo "$2: ${qemu:+QEMU, }${scope:+scope, }${driver##*/}" >>/run/life
[ ! -e /run/refuse-start ] || [ "$2" != start ]
END
chmod 755 /etc/hookmux/qemu.d/20-life
device="<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='0' slot='8' function='1'/></source></hostdev>"
virsh dumpxml g1 --inactive | sed "s|<name>g1|<name>life|; /<uuid>/d; s|</devices>|$device</devices>|" >/run/guest.xml
virsh define /run/guest.xml >/dev/null
has_released() { [ "$(grep -c release /run/life)" = "$1" ]; }
virsh start --paused life >/dev/null
restart
wait_for grep reconnect /run/life
virsh destroy life >/dev/null
echo "destroyed" >>/run/life
virsh start --paused life >/dev/null
kill -9 "$(cat /run/libvirt/qemu/life.pid)"
wait_for has_released 2
echo "crashed" >>/run/life
touch /run/refuse-start
virsh start --paused life >/dev/null 2>&1
cat /run/life
virsh undefine life >/dev/null
rm /etc/hookmux/qemu.d/20-life /run/refuse-start

part restart
printf '#!/bin/sh\n[ "$2" != started ] || { cat /proc/self/cgroup >/run/cgroup; echo $$ >/run/background; exec sleep 1000; }\n' \
    >/etc/hookmux/qemu.d/50-background
chmod 755 /etc/hookmux/qemu.d/50-background
mkdir -p /etc/hookmux/hookmux.toml.d
printf '[[rule]]\nscript = "50-background"\nwait = false\n' >/etc/hookmux/hookmux.toml.d/background.toml
virsh start --paused g1 >/dev/null && echo started
wait_for test -s /run/background
restart
wait_for is_state paused
state
calls

part background
sed 's/hookmux-[0-9-]*/hookmux-N/' /run/cgroup
kill -0 "$(cat /run/background)" && echo "alive after the restart"
echo "left over: $(journalctl --unit libvirtd --no-pager | grep -c "left-over process $(cat /run/background) ")"
scopes() { systemctl list-units --all --no-legend 'hookmux-*.scope' | wc -l; }
echo "scopes: $(scopes)"
kill "$(cat /run/background)"
wait_for eval '[ "$(scopes)" -eq 0 ]'
echo "scopes: $(scopes)"

part upgrade
dpkg -i /inject/hookmux.deb >/dev/null && echo installed
links
state
hookmux --version | cut -d' ' -f1,2
hookmux check >/dev/null
echo "check: $?"
timer() { echo "timer: $(systemctl is-active hookmux-metrics.timer)"; }
timer

part denials
denials hookmux

part local
cp /usr/bin/hookmux /usr/local/bin/hookmux
ln -sf /usr/local/bin/hookmux /etc/libvirt/hooks/qemu
virsh destroy g1 >/dev/null
virsh start --paused g1 2>&1 | head -n 1
[ "$(denials /usr/local/bin/hookmux)" -gt 0 ] && echo denied
hookmux check | grep -A 2 AppArmor
ln -sf /usr/bin/hookmux-hook /etc/libvirt/hooks/qemu
rm /usr/local/bin/hookmux
virsh start --paused g1 >/dev/null && echo started

part "metrics again"
wait_for test -s "$metrics" && grep '^hookmux_build_info' "$metrics"

part remove
dpkg --remove hookmux >/dev/null && echo removed
hooks | diff /run/before - && echo "as before"
state
virsh destroy g1 >/dev/null && virsh start --paused g1 >/dev/null && echo started
timer
[ -e "$metrics" ] || echo "no metrics"

part purge
dpkg --purge hookmux >/dev/null
find / -xdev -path /inject -prune -o -name '*hookmux*' -print | grep -v '^/etc/hookmux' | sort
