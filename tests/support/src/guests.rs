//! The XML of the guests, containers and networks of the tests: the smallest that libvirt accepts. Everything that libvirt
//! would otherwise choose at random is fixed, so that two runs of one scenario can be compared. Pure.

/// Returns a guest without a disk: 32 MiB, software emulation, nothing to boot. `devices` is added to its devices.
pub fn qemu(name: &str, devices: &str) -> String {
    format!(
        "<domain type='qemu'>
           <name>{name}</name>
           <uuid>11111111-1111-4111-8111-111111111111</uuid>
           <title>as defined</title>
           <description>as defined</description>
           <memory unit='MiB'>32</memory>
           <vcpu>1</vcpu>
           <os><type arch='x86_64' machine='q35'>hvm</type></os>
           <devices>{devices}<controller type='usb' model='none'/><memballoon model='none'/></devices>
         </domain>"
    )
}

/// Returns an interface of a guest on the network `network`.
pub fn interface(network: &str) -> String {
    format!("<interface type='network'><source network='{network}'/><mac address='52:54:00:44:00:02'/></interface>")
}

/// Returns a container that sleeps.
pub fn lxc(name: &str) -> String {
    format!(
        "<domain type='lxc'>
           <name>{name}</name>
           <uuid>22222222-2222-4222-8222-222222222222</uuid>
           <memory unit='MiB'>64</memory>
           <vcpu>1</vcpu>
           <os><type>exe</type><init>/bin/sleep</init><initarg>600</initarg></os>
           <devices><emulator>/usr/lib/libvirt/libvirt_lxc</emulator><console type='pty'/></devices>
         </domain>"
    )
}

/// Returns a network with a bridge and an address of its own, and dnsmasq.
pub fn network(name: &str) -> String {
    format!(
        "<network>
           <name>{name}</name>
           <uuid>33333333-3333-4333-8333-333333333333</uuid>
           <bridge name='br-{name}'/>
           <mac address='52:54:00:44:00:01'/>
           <ip address='127.44.0.1' netmask='255.255.255.0'>
             <dhcp><range start='127.44.0.10' end='127.44.0.20'/></dhcp>
           </ip>
         </network>"
    )
}
