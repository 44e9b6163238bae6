//! The shipped examples on a real libvirtd, with guests, containers and networks.

use std::fs;

use support::guests;
use support::host::Host;

/// Installs an example of this repository in hookmux's directory.
fn install(host: &Host, example: &str) {
    let content = fs::read(format!("{}/examples/{example}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    host.file(&format!("/etc/hookmux/{example}"), 0o755, &content);
}

#[test]
fn a_restored_guest_has_the_new_path_of_its_disk_and_its_host_in_the_title() {
    let host = Host::new("receiver");
    host.link_hookmux(&["qemu"]);
    install(&host, "qemu.d/40-set-title");
    install(&host, "qemu.d/50-move-disks");
    host.file("/var/lib/libvirt/images/old/vm1.img", 0o666, &vec![0; 1 << 20]);
    host.start_libvirtd();
    let disk = "<disk type='file'><driver type='raw'/><source file='/var/lib/libvirt/images/old/vm1.img'/>\
        <target dev='vda' bus='virtio'/></disk>";
    host.virsh(&format!("create {}", host.document("vm1", &guests::qemu("vm1", disk)))).succeeded();
    host.virsh("save vm1 /run/vm1.saved").succeeded();
    fs::rename(host.path("/var/lib/libvirt/images/old"), host.path("/var/lib/libvirt/images/new")).unwrap();
    let lost = host.virsh("restore /run/vm1.saved").failed().stderr;
    assert!(lost.contains("/var/lib/libvirt/images/old/vm1.img"), "without a line in disk-paths: {lost}");
    host.file("/etc/hookmux/disk-paths", 0o644, b"/var/lib/libvirt/images/old -> /var/lib/libvirt/images/new\n");
    host.virsh("restore /run/vm1.saved").succeeded();
    let ask = |command| host.virsh(command).succeeded().stdout.trim().to_owned();
    let disk = ask("domblklist vm1 --details").split_whitespace().last().map(str::to_owned);
    let seen = (disk.as_deref(), ask("desc vm1 --title"), ask("domstate vm1"));
    let title = "as defined [on receiver]".to_owned();
    assert_eq!(seen, (Some("/var/lib/libvirt/images/new/vm1.img"), title, "running".to_owned()));
}

#[test]
fn a_container_whose_directory_is_missing_is_not_started_and_virsh_names_the_directory() {
    let host = Host::with_cgroups("mounts");
    host.link_hookmux(&["lxc"]);
    install(&host, "lxc.d/30-mount-check");
    host.start_libvirtd();
    let mount = "<filesystem type='mount'><source dir='/srv/none'/><target dir='/mnt'/></filesystem></devices>";
    let container = host.document("ct1", &guests::lxc("ct1").replace("</devices>", mount));
    let error = host.virsh_at("lxc:///system", &format!("create {container}")).failed().stderr;
    let message = "hookmux: lxc prepare 'ct1' refused: /etc/hookmux/lxc.d/30-mount-check exited 1";
    assert!(error.contains(message) && error.contains("/srv/none (for /mnt): No such file or directory"), "{error}");
}

#[test]
fn a_port_is_forwarded_to_a_guest_as_long_as_it_is_on_its_network() {
    let host = Host::new("forward");
    host.link_hookmux(&["network"]);
    install(&host, "network.d/50-port-forward");
    let settings = "[settings]\napply = yes\n[web]\nnetwork = net1\nguest = vm1\nport = 8080\nto = 127.44.0.15:80\n";
    host.file("/etc/hookmux/port-forward.conf", 0o644, settings.as_bytes());
    host.start_libvirtd();
    host.virsh(&format!("net-create {}", host.document("net1", &guests::network("net1")))).succeeded();
    let guest = host.document("vm1", &guests::qemu("vm1", &guests::interface("net1")));
    let forwards = || {
        let rules = host.run(&["iptables-save", "-t", "nat"]).succeeded().stdout;
        rules.lines().filter(|rule| rule.contains("--to-destination 127.44.0.15:80")).count()
    };
    let before = forwards();
    host.virsh(&format!("create {guest}")).succeeded();
    let during = forwards();
    host.virsh("destroy vm1").succeeded();
    assert_eq!([before, during, forwards()], [0, 1, 0]);
}

#[test]
fn a_guest_has_its_huge_pages_while_it_runs_and_not_after_a_start_that_failed() {
    const POOL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    // Other tests use the same pool of this machine's kernel.
    let lock = fs::File::open(POOL).expect("a kernel with huge pages of 2 MiB");
    lock.lock().unwrap();
    let host = Host::new("hugepages");
    host.link_hookmux(&["qemu"]);
    install(&host, "qemu.d/30-hugepages");
    host.run(&["sh", "-c", "mkdir -p /run/huge && mount -t hugetlbfs hugetlbfs /run/huge"]).succeeded();
    host.start_libvirtd();
    let guest = guests::qemu("vm1", "").replace("<vcpu>", "<memoryBacking><hugepages/></memoryBacking><vcpu>");
    let create = format!("create {}", host.document("vm1", &guest));
    let pages = || fs::read_to_string(POOL).unwrap().trim().to_owned();
    let before = pages();
    host.virsh(&create).failed();
    host.file("/etc/hookmux/hugepages", 0o644, b"vm1\n");
    host.virsh(&create).succeeded();
    let during = pages();
    host.virsh("destroy vm1").succeeded();
    let after = pages();
    // Its 16 pages are reserved when the next script refuses.
    host.script("/etc/hookmux/qemu.d/40-no", &format!("[ \"$2\" != prepare ] || {{ cat {POOL} >/run/seen; exit 1; }}"));
    host.virsh(&create).failed();
    let refused = (fs::read_to_string(host.path("/run/seen")).unwrap().trim().to_owned(), pages());
    assert_eq!((before.as_str(), during.as_str(), after.as_str()), ("0", "16", "0"));
    assert_eq!(refused, ("16".to_owned(), "0".to_owned()));
}
