//! `--json`: one document a command, whose every field docs/json.md describes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::root::{PROGRAM, YES, hookmux, root};

/// Collects the names of all fields, at any depth.
fn names(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            into.insert(name.clone());
            names(value, into);
        }),
        Value::Array(values) => values.iter().for_each(|value| names(value, into)),
        _ => {}
    }
}

fn json(root: &Path, args: &str) -> Value {
    let (_, out, err) = hookmux(root, &format!("{args} --json"));
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args}: {error}: {out}{err}"))
}

#[test]
fn every_command_prints_one_document_and_each_field_is_described() {
    let root = root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("bin/sh", YES),
        ("etc/libvirt/hooks/network", YES),
        ("etc/libvirt/hooks/qemu.d/05-own", YES),
        ("etc/libvirt/hooks/qemu.d/06-own", YES),
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\nsed s/one/two/\n"),
        ("etc/hookmux/qemu.d/20-b.bak", YES),
        ("usr/share/doc/hookmux/examples/qemu.d/30-c", YES),
        ("etc/hookmux/hookmux.toml", "[[rule]]\ntimeout = '30s'\n"),
        ("a.xml", "<domain type='kvm'><name>vm1</name><title>one</title></domain>\n"),
        ("b.xml", "<domain type='kvm'><name>vm1</name><title>two</title></domain>\n"),
    ]);
    let commands = [
        "install --root ROOT",
        "adopt --root ROOT qemu 05-own",
        "list --root ROOT",
        "explain --root ROOT qemu vm1 start",
        "run --root ROOT qemu vm1 migrate --xml ROOT/a.xml",
        "run --root ROOT --dry-run qemu vm1 start",
        "diff ROOT/a.xml ROOT/b.xml",
        "contract",
        "examples --root ROOT",
        "check --root ROOT",
        "stats --root ROOT",
        "status --root ROOT",
        "uninstall --root ROOT",
    ];
    let described = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md")).unwrap();
    let mut all = BTreeSet::new();
    for args in commands {
        let document = json(root.path(), args);
        let command = args.split(' ').next().unwrap();
        assert_eq!((&document["schema"], &document["command"]), (&"hookmux/1".into(), &command.into()), "{args}");
        assert!(described.contains(&format!("## {command}\n")), "{command}");
        names(&document, &mut all);
    }
    let missing: Vec<&String> = all.iter().filter(|name| !described.contains(&format!("`{name}`"))).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn run_and_list_print_steps_and_states_as_json() {
    let root = root(&[
        ("bin/sh", YES),
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\necho hello; echo no >&2; exit 3\n"),
        ("etc/hookmux/qemu.d/20-b", YES),
        ("etc/hookmux/qemu.d/README", "text\n"),
    ]);
    let run = json(root.path(), "run --root ROOT qemu vm1 start");
    let step = |at: usize| {
        ["path", "by", "kind", "exit_code", "message", "output", "errors"].map(|key| run["steps"][at][key].clone())
    };
    let first: [Value; 7] = [
        "/etc/hookmux/qemu.d/10-a".into(),
        "hookmux".into(),
        "verdict".into(),
        3.into(),
        "exited 3".into(),
        "hello\n".into(),
        "no\n".into(),
    ];
    assert_eq!((step(0), &step(1)[2]), (first, &"not-run".into()));
    let rest = ["hook_exit_code", "failed", "xml", "document", "dry_run"].map(|key| run[key].clone());
    assert_eq!(rest, [3.into(), true.into(), Value::Null, "made-up".into(), false.into()]);
    let list = json(root.path(), "list --root ROOT qemu");
    let scripts = list["drivers"][0]["scripts"].as_array().unwrap();
    let states: Vec<&str> = scripts.iter().filter_map(|script| script["state"].as_str()).collect();
    assert_eq!(states, ["runs", "runs", "skipped"]);
    assert_eq!([&scripts[2]["reason"], &scripts[2]["fix"]], [&"not executable".into(), &Value::Null]);
}
