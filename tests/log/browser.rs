//! The page of `hookmux history --html`, in a real browser.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::calls::{call, failed_start, lines, other};
use crate::namespaces::{HANG, Hooks, needs};

/// Writes the page of these calls.
fn page(hooks: &Hooks, calls: &[Value]) -> PathBuf {
    fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    fs::write(hooks.path("var/log/hookmux/calls.jsonl"), lines(calls)).unwrap();
    let page = hooks.path("page.html");
    let (code, out, err) = hooks.hookmux(&["history", "--html", page.to_str().unwrap()]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", ""));
    page
}

/// Returns a call in which every name contains markup.
fn evil_call() -> Value {
    let evil = "\"'><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">";
    let mut refused =
        other(&format!("/etc/hookmux/qemu.d/10-{evil}"), "untrusted", Some(&format!("because of {evil}")));
    refused["changes"] = [evil].into();
    refused["stderr"] = format!("{evil}\n{evil}").into();
    let mut call = call("2026-11-21T06:00:00Z", ["qemu", evil, evil, "begin", evil], 10, 1, &[refused]);
    call["fault"] = evil.into();
    call
}

/// Returns what the browser prints.
fn chromium(page: &Path, flags: &[&str]) -> String {
    needs("/usr/bin/chromium", "chromium");
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", &HANG.as_secs().to_string(), "/usr/bin/chromium", "--headless", "--no-sandbox"]);
    command.args(["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]);
    command.args(["--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1200,1000"]);
    command.arg(format!("--user-data-dir={}", home.path().join("profile").display())).args(flags);
    command.arg(format!("file://{}", page.display())).env("HOME", home.path()).env("XDG_RUNTIME_DIR", home.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_browser_finds_only_text_in_names() {
    let hooks = Hooks::new();
    let document = chromium(&page(&hooks, &[failed_start(), vec![evil_call()]].concat()), &["--dump-dom"]);
    let names =
        document.split('<').skip(1).map(|tag| tag.split(['>', ' ', '\n']).next().unwrap().trim_start_matches('/'));
    let expected = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "h1", "p", "section", "h2", "time", "div", "span",
    ];
    assert_eq!(names.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    assert!(document.contains("<title>hookmux history</title>"));
    // The guest's name; the call's operation, extra and fault; the script's name, path, why, change and two lines of stderr.
    assert_eq!(document.matches("&lt;script&gt;document.title='run'&lt;/script&gt;").count(), 10, "{document}");
    let rows = ["class=\"row call", "class=\"row step", "class=\"bar\"", "<section>"]
        .map(|part| document.matches(part).count());
    assert_eq!(rows, [5, 8, 11, 2]);
}

#[test]
fn a_browser_draws_each_bar_at_its_time() {
    let hooks = Hooks::new();
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("history.png");
    let _ = fs::remove_file(&picture);
    chromium(&page(&hooks, &failed_start()), &[&format!("--screenshot={}", picture.display())]);
    let (green, red) = ("2da44e", "cf222e");
    let style = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin/history/page.css")).unwrap();
    assert!(style.contains(&format!("--ok: #{green}; --bad: #{red};")));
    let mut pixels = Command::new("python3");
    pixels.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/pixels.py")).arg(&picture).args([green, red]);
    let pixels = pixels.output().unwrap();
    let printed = (String::from_utf8(pixels.stdout).unwrap(), String::from_utf8(pixels.stderr).unwrap());
    let numbers = |line: &str| -> Vec<f64> { line.split(' ').map(|number| number.parse().unwrap()).collect() };
    let found: Vec<Vec<f64>> = printed.0.lines().map(numbers).collect();
    let [green, red] = <[Vec<f64>; 2]>::try_from(found).unwrap_or_else(|_| panic!("{printed:?}"));
    // The first green bar begins at 1.2 ms of 6.92 s, the refused started ends with them.
    let (begin, end) = (green[0], red[1]);
    let at = |seconds: f64| begin + (end - begin) * seconds / 6.92;
    let expected = [at(0.6036), at(2.4296), at(6.4), at(6.92)];
    let seen = [green[2], green[3], red[2], red[3]];
    let off = seen.iter().zip(expected).map(|(seen, expected)| (seen - expected).abs()).fold(0.0, f64::max);
    assert!(off < 3.0 && end - begin > 400.0 && green[4] < red[4], "{seen:?}, not {expected:?}");
}
