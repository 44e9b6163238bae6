# What the machine does, part by part; main.rs compares what this prints.
export NO_COLOR=1
hooks=/etc/libvirt/hooks
mkdir -p /tmp $hooks

# add NAME BODY: a script for QEMU's hook.
add() {
    printf '#!/bin/sh\n%s\n' "$2" >"/etc/hookmux/qemu.d/$1"
    chmod 755 "/etc/hookmux/qemu.d/$1"
}
mkdir -p /etc/hookmux/qemu.d
echo '<domain type="qemu"><name>vm1</name><uuid>9b8b0cbb-64c7-4be4-9e3c-6e6b0a2b6f0e</uuid></domain>' >/tmp/vm1.xml
call() { "$hooks/qemu" vm1 "$@" </tmp/vm1.xml; }

echo == program
uname -m
hookmux --version | sed 's/.*, \([a-z0-9_-]*\))$/\1/'
hookmux install qemu
readlink $hooks/qemu

echo == three
for name in 10-a 20-b 30-c; do
    # shellcheck disable=SC2016 # the script reads it
    add $name 'echo "${0##*/} $*: $(wc -c)" >>/tmp/log'
done
call prepare begin -
echo "exit $?"
cat /tmp/log

echo == veto
add 20-b 'echo "not today" >&2; exit 3'
rm /tmp/log
call start begin -
echo "exit $?"
cat /tmp/log

echo == filter
rm /etc/hookmux/qemu.d/*
add 10-filter 'sed "s|</name>|&<title>here</title>|"'
call migrate begin -
echo "exit $?"

echo == check
printf '#!/bin/sh\r\n' >/etc/hookmux/qemu.d/20-windows
chmod 755 /etc/hookmux/qemu.d/20-windows
hookmux check
echo "exit $?"
