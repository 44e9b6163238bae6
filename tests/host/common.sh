# What the scenarios share: functions, a guest, and its daemon. Each runs as root on the emulated host. In: /inject. Out: what
# each part prints, after "== NAME".
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
wait_for virsh define /inject/g1.xml
