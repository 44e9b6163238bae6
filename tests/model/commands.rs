//! `list`, `explain` and `run` report what the hook does: under random scripts, rules and settings, each report is
//! compared with what the hook started.

use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use serde_json::Value;

use crate::calls::Kind;
use crate::case::{self, Case};
use crate::disk::Disk;
use support::binary;
use support::builder::spawn;

/// The number of cases for each kind of call; each case runs four processes.
const CASES: u32 = 250;

/// A script of a report: its path, its state, and whether a rule about some calls decides that.
#[derive(Debug, PartialEq, Eq)]
struct Script {
    path: String,
    state: String,
    sometimes: bool,
    /// False for a script in the background.
    waits: bool,
}

fn report(disk: &Disk, command: &str, args: &[&str]) -> Value {
    let mut process = Command::new(binary());
    process.args(["--json", command, "--force", "--root"]).arg(disk.root()).args(args);
    process.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = spawn(&mut process).wait_with_output().unwrap();
    let text = disk.shown(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {text} {}", disk.shown(&output.stderr)))
}

fn scripts(report: &Value) -> Vec<Script> {
    let text = |script: &Value, key: &str| script[key].as_str().unwrap().to_owned();
    let is_partial = |setting: &Value| setting["key"] == "run" && !setting["when"].is_null();
    let is_background = |setting: &Value| setting["key"] == "wait" && setting["value"] == "false";
    let script = |script: &Value| Script {
        path: text(script, "path"),
        state: text(script, "state"),
        sometimes: script["settings"].as_array().unwrap().iter().any(is_partial),
        waits: !script["settings"].as_array().unwrap().iter().any(is_background),
    };
    report["scripts"].as_array().unwrap().iter().map(script).collect()
}

fn compare(disk: &Disk, case: &Case) -> TestCaseResult {
    let seen = disk.call(case);
    let call = &case.call;
    let args = ["--", call.driver, case.object, call.operation, call.sub, call.extra];
    let args = if call.is_agents() { &args[..4] } else { &args };
    let explained = scripts(&report(disk, "explain", args));
    let listed = scripts(&report(disk, "list", &[call.driver])["drivers"][0]);
    let document = disk.root().join("document");
    disk.forget();
    let ran = report(disk, "run", &[&["--xml", document.to_str().unwrap()], args].concat());
    let ran_by_hand = disk.ran();

    let of = |states: &[&str]| {
        let paths = explained.iter().filter(|script| script.waits && states.contains(&script.state.as_str()));
        paths.map(|script| script.path.clone()).collect::<Vec<_>>()
    };
    let steps = ran["steps"].as_array().unwrap().iter();
    let of_ours = steps.filter(|step| step["by"] == "hookmux").map(|step| step["path"].as_str().unwrap().to_owned());
    prop_assert_eq!(
        of_ours.collect::<Vec<_>>(),
        of(&["runs", "untrusted", "cannot-start"]),
        "the steps of `run` and of `explain`"
    );
    let left = of(&["left-to-libvirt"]);
    let is_left = |line: &String| left.iter().any(|path| line.split(' ').next() == Some(path));
    let by_hookmux: Vec<String> = ran_by_hand.into_iter().filter(|line| !is_left(line)).collect();
    prop_assert_eq!(by_hookmux, seen.ran, "what `run` started and what the hook started");

    for script in &explained {
        let known = listed.iter().find(|one| one.path == script.path);
        let agrees = known.is_some_and(|one| one.sometimes || one.state == script.state);
        prop_assert!(agrees, "`list` and `explain` differ about {:?}: {:?}", script, known);
    }
    Ok(())
}

fn assert_agreement(kind: Kind) {
    let disk = Disk::new();
    let config = Config { cases: CASES, max_shrink_iters: 400, failure_persistence: None, ..Config::default() };
    let cases = case::any(kind).prop_map(|mut case| {
        // No daemon makes these calls, so the settings decide who runs libvirt's own directory.
        case.settings.libvirt_runs_dot_d.get_or_insert(false);
        case.settings.broken = None;
        case
    });
    if let Err(difference) = TestRunner::new(config).run(&cases, |case| compare(&disk, &case)) {
        panic!("{difference}");
    }
}

#[test]
fn every_command_reports_what_the_hook_starts() {
    assert_agreement(Kind::Aborts);
    assert_agreement(Kind::Late);
    assert_agreement(Kind::Filters);
    assert_agreement(Kind::Agent);
}
