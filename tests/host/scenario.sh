# Run as root on the emulated host, with the packages beside it. In: /inject. Out: what each part prints, after "== NAME".
part() { echo "== $1"; }
wait_for() {
    for _ in $(seq 240); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.5; done
    echo "waited for: $*"
}
hooks() { find /etc/libvirt -mindepth 1 \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%p -> %l\n' \) | sort; }
links() { find /etc/libvirt/hooks -type l -printf '%P -> %l\n' | sort; }
calls() { hookmux history --guest g1 --json | python3 -c 'import json, sys
records = map(json.loads, sys.stdin)
print(*(record["operation"] for record in records if record.get("verdict") is not None))'; }
state() { virsh domstate g1 | head -n 1; }
is_state() { [ "$(state)" = "$1" ]; }
restart() { systemctl restart libvirtd; wait_for virsh version; }
denials() { journalctl -k --no-pager | grep 'apparmor="DENIED"' | grep -c "$1"; }

export LC_ALL=C
echo =====BEGIN
cat >/inject/g1.xml <<'END'
<domain type='qemu'><name>g1</name><memory unit='MiB'>8</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><memballoon model='none'/></devices></domain>
END
# The daemon stays confined; a profile for each guest takes a minute under emulation.
printf 'security_driver = "none"\nuser = "root"\ngroup = "root"\n' >>/etc/libvirt/qemu.conf
restart
wait_for virsh define /inject/g1.xml

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
echo '*' >/etc/hookmux/cpus
echo "before: $(slices)"
virsh start --paused one >/dev/null && echo "one: $(slices), machine: $(cat /sys/fs/cgroup/machine.slice/cpuset.cpus.effective)"
grep Cpus_allowed_list "/proc/$(cat /run/libvirt/qemu/one.pid)/task"/*/status | cut -f2 | sort | uniq -c | xargs
virsh start --paused two >/dev/null && echo "two: $(slices)"
hookmux run qemu one prepare >/dev/null 2>&1 && echo "one again: $(slices)"
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
rm /etc/hookmux/qemu.d/30-cpus /etc/hookmux/cpus
for guest in one two all; do virsh undefine "$guest" >/dev/null; done

part usb
# The emulated host has a USB tablet, 0627:0001. A guest gets it after its start, and another device is missing.
virsh dumpxml g1 --inactive | sed "s|<name>g1|<name>usb guest|; /<uuid>/d" >/run/guest.xml
virsh define /run/guest.xml >/dev/null
attached() { virsh dumpxml "usb guest" | grep -c "<product id='0x0001'/>"; }
has_tablet() { [ "$(attached)" = 1 ]; }
install -D -m 755 /inject/90-attach-usb /etc/hookmux/qemu.d/90-attach-usb
printf '# tablets\n0627:0001 g1\n0627:0001 usb guest\nffff:ffff usb guest' >/etc/hookmux/attach-usb
printf '[[rule]]\nscript = "90-attach-usb"\nwait = false\n' >/etc/hookmux/hookmux.toml.d/90-attach-usb.toml
virsh start --paused "usb guest" >/dev/null && echo started
wait_for has_tablet
/etc/hookmux/qemu.d/90-attach-usb "usb guest" started begin - </dev/null 2>&1
echo "exit code $?, attached $(attached)"
virsh destroy "usb guest" >/dev/null
echo "afterwards $(attached)"
virsh undefine "usb guest" >/dev/null
rm /etc/hookmux/qemu.d/90-attach-usb /etc/hookmux/attach-usb /etc/hookmux/hookmux.toml.d/90-attach-usb.toml

part remove
dpkg --remove hookmux >/dev/null && echo removed
hooks | diff /run/before - && echo "as before"
state
virsh destroy g1 >/dev/null && virsh start --paused g1 >/dev/null && echo started

part purge
dpkg --purge hookmux >/dev/null
find / -xdev -path /inject -prune -o -name '*hookmux*' -print | grep -v '^/etc/hookmux' | sort
