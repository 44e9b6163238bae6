//! A chain of filters: migrate and restore.

use support::builder::{HANG, Hooks, domain};

/// Calls, each with the type of its guest.
const CALLS: [(&str, &str); 3] =
    [("qemu vm1 migrate begin -", "kvm"), ("qemu vm1 restore begin -", "qemu"), ("libxl vm1 migrate begin -", "xen")];

fn driver(call: &str) -> &str {
    call.split(' ').next().unwrap()
}

#[test]
fn each_filter_reads_what_the_previous_one_wrote() {
    for (call, kind) in CALLS {
        let d = driver(call);
        let hooks = Hooks::new()
            .script(&format!("{d}.d/10-a"), "sed s/one/two/")
            .script(&format!("{d}.d/20-b"), "grep -q two && echo not-the-document >/dev/null")
            .script(&format!("{d}.d/30-c"), "sed s/two/three/; echo words >&2")
            .document(domain(kind, "one"));
        hooks.call(call).is(0, ["10-a", "20-b", "30-c"], "").prints(domain(kind, "three"));
    }
}

#[test]
fn an_unchanged_document_is_not_printed_so_that_libvirt_keeps_its_own() {
    for body in ["cat", "true", "cat >/dev/null; printf '\\n \\n'"] {
        let hooks = Hooks::new().script("qemu.d/10-a", body);
        hooks.call("qemu vm1 migrate begin -").is(0, ["10-a"], "").prints("");
    }
    let hooks = Hooks::new().script("qemu.d/10-a", "sed s/one/two/").script("qemu.d/20-b", "sed s/two/one/");
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a", "20-b"], "").prints("");
}

#[test]
fn a_failing_filter_means_no_xml_at_all() {
    for (call, kind) in CALLS {
        let d = driver(call);
        let hooks = Hooks::new()
            .script(&format!("{d}.d/10-a"), "sed s/one/two/")
            .script(&format!("{d}.d/20-b"), "cat; exit 3")
            .script(&format!("{d}.d/30-c"), "cat")
            .document(domain(kind, "one"));
        hooks.call(call).is_like(3, ["10-a", "20-b"], &["exited 3"]).prints("");
    }
}

#[test]
fn the_output_of_other_calls_is_dropped() {
    let hooks = Hooks::new().script("qemu.d/10-a", "echo '<domain/>'");
    for operation in ["prepare begin -", "start begin -", "reconnect begin -", "stopped end -", "snapshot begin -"] {
        hooks.call(&format!("qemu vm1 {operation}")).is(0, ["10-a"], "").prints("");
    }
}

#[test]
fn a_filter_without_input_may_write_a_document_of_the_same_guest() {
    let hooks = Hooks::new().script("libxl.d/10-a", "cat; cat $HOOKMUX_ROOT/etc/hookmux/new").document("");
    let hooks = hooks.file("new", 0o644, domain("xen", "new"));
    hooks.call("libxl vm1 migrate begin -").is(0, ["10-a"], "").prints(domain("xen", "new"));
    hooks
        .call("libxl vm2 migrate begin -")
        .is_like(1, ["10-a"], &["10-a wrote XML that libvirt must not get: "])
        .prints("");
}

#[test]
fn xml_that_libvirt_must_not_get_is_a_fault_with_position_and_reason() {
    let rows = [
        ("sed s/vm1/vm2/", "name"),
        ("sed 's/one/\\&nbsp;/'", "a reference to something that XML does not define"),
        ("sed 's|</domain>||'", "domain"),
        ("sed s/kvm/xen/", "type"),
        ("echo nonsense", "line 1"),
        ("echo '<domainsnapshot/>'", "domain"),
    ];
    for (body, reason) in rows {
        let hooks = Hooks::new().script("qemu.d/10-a", body).script("qemu.d/20-b", "").document(domain("kvm", "one"));
        let message = [
            "hookmux: qemu migrate 'vm1' failed: /etc/hookmux/qemu.d/10-a wrote XML that libvirt must not get: ",
            reason,
        ];
        hooks.call("qemu vm1 migrate begin -").is_like(1, ["10-a"], &message).prints("");
    }
}

#[test]
fn a_rule_limits_what_a_filter_may_change() {
    let hooks = |filter: &str| {
        Hooks::new()
            .script("qemu.d/10-a", filter)
            .document("<domain type='kvm'><name>vm1</name><title>one</title><memory>1024</memory></domain>\n")
            .settings("[[rule]]\nscript = '10-*'\nmay-change = ['/domain/title', '/domain/description']\n")
    };
    hooks("sed s/one/two/").call("qemu vm1 migrate begin -").is(0, ["10-a"], "");
    hooks("sed s/1024/2048/").call("qemu vm1 migrate begin -").is_like(1, ["10-a"], &["/domain/memory"]).prints("");
    let keep = |filter: &str| hooks(filter).settings("[[rule]]\nguest-abi = 'keep'\n");
    keep("sed s/one/two/").call("qemu vm1 restore begin -").is(0, ["10-a"], "");
    keep("sed s/1024/2048/").call("qemu vm1 restore begin -").is_like(1, ["10-a"], &["/domain/memory"]).prints("");
}

#[test]
fn bytes_that_a_filter_does_not_change_are_kept() {
    let document = "\u{feff}<?xml version=\"1.0\" encoding='utf-8'?>\r\n<!-- one -->\n<domain xmlns:qemu=\"http://libvirt.org/schemas/\
        domain/qemu/1.0\" type = 'kvm' ><name>vm1</name ><title>one</title><metadata><a:b xmlns:a='urn:x'><![CDATA[<&]]>&#x41;&lt;\
        </a:b></metadata><qemu:commandline><qemu:arg value='-x'/></qemu:commandline></domain><?pi ?>\n\n";
    let hooks = Hooks::new().script("qemu.d/10-a", "sed 's|<title>one|<title>two|'").document(document);
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a"], "").prints(document.replace("<title>one", "<title>two"));
}

#[test]
fn a_filter_with_endless_output_is_a_fault() {
    let hooks = Hooks::new().script("qemu.d/10-a", "head -c 104857600 /dev/zero");
    hooks
        .call("qemu vm1 migrate begin -")
        .is(
            1,
            ["10-a"],
            "hookmux: qemu migrate 'vm1' failed: /etc/hookmux/qemu.d/10-a wrote a document more than 4 MiB longer than the one it read\n",
        )
        .prints("")
        .within(HANG);
}

#[test]
fn large_documents_are_filtered_completely() {
    let filler = "<metadata><x/></metadata>".repeat(100_000);
    let document = format!("<domain type='kvm'><name>vm1</name><title>one</title>{filler}</domain>\n");
    let hooks = Hooks::new().script("qemu.d/10-a", "sed 1s/one/two/").document(document.clone());
    let seen = hooks.call("qemu vm1 migrate begin -");
    seen.is(0, ["10-a"], "");
    assert!(seen.out == document.replacen("one", "two", 1).into_bytes(), "{} bytes", seen.out.len());
}

#[test]
fn a_filters_last_bytes_are_not_lost_when_a_child_keeps_the_pipe_open() {
    let document = domain("kvm", &"x".repeat(60_000));
    let body = "sleep 60 & echo $! >$HOOKMUX_ROOT/background; sed s/xxx/xyz/";
    let hooks = Hooks::new().script("qemu.d/10-a", body).document(document.clone());
    let seen = hooks.call("qemu vm1 migrate begin -");
    seen.is(0, ["10-a"], "").prints(document.replacen("xxx", "xyz", 1)).within(HANG);
}
