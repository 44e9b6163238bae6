//! The processes that count as libvirt's daemons, for `run`, `install --reload` and `uninstall --reload`: those of our
//! own user and namespaces. Each test has a pid namespace and a mount namespace of its own, with an /etc and a /run
//! that it may write to. Needs root.

use std::process::Command;

use crate::root::YES;

/// Runs shell commands on a host whose daemons are copies of `sleep`: `$scratch/libvirtd` is one, `$hookmux` this
/// program.
fn on_a_host(commands: &str) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let setup = r#"
        mount --make-rprivate /
        cp -a /etc "$scratch/etc" && mount --bind "$scratch/etc" /etc && rm -rf /etc/libvirt /etc/hookmux
        mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log
        mkdir -p /etc/libvirt/hooks "$scratch/bin" && chmod 755 "$scratch"
        cp "$binary" "$scratch/bin/hookmux" && ln "$scratch/bin/hookmux" "$scratch/bin/hookmux-hook"
        cp "$(realpath "$(command -v sleep)")" "$scratch/libvirtd"
        hookmux=$scratch/bin/hookmux
        other_user="setpriv --reuid 65534 --regid 65534 --clear-groups"
        # A process counts once the program that it is named after runs.
        ready() { until [ "$(readlink "/proc/$1/exe")" = "$scratch/libvirtd" ]; do sleep 0.01; done; }
    "#;
    let run = Command::new("timeout")
        .args(["60", "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "bash", "-euc"])
        .arg(format!("{setup}\n{commands}"))
        .env("scratch", scratch.path())
        .env("binary", env!("CARGO_BIN_EXE_hookmux"))
        .env_remove("HOOKMUX_ROOT")
        .output()
        .unwrap();
    let shown = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(scratch.path().to_str().unwrap(), "SCRATCH");
    assert!(run.status.success(), "{}{}", shown(run.stdout), shown(run.stderr));
    shown(run.stdout)
}

#[test]
fn only_daemons_of_our_user_and_namespaces_are_reloaded() {
    let out = on_a_host(
        r#"
        "$scratch/libvirtd" 60 & ours=$!
        $other_user "$scratch/libvirtd" 60 & other=$!
        unshare --mount "$scratch/libvirtd" 60 & mounts=$!
        unshare --user --map-root-user "$scratch/libvirtd" 60 & users=$!
        for pid in $ours $other $mounts $users; do ready $pid; done
        "$hookmux" --json install --reload qemu | grep -c '"reloaded": true'
        sleep 0.2
        for pid in $ours $other $mounts $users; do
            kill -0 "$pid" 2>/dev/null && echo left alone || echo signalled
        done 2>/dev/null
        kill $other $mounts $users
        "#,
    );
    assert_eq!(out, "1\nsignalled\nleft alone\nleft alone\nleft alone\n");
}

#[test]
fn a_call_by_hand_takes_no_environment_from_any_process() {
    let out = on_a_host(&format!(
        r#"
        mkdir -p /etc/hookmux/qemu.d && cd /etc/hookmux/qemu.d
        printf '%s' '{YES}' >10-a && sed -i '2i tr "\\0" "\\n" </proc/$$/environ | sort' 10-a && chmod 755 10-a
        $other_user env PATH=/evil LD_PRELOAD=/tmp/evil.so HOME=/evil TMPDIR=/evil "$scratch/libvirtd" 60 & ready $!
        env PATH=/evil LD_PRELOAD=/tmp/evil.so HOME=/evil TMPDIR=/evil "$scratch/libvirtd" 60 2>/dev/null & ready $!
        cd / && LD_LIBRARY_PATH=/evil TMPDIR=/evil "$hookmux" run qemu vm1 start 2>&1 | sed -n 's/^    | //p'
        "#
    ));
    let version = concat!("HOOKMUX_VERSION=", env!("CARGO_PKG_VERSION"));
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let expected = ["HOOKMUX_DAEMON=libvirtd", "HOOKMUX_DRIVER=qemu", version, "LC_ALL=C", path];
    assert_eq!(out.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_daemon_that_ends_meanwhile_is_not_an_error() {
    let out = on_a_host(
        r#"
        for _ in 1 2 3; do { while :; do "$scratch/libvirtd" 0.003; done; } 2>/dev/null & done
        for _ in $(seq 60); do
            "$hookmux" install --reload qemu >/dev/null && "$hookmux" uninstall --reload qemu >/dev/null || echo failed
        done 2>&1
        "#,
    );
    assert_eq!(out, "");
}
