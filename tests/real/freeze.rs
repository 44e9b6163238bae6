//! The freeze hook in a guest whose agent libvirtd uses: `virsh domfsfreeze` and `domfsthaw`.

use std::fs;

use support::host::Host;
use support::image::{Image, Release};
use support::recorder;
use support::shell::Shell;

const LINK: &str = "/etc/qemu/fsfreeze-hook";

/// Returns the document of a guest with two disks, and channels for an agent and a shell.
fn guest(kernel: &str, root: &str) -> String {
    let disk = |name: &str, target: &str| {
        format!(
            "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/run/guest/{name}'/>
             <target dev='{target}' bus='virtio'/></disk>"
        )
    };
    let channel = |socket: &str, name: &str| {
        format!(
            "<channel type='unix'><source mode='bind' path='/run/guest/{socket}'/><target type='virtio' name='{name}'/>
             </channel>"
        )
    };
    format!(
        "<domain type='qemu'>
           <name>frozen</name>
           <memory unit='MiB'>384</memory>
           <vcpu>1</vcpu>
           <os>
             <type arch='x86_64' machine='q35'>hvm</type>
             <kernel>{kernel}</kernel><initrd>{root}</initrd><cmdline>console=ttyS0 quiet panic=-1 no_timer_check</cmdline>
           </os>
           <devices>
             {}{}{}{}
             <serial type='file'><source path='/run/guest/console'/></serial>
             <controller type='usb' model='none'/><memballoon model='none'/>
           </devices>
         </domain>",
        disk("data", "vda"),
        disk("log", "vdb"),
        channel("agent", "org.qemu.guest_agent.0"),
        channel("shell", "shell"),
    )
}

/// Boots a guest whose agent runs, with hookmux as the agent's hook.
fn booted_guest(host: &Host) -> Shell {
    let image = Image::new(Release::New);
    host.file("/run/guest/kernel", 0o644, &fs::read(image.kernel).unwrap());
    host.file("/run/guest/root", 0o644, &image.root);
    for (disk, size) in [("data", "32M"), ("log", "16M")] {
        host.run(&["mkfs.ext4", "-q", &format!("/run/guest/{disk}"), size]).succeeded();
    }
    host.run(&["chown", "-R", "libvirt-qemu:", "/run/guest"]).succeeded();
    host.start_libvirtd();
    let xml = guest("/run/guest/kernel", "/run/guest/root");
    host.virsh(&format!("create {}", host.document("frozen", &xml))).succeeded();
    let mut shell = Shell::connect(&host.path("/run/guest/shell"), vec![host.path("/run/guest/console")]);
    shell.link_hook("/usr/bin/hookmux", LINK);
    shell.start_agent(LINK);
    host.wait_until("the agent to answer libvirtd", || {
        host.virsh("qemu-agent-command frozen {\"execute\":\"guest-ping\"}").code == Some(0)
    });
    shell
}

/// Asks the agent for the state of the file systems.
fn state(host: &Host) -> String {
    let answer = host.virsh("qemu-agent-command frozen {\"execute\":\"guest-fsfreeze-status\"}").succeeded();
    let answer: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    answer["return"].as_str().unwrap().to_owned()
}

#[test]
fn virsh_freezes_and_thaws_and_shows_why_a_freeze_fails() {
    let host = Host::new("freeze");
    let mut shell = booted_guest(&host);
    for name in ["10-a", "20-b"] {
        shell.script(&format!("/etc/hookmux/fsfreeze-hook.d/{name}"), "");
    }
    let states = ["domfsfreeze", "domfsthaw"].map(|command| {
        host.virsh(&format!("{command} frozen")).succeeded();
        state(&host)
    });
    assert_eq!(
        (states, shell.calls()),
        (["frozen", "thawed"].map(str::to_owned), "freeze 10-a 20-b, thaw 20-b 10-a".to_owned())
    );
    for operation in ["freeze", "thaw"] {
        recorder::note("fsfreeze-hook", operation);
    }

    shell.script("/etc/hookmux/fsfreeze-hook.d/20-b", "[ $1 = thaw ] || { echo the database is busy >&2; exit 3; }");
    let refused = host.virsh("domfsfreeze frozen").failed();
    assert_eq!(
        (refused.stderr.as_str(), state(&host), shell.calls()),
        (
            "error: Unable to freeze filesystems\n\
             error: internal error: unable to execute QEMU agent command 'guest-fsfreeze-freeze': child process has \
             failed to execute fsfreeze hook: hookmux: fsfreeze-hook freeze refused: \
             /etc/hookmux/fsfreeze-hook.d/20-b exited 3\nthe database is busy\n\n",
            "thawed".to_owned(),
            "freeze 10-a 20-b, thaw 20-b 10-a".to_owned()
        )
    );
}
