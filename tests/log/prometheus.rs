//! The packages' files for monitoring, with the programs of systemd, Prometheus and `node_exporter`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use support::binary;

use crate::namespaces::{Hooks, needs};

/// Returns the path of a file of the packages.
fn shipped(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("packaging/monitoring").join(name)
}

/// Runs a command in a directory with the rules and their tests, and returns its exit code and output.
fn run(directory: &Hooks, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    let Output { status, stdout, stderr } =
        command.args(arguments).current_dir(directory.path("")).env("LC_ALL", "C").output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[test]
fn promtool_accepts_the_alerts_and_each_fires_when_it_should() {
    needs("/usr/bin/promtool", "prometheus");
    let directory = Hooks::new();
    fs::copy(shipped("hookmux.rules.yml"), directory.path("hookmux.rules.yml")).unwrap();
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/rules.yml");
    fs::copy(tests, directory.path("rules.yml")).unwrap();
    let (code, text) = run(&directory, "promtool", &["check", "rules", "hookmux.rules.yml"]);
    assert!(code == Some(0) && text.contains("SUCCESS: 5 rules found"), "{text}");
    let (code, text) = run(&directory, "promtool", &["test", "rules", "rules.yml"]);
    assert!(code == Some(0) && text.contains("SUCCESS"), "{text}");
    let (rules, tests) =
        (fs::read_to_string(shipped("hookmux.rules.yml")).unwrap(), fs::read_to_string(tests).unwrap());
    let untested: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .filter(|alert| !tests.contains(&format!("alertname: {alert}\n")))
        .collect();
    assert_eq!(untested, [""; 0]);
}

#[test]
fn systemd_accepts_the_service_and_its_timer() {
    needs("/usr/bin/systemd-analyze", "systemd");
    let directory = Hooks::new();
    for unit in ["hookmux-metrics.service", "hookmux-metrics.timer"] {
        let text = fs::read_to_string(shipped(unit)).unwrap();
        let text = text.replace("/usr/bin/hookmux ", &format!("{} ", binary().display()));
        fs::write(directory.path(unit), text).unwrap();
    }
    let units = ["verify", "--man=no", "./hookmux-metrics.service", "./hookmux-metrics.timer"];
    assert_eq!(run(&directory, "systemd-analyze", &units), (Some(0), String::new()));
}

/// A Prometheus and a `node_exporter` that look each second; alerts that wait for some time wait for a second.
const MONITORING: &str = "
ip link set lo up
mkdir -p $R/usr/bin $R/textfiles $R/var/log/hookmux
cp $hook $R/usr/bin/hookmux-hook
rm $hook
$hookmux install --root $R qemu >/dev/null
sed 's/for: .*/for: 1s/' $rules >$R/hookmux.rules.yml
cat >$R/prometheus.yml <<EOF
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [hookmux.rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{ targets: ['127.0.0.1:9100'] }]
EOF
prometheus-node-exporter --collector.disable-defaults --collector.textfile --collector.textfile.directory=$R/textfiles \
    --web.listen-address=127.0.0.1:9100 2>$R/exporter.err &
exporter=$!
prometheus --config.file=$R/prometheus.yml --storage.tsdb.path=$R/tsdb --web.listen-address=127.0.0.1:9090 2>$R/prometheus.err &
prometheus=$!
cd $R/textfiles
metrics() { $hookmux ${command#* } --root $R; }
query() { promtool query instant http://127.0.0.1:9090 \"$1\" 2>/dev/null; }
is() { query \"$1\" | grep -q '=> 1 '; }
fires() { is 'ALERTS{alertname=\"HookmuxHookGone\",alertstate=\"firing\",driver=\"qemu\"}'; }
is_silent() { query 'count(ALERTS{alertname=\"HookmuxHookGone\"}) or vector(0)' | grep -q '=> 0 '; }
";

#[test]
fn a_real_prometheus_fires_the_alert_when_the_link_is_removed() {
    needs("/usr/bin/prometheus", "prometheus");
    needs("/usr/bin/prometheus-node-exporter", "prometheus-node-exporter");
    let service = fs::read_to_string(shipped("hookmux-metrics.service")).unwrap();
    let command = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let hooks = Hooks::new().script("10-a", "");
    let seen = hooks.shell(&format!(
        "command='{command}' rules={}
        {MONITORING}
        metrics
        wait_for is 'hookmux_hook_installed{{driver=\"qemu\"}}'
        is_silent
        stat -c '%a %n' hookmux.prom
        rm $hook
        metrics
        wait_for fires
        echo fires
        $hookmux install --root $R qemu >/dev/null
        metrics
        wait_for is_silent
        kill -TERM $prometheus $exporter; wait || :
        ls -A",
        shipped("hookmux.rules.yml").display()
    ));
    assert_eq!(seen, "644 hookmux.prom\nfires\nhookmux.prom\n");
}
