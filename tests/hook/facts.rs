//! Rules about a call's document, its last argument, or the daemon's user.

use support::builder::Hooks;

/// Returns a guest with these elements.
fn guest(inside: &str) -> String {
    format!("<domain type='qemu'><name>vm1</name>{inside}</domain>\n")
}

/// Makes a root whose script 20-gpu runs only for guests in which these paths select something.
fn gpu(xml: &str) -> Hooks {
    let rules =
        format!("[[rule]]\nscript = '20-gpu'\nrun = false\n[[rule]]\nscript = '20-gpu'\nxml = {xml}\nrun = true\n");
    Hooks::new().script("qemu.d/10-a", "").script("qemu.d/20-gpu", "").settings(&rules)
}

#[test]
fn a_rule_applies_where_each_of_its_paths_selects_something() {
    let hostdev = "<devices><hostdev type='pci'/></devices>";
    let flavor = "<metadata><n:instance xmlns:n='u'><n:flavor name='gpu.large'/></n:instance></metadata>";
    let rows = [
        ("'/domain/devices/hostdev'", guest(hostdev), true),
        ("'/domain/devices/hostdev'", guest("<devices/>"), false),
        ("\"/domain/metadata/*/*:flavor/@name = 'gpu*'\"", guest(flavor), true),
        ("\"/domain/metadata/*/*:flavor/@name = 'cpu*'\"", guest(flavor), false),
        ("['/domain/devices/hostdev', '/domain/metadata']", guest(&format!("{hostdev}{flavor}")), true),
        ("['/domain/devices/hostdev', '/domain/metadata']", guest(hostdev), false),
        ("[]", guest(""), true),
    ];
    for (xml, document, runs) in rows {
        let hooks = gpu(xml).document(document);
        let seen = hooks.call("qemu vm1 start begin -");
        if runs {
            seen.is(0, ["10-a", "20-gpu"], "")
        } else {
            seen.is(0, ["10-a"], "")
        };
    }
}

#[test]
fn scripts_still_read_the_whole_document_that_a_rule_has_read() {
    let hooks = gpu("'/domain/name'").script("qemu.d/30-b", "grep -q '</domain>'").document(guest("<title>x</title>"));
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "20-gpu", "30-b"], "");
}

#[test]
fn a_document_that_cannot_be_read_aborts_only_the_calls_whose_rules_need_it() {
    let hooks = gpu("'/domain/devices/hostdev'").document("<domain>");
    let fault = "a rule looks at the document, which cannot be read: ";
    hooks.call("qemu vm1 start begin -").is_like(1, [], &[fault, "line 1, column 9"]);
    // Calls that cannot be aborted continue without such rules.
    hooks.call("qemu vm1 stopped end -").is(0, ["10-a"], "");
    hooks.call("qemu vm1 reconnect begin -").is(0, ["10-a"], "");
    // A later rule sets the same key, so the document is not needed.
    let hooks = hooks.file("hookmux.toml.d/50-x.toml", 0o644, "[[rule]]\nscript = '20-gpu'\nrun = true\n");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "20-gpu"], "");
}

#[test]
fn a_rule_about_another_operation_or_guest_does_not_read_the_document() {
    let rule = "[[rule]]\nscript = '10-a'\nxml = '/domain/devices'\nrun = false\n";
    for other in
        ["operation = 'stop'", "guest = 'db-*'", "script = '90-*'", "driver = 'lxc'", "extra = 'x'", "user = 'x'"]
    {
        let rule = if other.starts_with("script") { rule.replace("script = '10-a'\n", "") } else { rule.to_owned() };
        let hooks = Hooks::new().script("qemu.d/10-a", "").settings(&format!("{rule}{other}\n")).document("<domain>");
        hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "");
    }
}

#[test]
fn a_call_without_a_document_selects_nothing() {
    let hooks = Hooks::new().script("daemon.d/10-a", "").settings("[[rule]]\nxml = '/domain'\nrun = false\n");
    hooks.call("daemon - start - start").is(0, ["10-a"], "");
}

#[test]
fn a_rule_may_name_the_last_argument_and_the_daemons_user() {
    let hooks = Hooks::new().script("qemu.d/10-a", "").settings("[[rule]]\nextra = 'crash*'\nrun = false\n");
    hooks.call("qemu vm1 release end crashed").is(0, [], "");
    hooks.call("qemu vm1 release end shutdown").is(0, ["10-a"], "");
    let user = nix::unistd::geteuid().to_string();
    for (pattern, ran) in [(user.as_str(), 0), ("no-such-user", 1)] {
        let hooks =
            Hooks::new().script("qemu.d/10-a", "").settings(&format!("[[rule]]\nuser = '{pattern}'\nrun = false\n"));
        hooks.call("qemu vm1 start begin -");
        assert_eq!(hooks.ran().len(), ran, "{pattern}");
    }
}

/// The owner of a guest chooses its metadata, so metadata is compared with patterns and never becomes part of a name.
#[test]
fn metadata_selects_scripts_and_never_names_one() {
    let inside = "<metadata><x:run xmlns:x='u' name='../../../bin/sh; 30-evil *'/></metadata>";
    let hooks = gpu("\"/domain/metadata/*:run/@name = '*'\"").mode("qemu.d/10-a", 0o755).document(guest(inside));
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "20-gpu"], "");
}

#[test]
fn an_invalid_path_is_reported_with_file_line_and_key() {
    let rows = [
        ("'domain'", "hookmux.toml:2:7: 'xml': 'domain' is not a path: a path starts with a slash"),
        ("\"/domain/name = vm\"", "'/domain/name = vm': expected a pattern in single quotes after '='"),
        ("\"/domain/name = '['\"", "'[' is not a pattern: "),
    ];
    for (xml, expected) in rows {
        let hooks = Hooks::new().settings(&format!("[[rule]]\nxml = {xml}\n"));
        hooks.call("qemu vm1 start begin -").is_like(1, [], &[expected]);
    }
}
