# Run as root in the first domain of the emulated Xen host, with hookmux beside it. In: /inject. Out: what each part
# prints, after "== NAME".
part() { echo "== $1"; }
wait_for() {
    for _ in $(seq 240); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.5; done
    echo "waited for: $*"
}
# Calls since this was last asked.
calls() { cat "$1" 2>/dev/null; rm -f "$1"; }
is_off() { [ "$(virsh domstate pv1)" = "shut off" ]; }
is_up() { [ "$(grep -ac 'guest is up' /var/log/xen/console/guest-pv1.log)" -ge "$1" ]; }
start() { libvirtd --daemon --pid-file /run/libvirtd.pid; wait_for virsh version; }
restart() { pid=$(cat /run/libvirtd.pid); kill "$pid"; wait_for test ! -e "/proc/$pid"; start; }

export LIBVIRT_DEFAULT_URI=xen:///system
install -m 755 /inject/hookmux /usr/bin/hookmux
mkdir -p /etc/libvirt/hooks /etc/hookmux/libxl.d /var/log/libvirt
ln -s /usr/bin/hookmux /etc/libvirt/hooks/libxl
cat >/etc/hookmux/libxl.d/10-record <<'END'
#!/bin/sh
echo "$HOOKMUX_DRIVER $*" >>/run/calls
END
chmod 755 /etc/hookmux/libxl.d/10-record
cat >/etc/libvirt/libvirtd.conf <<'END'
auth_unix_rw = "none"
auth_unix_ro = "none"
host_uuid = "11111111-2222-3333-4444-555555555501"
END
cat >/inject/pv1.xml <<'END'
<domain type='xen'><name>pv1</name><uuid>aaaaaaaa-bbbb-cccc-dddd-000000000001</uuid>
<memory unit='MiB'>160</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='xenpv'>linux</type><kernel>/guest/vmlinux</kernel><initrd>/guest/initrd.gz</initrd>
<cmdline>console=hvc0 quiet</cmdline></os>
<devices><console type='pty'><target type='xen' port='0'/></console></devices></domain>
END
virtlogd --daemon
start

echo =====BEGIN
part version
libvirtd --version

part life
virsh --quiet define /inject/pv1.xml
virsh --quiet start pv1
wait_for is_up 1
restart
virsh domstate pv1 | head -n 1
virsh --quiet destroy pv1
calls /run/calls

# A second daemon on the same host, with settings, scripts and state of its own. What it writes to /run is in /run/second.
mkdir -p /run/second/libvirt /tmp/second
cp -a /etc/libvirt /etc/hookmux /tmp/second
rm /tmp/second/libvirt/libxl/pv1.xml
cp -a /var/lib/libvirt /tmp/second/state
sed -i 's/555501/555502/' /tmp/second/libvirt/libvirtd.conf
cat >/tmp/second/start <<'END'
mount --make-rprivate /
mount --bind /run/second/libvirt /run/libvirt
mount --bind /tmp/second/libvirt /etc/libvirt
mount --bind /tmp/second/hookmux /etc/hookmux
mount --bind /tmp/second/state /var/lib/libvirt
exec libvirtd --daemon --pid-file /run/second/libvirtd.pid
END
sed -i 's|/run/calls|/run/second/calls|' /tmp/second/hookmux/libxl.d/10-record
unshare --mount bash /tmp/second/start
second='xen:///system?socket=/run/second/libvirt/libvirt-sock'
wait_for virsh --connect "$second" version
# Debian's Xen has no shadow paging, so that a paravirtualised guest stands still while it moves.
port=49200
migrate() {
    port=$((port + 1))
    virsh --quiet migrate pv1 "$second" --migrateuri "tcp://10.9.8.1:$port" --dname pv1m 2>&1 | sed 's/.*: hookmux: /hookmux: /; /^$/d'
}
states() { echo "here: $(virsh domstate pv1 2>&1 | head -n 1); there: $(virsh --connect "$second" domstate pv1m 2>&1 | head -n 1)"; }
filter() {
    printf '#!/bin/sh\n[ "$2" = migrate ] || exit 0\n%s\n' "$1" >/tmp/second/hookmux/libxl.d/20-filter
    chmod 755 /tmp/second/hookmux/libxl.d/20-filter
}
virsh --quiet start pv1
wait_for is_up 2

part refused
filter 'echo "refused by a script" >&2; exit 1'
migrate
states
calls /run/second/calls
# After a refusal, libvirt 9.0.0 keeps its lock on the guest until it is restarted.
restart

part unfit
filter 'echo "<domain><name>another</name></domain>"'
migrate
states
restart

part filtered
virsh dumpxml pv1 --migratable | sed 's|<name>pv1</name>|<name>pv1m</name><title>as filtered</title>|' >/run/second/new.xml
filter 'cat /run/second/new.xml'
calls /run/second/calls >/dev/null
calls /run/calls >/dev/null
migrate
states
virsh --connect "$second" dumpxml pv1m | grep -o '<title>.*</title>'
echo "here:"
calls /run/calls
echo "there:"
calls /run/second/calls
