//! The policies of `AppArmor` and `SELinux` about the packages, queried with their own tools, without a kernel that enforces
//! them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::debian::Debian;
use support::packages::stdout;

/// Returns the path of a file or directory of this test.
fn own(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policies").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Returns a system of that release with its own parser, and the profile of libvirtd from its packages.
fn system(suite: &str) -> (Debian, String) {
    let debian = Debian::new(suite, "apparmor");
    debian.apt_install(&["apparmor"]);
    let unpack = "for deb in /var/cache/apt/archives/libvirt-daemon_*.deb /var/cache/apt/archives/libvirt-daemon-system_*.deb; \
        do dpkg-deb --extract $deb /tmp/libvirt; done";
    debian.run(&["sh", "-c", unpack]).succeeded();
    // For the administrator's own rules; libvirt's package creates it when it is configured.
    debian.file("/etc/apparmor.d/local/usr.sbin.libvirtd", 0o644, b"");
    let profile = debian.text("/tmp/libvirt/etc/apparmor.d/usr.sbin.libvirtd");
    (debian, profile)
}

/// Compiles a profile, and returns the checksum of the result.
fn compiled(debian: &Debian, profile: &str) -> String {
    debian.file("/tmp/profile", 0o644, profile.as_bytes());
    // It warns that this kernel has no AppArmor, and compiles the profile all the same.
    let parse =
        "apparmor_parser --skip-kernel-load --skip-cache --ofile /tmp/compiled /tmp/profile && md5sum </tmp/compiled";
    let answer = debian.run(&["sh", "-c", parse]);
    assert_eq!((answer.code, answer.stdout.len()), (Some(0), 36), "{answer:?}");
    answer.stdout
}

/// Reports whether a profile has that rule already: with it, the profile is compiled to the same bytes.
fn has_rule(debian: &Debian, profile: &str, rule: &str) -> bool {
    const BEFORE: &str = "  /etc/libvirt/hooks/** rmix,\n";
    assert!(profile.contains(BEFORE), "{profile}");
    let with = profile.replace(BEFORE, &format!("{BEFORE}  {rule},\n"));
    compiled(debian, &with) == compiled(debian, profile)
}

fn apparmor_lets_libvirt_execute_the_packaged_program(suite: &str) {
    let (debian, profile) = system(suite);
    let rows = [
        // The package's program, outside libvirt's profile, through each link.
        ("/usr/bin/hookmux PUx", true),
        ("/usr/sbin/hookmux PUx", true),
        // A copy as the hook, in libvirt's profile; it may not execute scripts in hookmux's directory.
        ("/etc/libvirt/hooks/qemu rmix", true),
        ("/etc/hookmux/qemu.d/10-a rmix", false),
        ("/etc/hookmux/qemu.d/10-a PUx", false),
        // `hookmux install` and `check` report that these will be denied.
        ("/usr/local/bin/hookmux PUx", false),
        ("/usr/libexec/hookmux PUx", false),
        ("/opt/hookmux PUx", false),
    ];
    assert_eq!(rows.map(|(rule, _)| (rule, has_rule(&debian, &profile, rule))), rows);
}

#[test]
fn apparmor_lets_libvirt_of_bookworm_execute_the_packaged_program() {
    apparmor_lets_libvirt_execute_the_packaged_program("bookworm");
}

#[test]
fn apparmor_lets_libvirt_of_trixie_execute_the_packaged_program() {
    apparmor_lets_libvirt_execute_the_packaged_program("trixie");
}

/// Returns the rules of a policy of these modules for files and for processes that change their domain, and its labels.
fn selinux(name: &str, modules: &[String]) -> (Vec<String>, String) {
    let [policy, contexts] = ["policy", "contexts"].map(|what| own(&format!("selinux-{name}-{what}")));
    let files: Vec<PathBuf> = (0..modules.len()).map(|at| own(&format!("selinux-{name}-{at}.cil"))).collect();
    for (file, module) in files.iter().zip(modules) {
        fs::write(file, module).unwrap();
    }
    stdout(Command::new("secilc").arg("--output").arg(&policy).arg("--filecontext").arg(&contexts).args(&files));
    let ask = |args: &[&str]| stdout(Command::new("sesearch").args(args).arg(&policy));
    let found = ask(&["--type_trans", "--class", "process"]) + &ask(&["--allow", "--class", "file"]);
    let mut rules: Vec<String> = found.lines().filter(|line| line.starts_with(['a', 't'])).map(str::to_owned).collect();
    rules.sort();
    (rules, fs::read_to_string(contexts).unwrap())
}

/// `[ … ]:True` is a rule that needs the boolean.
#[test]
fn with_the_module_both_daemons_run_only_the_packaged_program_in_the_domain_of_hooks() {
    let policy = fs::read_to_string(source("tests/packages/fedora.cil")).unwrap();
    let module = fs::read_to_string(source("packaging/selinux/hookmux.cil")).unwrap();
    let rules_of_the_policy = [
        "allow virt_hook_unconfined_t virt_hook_t:file { entrypoint execute getattr ioctl lock map open read };",
        "allow virtnetworkd_t virt_hook_t:file { execute getattr ioctl lock map open read }; [ virt_hooks_unconfined ]:True",
        "allow virtqemud_t bin_t:file { execute execute_no_trans getattr ioctl lock map open read };",
        "type_transition virtnetworkd_t virt_hook_t:process virt_hook_unconfined_t; [ virt_hooks_unconfined ]:True",
    ]
    .map(str::to_owned);
    assert_eq!(selinux("without", std::slice::from_ref(&policy)), (rules_of_the_policy.to_vec(), String::new()));

    let mut with = rules_of_the_policy.to_vec();
    with.push(
        "allow virt_hook_unconfined_t hookmux_exec_t:file \
         { entrypoint execute execute_no_trans getattr ioctl lock map open read };"
            .to_owned(),
    );
    for daemon in ["virtnetworkd_t", "virtqemud_t"] {
        with.push(format!("allow {daemon} hookmux_exec_t:file {{ execute getattr ioctl map open read }};"));
        with.push(format!("allow {daemon} virt_hook_unconfined_t:file {{ getattr open read }};"));
        with.push(format!("type_transition {daemon} hookmux_exec_t:process virt_hook_unconfined_t;"));
    }
    with.sort();
    let label = |path: &str| format!("{path}\t--\tsystem_u:object_r:hookmux_exec_t:s0\n");
    let labels = label("/usr/bin/hookmux") + &label("/usr/bin/hookmux-hook");
    assert_eq!(selinux("with", &[policy.clone(), module.clone()]), (with, labels));

    // A policy without the domain of hooks: nothing changes.
    let hooks = |line: &&str| !line.contains("virt_hook_unconfined_t");
    let older = policy.lines().filter(hooks).collect::<Vec<_>>().join("\n");
    assert_eq!(selinux("older-with", &[older.clone(), module]), selinux("older-without", &[older]));
}
