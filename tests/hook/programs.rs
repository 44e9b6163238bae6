//! The two programs: the command line, and the program that is only a hook.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use support::builder::Hooks;
use support::{binary, hook_program};

#[test]
fn both_programs_are_the_hook_when_called_by_a_hooks_name() {
    for program in [binary(), hook_program()] {
        let hooks = Hooks::new().script("qemu.d/10-a", "cat >&2; exit 3").document("<domain/>\n");
        fs::remove_file(hooks.path("base:qemu")).unwrap();
        symlink(program, hooks.path("base:qemu")).unwrap();
        let refusal = "hookmux: qemu start 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 3\n<domain/>\n";
        hooks.call("qemu vm1 start begin -").is(3, ["10-a"], refusal);
    }
}

#[test]
fn the_hook_program_called_by_its_own_name_runs_nothing_and_names_the_command_line() {
    let hooks = Hooks::new().script("qemu.d/10-a", "");
    for arguments in [&[][..], &["list"], &["--help"], &["vm1", "start", "begin", "-"]] {
        let mut command = Command::new(hook_program());
        hooks.as_libvirt(command.args(arguments));
        let usage = format!(
            "hookmux-hook {}: it runs as a hook, by a link with the hook's name, such as /etc/libvirt/hooks/qemu; the \
             command line is hookmux\n",
            env!("CARGO_PKG_VERSION")
        );
        hooks.see(command).is(2, [], &usage).prints("");
    }
}
