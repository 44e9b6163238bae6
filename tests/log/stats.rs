//! `hookmux stats`: a table for people, JSON, and metrics that Prometheus' own client reads.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::calls::{call, lines, other, step};
use crate::namespaces::{Hooks, needs};

/// Returns the families that the client finds.
fn parsed(text: &str) -> Value {
    needs("/usr/lib/python3/dist-packages/prometheus_client/parser.py", "python3-prometheus-client");
    let mut python = Command::new("/usr/bin/python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/metrics.py"));
    let mut python = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const SLOW: &str = "/etc/hookmux/qemu.d/20-slow";
const ODD: &str = "/etc/hookmux/qemu.d/1\"0\\\n";

fn calls() -> Vec<Value> {
    let time = "2026-11-21T05:32:06.100000Z";
    let stop = ["qemu", "vm1", "stop", "begin", "-"];
    let mut late = call(time, stop, 10, 0, &[step(SLOW, 0, 3_000_000, 4)]);
    (late["background"], late["verdict"]) = (true.into(), Value::Null);
    let mut fault = call(time, stop, 10, 1, &[]);
    fault["fault"] = "settings".into();
    let mut freeze = call(time, ["fsfreeze-hook", "-", "freeze", "-", "-"], 10, 3, &[step("/f", 0, 1000, 3)]);
    freeze["undone"] = json!([step("/f", 2000, 7000, 0)]);
    vec![
        call(time, stop, 10, 0, &[step(SLOW, 0, 2_500, 0), step(ODD, 0, 1, 0)]),
        call(time, stop, 10, 3, &[step(SLOW, 0, 700_000, 3), other(ODD, "not-run", None)]),
        call(time, stop, 10, 1, &[other(SLOW, "untrusted", Some("x")), other(ODD, "not-run", None)]),
        late,
        fault,
        freeze,
        call(time, ["network", "n", "plugged", "begin", "-"], 10, 0, &[]),
        call(time, ["network", "n", "port-created", "begin", "-"], 10, 0, &[]),
    ]
}

#[test]
fn calls_failures_vetoes_faults_and_times_are_counted() {
    let hooks = Hooks::new();
    fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    fs::write(hooks.path("var/log/hookmux/calls.jsonl"), lines(&calls())).unwrap();
    fs::write(hooks.path("var/log/hookmux/calls.jsonl.1"), lines(&calls())).unwrap();
    let (code, out, err) = hooks.hookmux(&["stats", "--prometheus"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let families = parsed(&out);
    let of_call = |name: &str, numbers: [f64; 3]| {
        let rows = [("fsfreeze-hook", "freeze"), ("network", "port-created"), ("qemu", "stop")];
        let row = |((driver, operation), number): ((&str, &str), f64)| json!([format!("{name}_total"), { "driver": driver, "operation": operation }, number]);
        json!(["counter", rows.into_iter().zip(numbers).map(row).collect::<Vec<_>>()])
    };
    let of_script = |name: &str, numbers: [f64; 4]| {
        let rows = [
            ("fsfreeze-hook", "freeze", "/f"),
            ("fsfreeze-hook", "thaw", "/f"),
            ("qemu", "stop", "/etc/hookmux/qemu.d/1\"0\\\\n"),
            ("qemu", "stop", SLOW),
        ];
        let row = |((driver, operation, script), number): ((&str, &str, &str), f64)| json!([format!("{name}_total"), { "driver": driver, "operation": operation, "script": script }, number]);
        json!(["counter", rows.into_iter().zip(numbers).map(row).collect::<Vec<_>>()])
    };
    let seen = |name: &str| &families[name];
    let name = "hookmux_calls";
    assert_eq!(*seen(name), of_call(name, [1.0, 2.0, 4.0]));
    let name = "hookmux_call_failures";
    assert_eq!(*seen(name), of_call(name, [1.0, 0.0, 3.0]));
    let name = "hookmux_call_faults";
    assert_eq!(*seen(name), of_call(name, [0.0, 0.0, 1.0]));
    let name = "hookmux_script_vetoes";
    assert_eq!(*seen(name), of_script(name, [1.0, 0.0, 0.0, 2.0]));
    let name = "hookmux_script_faults";
    assert_eq!(*seen(name), of_script(name, [0.0, 0.0, 0.0, 1.0]));
    let longest = families["hookmux_script_longest_seconds"][1].as_array().unwrap();
    assert_eq!(
        longest.iter().map(|sample| sample[2].as_f64().unwrap()).collect::<Vec<_>>(),
        [0.001, 0.007, 0.000_001, 3.0]
    );
    let times = &families["hookmux_script_duration_seconds"];
    assert_eq!((&times[0], families.as_object().unwrap().len()), (&json!("histogram"), 13));
    let slow = times[1].as_array().unwrap().iter().filter(|sample| sample[1]["script"] == SLOW);
    let slow: Vec<(&str, Value, f64)> = slow
        .map(|sample| {
            let name = sample[0].as_str().unwrap().strip_prefix("hookmux_script_duration_seconds").unwrap();
            (name, sample[1]["le"].clone(), sample[2].as_f64().unwrap())
        })
        .collect();
    // 2.5 ms, which is the bound of its bucket, 0.7 s and 3 s; the script that did not run took no time.
    let bounds = ["0.0025", "0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "30", "120", "+Inf"];
    let numbers = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0];
    let buckets = bounds.into_iter().zip(numbers).map(|(bound, number)| ("_bucket", json!(bound), number));
    let rest = [("_sum", Value::Null, 3.7025), ("_count", Value::Null, 3.0)];
    assert_eq!(slow, buckets.chain(rest).collect::<Vec<_>>());
}

#[test]
fn an_empty_log_is_valid_and_a_missing_one_is_reported_with_a_fix() {
    let hooks = Hooks::new();
    let (code, out, err) = hooks.hookmux(&["stats"]);
    assert!((code, out.as_str()) == (Some(1), "") && err.contains("install -d -m 750 /var/log/hookmux"), "{err}");
    let missing = json!(["hookmux_check_findings", { "severity": "note", "kind": "log-missing" }, 1.0]);
    for is_kept in [false, true] {
        let (code, out, err) = hooks.hookmux(&["stats", "--prometheus"]);
        let families = parsed(&out);
        assert_eq!((code, err.as_str(), families.as_object().unwrap().len()), (Some(0), "", 13));
        let findings = families["hookmux_check_findings"][1].as_array().unwrap();
        assert_eq!(
            (findings.contains(&missing), &families["hookmux_last_call_timestamp_seconds"][1]),
            (!is_kept, &json!([]))
        );
        fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    }
    assert_eq!(hooks.hookmux(&["stats"]), (Some(0), "no call has been recorded yet\n".into(), String::new()));
    assert_eq!(hooks.hookmux(&["stats", "--json", "--prometheus"]).0, Some(2));
}

#[test]
fn metrics_report_the_state_while_no_call_is_made() {
    let hooks = Hooks::new().script("10-a", "").script("20-b", "").script("30-off", "");
    fs::set_permissions(hooks.path("etc/hookmux/qemu.d/20-b"), fs::Permissions::from_mode(0o757)).unwrap();
    fs::set_permissions(hooks.path("etc/hookmux/qemu.d/30-off"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    // All calls are in the rotated file.
    fs::write(hooks.path("var/log/hookmux/calls.jsonl.1"), lines(&calls())).unwrap();
    fs::create_dir_all(hooks.path("usr/bin")).unwrap();
    fs::copy(support::hook_program(), hooks.path("usr/bin/hookmux-hook")).unwrap();
    let link = hooks.path("etc/libvirt/hooks/qemu");
    let metrics = |target: Option<&str>| {
        let _ = fs::remove_file(&link);
        if let Some(target) = target {
            symlink(target, &link).unwrap();
        }
        parsed(&hooks.hookmux(&["stats", "--prometheus"]).1)
    };
    let families = metrics(Some("/usr/bin/hookmux-hook"));
    let of = |families: &Value, name: &str| families[name][1].as_array().unwrap().clone();
    let version = json!([["hookmux_build_info", { "version": env!("CARGO_PKG_VERSION") }, 1.0]]);
    assert_eq!(families["hookmux_build_info"], json!(["gauge", version]));
    let qemu = |families: &Value, name: &str| {
        let found = of(families, name).into_iter().find(|sample| sample[1]["driver"] == "qemu");
        found.unwrap()[2].clone()
    };
    assert_eq!((of(&families, "hookmux_hook_installed").len(), of(&families, "hookmux_scripts").len()), (7, 7));
    assert_eq!(
        (qemu(&families, "hookmux_hook_installed"), qemu(&families, "hookmux_scripts")),
        (json!(1.0), json!(2.0))
    );
    let find =
        |severity: &str, kind: &str| json!(["hookmux_check_findings", { "severity": severity, "kind": kind }, 1.0]);
    let found = of(&families, "hookmux_check_findings");
    assert!(
        [find("error", "untrusted"), find("note", "not-executable")].iter().all(|it| found.contains(it)),
        "{found:?}"
    );
    // 2026-11-21T05:32:06Z
    let time = json!([["hookmux_last_call_timestamp_seconds", {}, 1_795_239_126.0]]);
    assert_eq!(families["hookmux_last_call_timestamp_seconds"], json!(["gauge", time]));
    assert_eq!(
        families["hookmux_running_script_seconds"],
        json!(["gauge", [["hookmux_running_script_seconds", {}, 0.0]]])
    );
    // No hook, another program's, and one whose program was deleted.
    let others = [None, Some("/bin/true"), Some("/usr/bin/hookmux-guest")];
    assert_eq!(others.map(|target| qemu(&metrics(target), "hookmux_hook_installed")), [0.0, 0.0, 0.0].map(Value::from));
}

#[test]
fn metrics_contain_how_long_a_script_has_been_running() {
    let hooks = Hooks::new().script("10-a", "echo >$HOOKMUX_ROOT/begun; exec sleep 100");
    let seen = hooks.shell(
        "mkdir -p $R/usr/bin
        cp $hook $R/usr/bin/hookmux-hook
        rm $hook
        ln -s ../../../usr/bin/hookmux-hook $hook
        $hook vm1 start begin - </dev/null 2>/dev/null &
        call=$!
        wait_for test -e $R/begun
        is_long() { $hookmux stats --prometheus --root $R | grep -qx 'hookmux_running_script_seconds [1-9][0-9]*'; }
        wait_for is_long
        kill $call; wait $call || :
        $hookmux stats --prometheus --root $R | grep '^hookmux_running_script_seconds '",
    );
    assert_eq!(seen, "hookmux_running_script_seconds 0\n");
}

const TABLE: &str = "since 2026-11-21 05:32:06:
  calls  failed  faults  call
  1      1       0       fsfreeze-hook freeze
  2      0       0       network port-created
  4      3       1       qemu stop

  runs  vetoes  faults  mean    longest  call                  script
  1     1       0       1.0 ms  1.0 ms   fsfreeze-hook freeze  /f
  1     0       0       7.0 ms  7.0 ms   fsfreeze-hook thaw    /f
  1     0       0       0.0 ms  0.0 ms   qemu stop             ODD
  3     2       1       1.2 s   3 s      qemu stop             SLOW
";

#[test]
fn stats_prints_a_table_or_one_json_document() {
    let hooks = Hooks::new();
    fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    fs::write(hooks.path("var/log/hookmux/calls.jsonl"), lines(&calls())).unwrap();
    let table = TABLE.replace("SLOW", SLOW).replace("ODD", "/etc/hookmux/qemu.d/1\"0\\\\n");
    assert_eq!(hooks.hookmux(&["stats"]), (Some(0), table, String::new()));
    let (code, out, err) = hooks.hookmux(&["stats", "--json"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let document: Value = serde_json::from_str(&out).unwrap();
    let stop = json!({ "driver": "qemu", "operation": "stop", "calls": 4, "failures": 3, "faults": 1 });
    let slow = json!({ "driver": "qemu", "operation": "stop", "path": SLOW, "runs": 3, "vetoes": 2, "faults": 1,
        "seconds": 3.7025, "longest": 3.0 });
    let seen = ["schema", "command", "since"].map(|key| document[key].clone());
    assert_eq!(seen, ["hookmux/1", "stats", "2026-11-21T05:32:06Z"].map(Value::from));
    assert_eq!((&document["calls"][2], &document["scripts"][3]), (&stop, &slow));
}
