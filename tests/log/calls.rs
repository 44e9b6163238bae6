//! Made-up records in hookmux's format. In: a call's arguments and times. Out: a line. Pure.

use serde_json::{Value, json};

/// Makes a script of a call, with its exit code.
pub fn step(path: &str, after_us: u64, duration_us: u64, code: i32) -> Value {
    json!({ "path": path, "outcome": "exited", "code": code, "after_us": after_us, "duration_us": duration_us,
        "bytes_out": 0, "bytes_err": 0 })
}

/// Makes a script that did not run, or did not exit.
pub fn other(path: &str, outcome: &str, why: Option<&str>) -> Value {
    let mut step = json!({ "path": path, "outcome": outcome, "duration_us": 0, "bytes_out": 0, "bytes_err": 0 });
    if let Some(why) = why {
        step["why"] = why.into();
    }
    step
}

/// Makes a call; `args` are driver, object, operation, sub-operation and extra.
pub fn call(time: &str, args: [&str; 5], duration_us: u64, verdict: u8, steps: &[Value]) -> Value {
    json!({ "v": 1, "time": time, "pid": 7, "driver": args[0], "object": args[1], "operation": args[2],
        "sub_operation": args[3], "extra": args[4], "verdict": verdict, "duration_us": duration_us, "steps": steps })
}

/// Makes the calls of a guest's start with a network's port, which a script refuses once QEMU runs.
pub fn failed_start() -> Vec<Value> {
    let script = |name: &str| format!("/etc/hookmux/qemu.d/{name}");
    let maintenance = step(&script("10-maintenance"), 1200, 2100, 0);
    let mut port = call(
        "2026-11-21T05:32:06.500000Z",
        ["network", "lan", "port-created", "begin", "-"],
        45_000,
        0,
        &[step("/etc/hookmux/network.d/50-port-forward", 900, 44_000, 0)],
    );
    port["guest"] = "db-1".into();
    let mut register = step(&script("30-register"), 1200, 2100, 3);
    register["stderr"] = "10.0.3.7 answered 409:\n  db-1 is already registered".into();
    vec![
        call(
            "2026-11-21T05:32:06.100000Z",
            ["qemu", "db-1", "prepare", "begin", "-"],
            312_000,
            0,
            &[maintenance.clone(), step(&script("20-disk-check"), 3500, 308_000, 0)],
        ),
        port,
        call(
            "2026-11-21T05:32:06.700000Z",
            ["qemu", "db-1", "start", "begin", "-"],
            1_830_000,
            0,
            &[maintenance, step(&script("db-1/start/begin/40-mount-a-share"), 3600, 1_826_000, 0)],
        ),
        call(
            "2026-11-21T05:32:12.500000Z",
            ["qemu", "db-1", "started", "begin", "-"],
            520_000,
            3,
            &[register, other(&script("90-notify"), "not-run", None)],
        ),
    ]
}

/// Formats the lines of a log.
pub fn lines(calls: &[Value]) -> String {
    calls.iter().map(|call| call.to_string() + "\n").collect()
}
