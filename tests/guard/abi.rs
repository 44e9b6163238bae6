//! `guest-abi = "keep"`: what the guest sees stays, what the host arranges may change.

use hookmux::guard::{Defect, Policy, check};

use crate::{GUEST, domain};

const GUEST_XML: &str = "<genid>1</genid><memory unit='KiB'>32</memory><currentMemory unit='KiB'>32</currentMemory>\
    <memoryBacking><source type='memfd'/><hugepages/></memoryBacking><vcpu placement='static' cpuset='0-3' current='1'>2</vcpu>\
    <cputune><vcpupin vcpu='0' cpuset='1'/></cputune><numatune><memory mode='strict' nodeset='0'/></numatune>\
    <os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader readonly='yes'>/l.fd</loader>\
    <nvram>/n.fd</nvram><boot dev='hd'/><boot dev='cdrom'/><smbios mode='host'/></os><pm><suspend-to-mem enabled='no'/></pm>\
    <features><acpi/><kvm><hidden state='on'/></kvm></features>\
    <cpu mode='custom' check='full'><model fallback='forbid'>qemu64</model><topology sockets='1' cores='2'/>\
    <feature policy='require' name='lahf_lm'/><numa><cell id='0' cpus='0-1' memory='32' memAccess='shared'/></numa></cpu>\
    <clock offset='utc'><timer name='tsc' frequency='1'/></clock><title>t</title><on_crash>destroy</on_crash>\
    <devices><emulator>/q</emulator>\
    <disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' queues='2' iommu='on'/><source file='/a'/>\
    <target dev='vda' bus='virtio'/><serial>S</serial><address type='pci' slot='0x04'/></disk>\
    <disk type='file' device='cdrom'><source file='/b'/><target dev='sda' bus='sata'/><readonly/></disk>\
    <controller type='scsi' index='0' model='virtio-scsi'/>\
    <interface type='network'><mac address='52:54:00:00:00:01'/><source network='n'/><model type='virtio'/><driver queues='4'/></interface>\
    <hostdev mode='subsystem' type='pci'><source><address bus='0x01'/></source><address type='pci' slot='0x05'/></hostdev>\
    <input type='mouse' bus='ps2'/><input type='tablet' bus='usb'/>\
    <graphics type='vnc' port='5900'/><video><model type='vga' vram='16384'/></video>\
    <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>\
    <serial type='pty'><source path='/dev/pts/0'/><target type='isa-serial' port='0'/></serial>\
    <memballoon model='virtio'/></devices><seclabel type='dynamic' model='dac'/>\
    <q:commandline xmlns:q='u'><q:arg value='-s'/><q:arg value='-S'/></q:commandline><q:override xmlns:q='u'><q:device/></q:override>";

/// Returns the path and libvirt's function that forbid replacing `from` by `to`, if any.
fn objection(from: &str, to: &str) -> Option<(String, &'static str)> {
    assert_eq!(GUEST_XML.matches(from).count(), 1, "{from}");
    let policy = Policy { may_change: None, keep_guest_abi: true };
    let (before, after) = (domain(GUEST_XML), domain(&GUEST_XML.replace(from, to)));
    check(before.as_bytes(), after.as_bytes(), GUEST, &policy).err().map(|fault| match fault.defect {
        Defect::GuestAbi { path, row, .. } => (path, row),
        defect => panic!("{defect}"),
    })
}

#[test]
fn what_the_host_provides_may_change() {
    let allowed = [
        ("<currentMemory unit='KiB'>32", "<currentMemory unit='KiB'>16"),
        ("<hugepages/>", ""),
        ("cpuset='0-3'", "cpuset='4-7'"),
        ("placement='static'", "placement='auto'"),
        ("cpuset='1'", "cpuset='2'"),
        ("nodeset='0'", "nodeset='1'"),
        ("memAccess='shared'", "memAccess='private'"),
        ("fallback='forbid'", "fallback='allow'"),
        ("<title>t</title>", ""),
        ("destroy", "restart"),
        ("cache='none'", "cache='writeback'"),
        ("type='raw'", "type='qcow2'"),
        ("file='/a'", "file='/srv/a'"),
        ("<disk type='file' device='disk'>", "<disk type='block' device='disk'>"),
        ("<source file='/b'/>", ""),
        ("network='n'", "network='m'"),
        ("<source><address bus='0x01'/></source>", "<source><address bus='0x81'/></source>"),
        ("port='5900'", "port='-1' listen='::'"),
        ("<graphics type='vnc' port='5900'/>", ""),
        ("/dev/pts/0", "/dev/pts/9"),
        ("<seclabel type='dynamic' model='dac'/>", ""),
        ("<nvram>/n.fd", "<nvram>/srv/n.fd"),
        ("<memballoon model='virtio'/>", "<memballoon model='virtio'><stats period='5'/></memballoon>"),
        ("<emulator>/q</emulator>", "<emulator>/q</emulator><audio id='1' type='none'/>"),
    ];
    for (from, to) in allowed {
        assert_eq!(objection(from, to), None, "{from} → {to}");
    }
}

#[test]
fn what_the_guest_sees_may_not_change() {
    let ours = "the guest sees it, though libvirt does not compare it";
    let flags = "virDomainDefCheckABIStabilityFlags";
    let (disk, cpu) = ("virDomainDiskDefCheckABIStability", "virCPUDefIsEqual");
    let info = "virDomainDeviceInfoCheckABIStability";
    let forbidden = [
        ("<genid>1", "<genid>2", "/domain/genid", flags),
        ("<memory unit='KiB'>32", "<memory unit='KiB'>64", "/domain/memory", "virDomainMemtuneCheckABIStability"),
        ("<source type='memfd'/>", "", "/domain/memoryBacking/source", "qemuDomainABIStabilityCheck"),
        (">2</vcpu>", ">3</vcpu>", "/domain/vcpu", "virDomainDefVcpuCheckAbiStability"),
        (" current='1'", "", "/domain/vcpu/@current", "virDomainDefVcpuCheckAbiStability"),
        ("pc-q35-7.2", "pc-q35-7.1", "/domain/os/type/@machine", flags),
        ("/l.fd", "/m.fd", "/domain/os/loader", ours),
        (" firmware='efi'", "", "/domain/os/@firmware", ours),
        ("<acpi/>", "", "/domain/features/acpi", "virDomainDefFeaturesCheckABIStability"),
        ("state='on'", "state='off'", "/domain/features/kvm/hidden/@state", "virDomainDefFeaturesCheckABIStability"),
        (">qemu64<", ">Nehalem<", "/domain/cpu/model", cpu),
        ("<feature policy='require' name='lahf_lm'/>", "", "/domain/cpu/feature", cpu),
        ("cores='2'", "cores='1'", "/domain/cpu/topology/@cores", cpu),
        ("cpus='0-1'", "cpus='0'", "/domain/cpu/numa/cell/@cpus", "virDomainNumaCheckABIStability"),
        ("<cell id", "<cell id='1' memory='1'/><cell id", "/domain/cpu/numa/cell[1]", flags),
        ("frequency='1'", "frequency='2'", "/domain/clock/timer/@frequency", "virDomainTimerDefCheckABIStability"),
        ("dev='vda' bus='virtio'", "dev='vda' bus='scsi'", "/domain/devices/disk[1]/target/@bus", disk),
        ("<serial>S</serial>", "", "/domain/devices/disk[1]/serial", disk),
        ("<readonly/>", "", "/domain/devices/disk[2]/readonly", disk),
        ("queues='2'", "", "/domain/devices/disk[1]/driver/@queues", disk),
        (
            "iommu='on'",
            "iommu='off'",
            "/domain/devices/disk[1]/driver/@iommu",
            "virDomainVirtioOptionsCheckABIStability",
        ),
        ("slot='0x04'", "slot='0x06'", "/domain/devices/disk[1]/address/@slot", info),
        ("slot='0x05'", "slot='0x06'", "/domain/devices/hostdev/address/@slot", info),
        (
            "index='0' model",
            "index='1' model",
            "/domain/devices/controller/@index",
            "virDomainControllerDefCheckABIStability",
        ),
        ("00:01", "00:02", "/domain/devices/interface/mac/@address", "virDomainNetDefCheckABIStability"),
        ("vram='16384'", "vram='8192'", "/domain/devices/video/model/@vram", "virDomainVideoDefCheckABIStability"),
        ("<emulator>/q", "<emulator>/r", "/domain/devices/emulator", ours),
        ("<boot dev='hd'/>", "", "/domain/os/boot[1]", ours),
        ("<boot dev='hd'/><boot dev='cdrom'/>", "<boot dev='cdrom'/><boot dev='hd'/>", "/domain/os/boot[2]", ours),
        ("<suspend-to-mem enabled='no'/>", "", "/domain/pm/suspend-to-mem", ours),
        ("<driver queues='4'/>", "<driver queues='8'/>", "/domain/devices/interface/driver/@queues", ours),
        ("<driver queues='4'/>", "", "/domain/devices/interface/driver", ours),
        ("value='-S'", "value='-snapshot'", "/domain/q:commandline/q:arg[2]/@value", ours),
        (
            "<q:arg value='-s'/><q:arg value='-S'/>",
            "<q:arg value='-S'/><q:arg value='-s'/>",
            "/domain/q:commandline/q:arg[2]",
            ours,
        ),
        ("<q:device/>", "<q:device alias='a'/>", "/domain/q:override/q:device/@alias", ours),
        ("<memballoon", "<crypto model='virtio'/><memballoon", "/domain/devices/crypto", flags),
        ("tpm-crb", "tpm-tis", "/domain/devices/tpm/@model", "virDomainTPMDefCheckABIStability"),
        ("<memballoon model='virtio'/>", "", "/domain/devices/memballoon", flags),
        ("<memballoon", "<rng model='virtio'/><memballoon", "/domain/devices/rng", flags),
        ("<memballoon", "<iommu model='intel'/><memballoon", "/domain/devices/iommu", flags),
        (
            "<input type='mouse' bus='ps2'/><input type='tablet' bus='usb'/>",
            "<input type='tablet' bus='usb'/><input type='mouse' bus='ps2'/>",
            "/domain/devices/input[2]",
            flags,
        ),
    ];
    for (from, to, path, row) in forbidden {
        assert_eq!(objection(from, to), Some((path.to_owned(), row)), "{from} → {to}");
    }
}

/// libvirt looks for elements in their namespaces: in another one, it does not find them, though their names are the same.
#[test]
fn an_element_cannot_be_hidden_in_another_namespace() {
    let row = "libvirt finds no element in another namespace";
    let hidden = [
        ("<devices>", "<devices xmlns='u'>", "/domain/devices/@xmlns"),
        (
            "<disk type='file' device='disk'>",
            "<disk type='file' device='disk' xmlns='u'>",
            "/domain/devices/disk[1]/@xmlns",
        ),
        ("<q:commandline xmlns:q='u'>", "<q:commandline xmlns:q='v'>", "/domain/q:commandline/@xmlns:q"),
        (
            "<q:override xmlns:q='u'><q:device/>",
            "<q:override xmlns:q='u'><q:device xmlns:q='v'/>",
            "/domain/q:override/q:device/@xmlns:q",
        ),
    ];
    for (from, to, path) in hidden {
        assert_eq!(objection(from, to), Some((path.to_owned(), row)), "{from} → {to}");
    }
    // The same elements, which libvirt also finds without their prefix.
    let added =
        "<memballoon model='virtio'/></devices><commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'/>";
    assert!(objection("<memballoon model='virtio'/></devices>", added).is_some());
    let metadata = "<title>t</title><metadata><a xmlns='u' xmlns:b='v'/></metadata>";
    assert_eq!(objection("<title>t</title>", metadata), None, "metadata is not libvirt's");
}

#[test]
fn a_device_may_move_among_others_but_not_among_its_own_kind() {
    let controller = "<controller type='scsi' index='0' model='virtio-scsi'/>";
    let elsewhere = GUEST_XML.replace(controller, "").replace("<memballoon", &format!("{controller}<memballoon"));
    let policy = Policy { may_change: None, keep_guest_abi: true };
    let changes = check(domain(GUEST_XML).as_bytes(), domain(&elsewhere).as_bytes(), GUEST, &policy).unwrap();
    assert_eq!(changes.to_string(), "/domain/devices/controller: moved from place 4 to place 12\n");
}

#[test]
fn changing_everything_at_once_is_forbidden_too() {
    let policy = Policy { may_change: None, keep_guest_abi: true };
    let (before, after) = (domain(GUEST_XML), domain("<devices/>"));
    assert!(check(before.as_bytes(), after.as_bytes(), GUEST, &policy).is_err());
    assert!(check(after.as_bytes(), before.as_bytes(), GUEST, &policy).is_err());
    assert!(check(after.as_bytes(), domain("").as_bytes(), GUEST, &policy).is_ok(), "an empty <devices> is nothing");
}
