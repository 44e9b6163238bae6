//! `edit`: what an editor wrote is checked before it is put in place. The editor is a script.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::root::{hookmux, root};

const GOOD: &str = "parallel = 2\n";
const BROKEN: &str = "[rule]\n";
const FILE: &str = "etc/hookmux/hookmux.toml";

/// Creates a root with a settings file, and with an editor that runs this shell code; `$1` is the file.
fn with_editor(code: &str) -> TempDir {
    root(&[(FILE, GOOD), ("editor", &format!("#!/bin/sh\n{code}\n"))])
}

fn command(root: &Path, args: &str) -> Command {
    let mut command = Command::new(support::binary());
    command.args(args.split(' ').map(|arg| arg.replace("ROOT", root.to_str().unwrap())));
    command.env("EDITOR", "./editor").env_remove("VISUAL").current_dir(root).stdin(Stdio::null());
    command
}

/// Runs a command with that editor; the root is removed from the answer.
fn edit(root: &Path, args: &str) -> (Option<i32>, String, String) {
    answer(root, command(root, args).output().unwrap())
}

fn answer(root: &Path, Output { status, stdout, stderr }: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(root.to_str().unwrap(), "");
    (status.code(), text(stdout), text(stderr))
}

/// Lists the names in the directories for settings.
fn names(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for directory in ["etc/hookmux", "etc/hookmux/hookmux.toml.d"] {
        let entries = fs::read_dir(root.join(directory)).into_iter().flatten();
        names.extend(entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()));
    }
    names.sort();
    names
}

fn text(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn a_valid_file_is_saved_with_its_mode_and_owner_and_no_other_file_is_left() {
    let root = with_editor("echo 'parallel = 3' >\"$1\"");
    let file = root.path().join(FILE);
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    chown(&file, None, Some(4)).unwrap();
    let saved = "/etc/hookmux/hookmux.toml: saved; it takes effect at the next call\n";
    assert_eq!(edit(root.path(), "edit --root ROOT"), (Some(0), saved.into(), String::new()));
    let facts = fs::metadata(&file).unwrap();
    assert_eq!((text(root.path(), FILE).as_str(), facts.mode() & 0o7777, facts.gid()), ("parallel = 3\n", 0o640, 4));
    let unchanged = "/etc/hookmux/hookmux.toml: unchanged\n";
    assert_eq!(edit(root.path(), "edit --root ROOT"), (Some(0), unchanged.into(), String::new()));
    assert_eq!(names(root.path()), ["hookmux.toml"]);
}

#[test]
fn a_drop_in_is_created_and_checked_at_its_path() {
    let root = with_editor("printf '[[rule]]\\nscript = \"10-*\"\\ntimeout = \"5s\"\\n' >\"$1\"");
    let path = "/etc/hookmux/hookmux.toml.d/50-x.toml";
    let unread =
        format!("hookmux: {}: hookmux reads only files here whose names end in .toml\n", &path[..path.len() - 5]);
    let without = format!("edit --root ROOT ROOT{}", &path[..path.len() - 5]);
    assert_eq!(edit(root.path(), &without), (Some(1), String::new(), unread));
    let (code, out, err) = edit(root.path(), &format!("edit --root ROOT ROOT{path}"));
    let expected = format!("warning: {path}:1: does nothing: ");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with(&expected) && out.ends_with("it takes effect at the next call\n"), "{out}");
    assert_eq!(fs::metadata(root.path().join(&path[1..])).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(names(root.path()), ["50-x.toml", "hookmux.toml", "hookmux.toml.d"]);
    // The old content is not mistaken for that of another file.
    fs::create_dir_all(root.path().join("etc/hookmux/qemu.d")).unwrap();
    fs::write(root.path().join("etc/hookmux/qemu.d/10-a"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.path().join("etc/hookmux/qemu.d/10-a"), Permissions::from_mode(0o755)).unwrap();
    let well = format!("no problems found in {path}\n");
    assert_eq!(hookmux(root.path(), &format!("check --root ROOT ROOT{path}")), (Some(0), well, String::new()));
}

#[test]
fn a_broken_file_is_not_saved_and_no_question_is_asked_without_a_terminal() {
    let root = with_editor("echo '[rule]' >\"$1\"");
    let (code, out, err) = edit(root.path(), "edit --root ROOT");
    let expected = "error: /etc/hookmux/hookmux.toml: because of it, every call that can be aborted fails, and no guest \
        starts: /etc/hookmux/hookmux.toml:1:1: a rule begins with two brackets: [[rule]]\n";
    assert!(out.starts_with(expected) && out.ends_with("/etc/hookmux/hookmux.toml: unchanged\n"), "{out}");
    assert_eq!((code, err.as_str(), text(root.path(), FILE).as_str()), (Some(1), "", GOOD));
    assert_eq!(names(root.path()), ["hookmux.toml"]);
    let (code, out, _) = edit(root.path(), "edit --json --root ROOT");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["saved"], &json["findings"][0]["severity"]), (Some(1), &false.into(), &"error".into()));
}

#[test]
fn on_a_terminal_the_user_decides_about_a_broken_file() {
    // The second time, the file is right.
    let code = "[ -e again ] && echo 'parallel = 4' >\"$1\" || echo '[rule]' >\"$1\"; touch again";
    for (keys, exit_code, content) in
        [("q\n", 1, GOOD), ("x\ns\n", 0, BROKEN), ("e\n", 0, "parallel = 4\n"), ("", 1, GOOD)]
    {
        let root = with_editor(code);
        let line = format!("{} edit --root {}", support::binary().display(), root.path().display());
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("EDITOR", "./editor").env_remove("VISUAL");
        script.current_dir(root.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().unwrap();
        child.stdin.take().unwrap().write_all(keys.as_bytes()).unwrap();
        let (code, out, _) = answer(root.path(), child.wait_with_output().unwrap());
        assert_eq!((code, text(root.path(), FILE).as_str()), (Some(exit_code), content), "{keys:?}: {out}");
        assert!(out.contains("two brackets") && out.contains("(e)dit again"), "{out}");
        assert_eq!(names(root.path()), ["hookmux.toml"]);
    }
}

#[test]
fn an_unfinished_copy_is_not_read_as_settings_and_a_second_edit_fails_at_once() {
    let second = "echo '[rule]' >\"$1\"; touch \"$1~\"; HOOKMUX list --root . >list 2>&1; echo $? >>list; \
        HOOKMUX edit --root . FILE >second 2>&1; echo $? >>second; rm \"$1~\"; echo 'parallel = 5' >\"$1\"";
    for file in ["etc/hookmux/hookmux.toml", "etc/hookmux/hookmux.toml.d/50-x.toml"] {
        let binary = support::binary().display().to_string();
        let root = with_editor(&second.replace("HOOKMUX", &binary).replace("FILE", file));
        fs::create_dir_all(root.path().join("etc/hookmux/hookmux.toml.d")).unwrap();
        let (code, out, err) = edit(root.path(), &format!("edit --root ROOT ROOT/{file}"));
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(text(root.path(), "list").ends_with("\n0\n"), "{}", text(root.path(), "list"));
        let second = text(root.path(), "second").replace(root.path().to_str().unwrap(), "");
        assert_eq!(second, format!("hookmux: /{file}: another hookmux edit has it open\n1\n"));
        assert_eq!(text(root.path(), file), "parallel = 5\n");
    }
}

#[test]
fn a_failed_edit_leaves_the_file_unchanged() {
    let root = with_editor("exit 3");
    let failed = "hookmux: the editor failed (exit status: 3): /etc/hookmux/hookmux.toml is unchanged\n";
    assert_eq!(edit(root.path(), "edit --root ROOT"), (Some(1), String::new(), failed.into()));
    // The copy of a program that was killed.
    let killed = "echo '[rule]' >\"$1\"; [ -e again ] && exit; touch again; pid=$PPID; \
        grep -q ^hookmux /proc/$pid/comm || pid=$(cut -d' ' -f4 /proc/$pid/stat); \
        grep -q ^hookmux /proc/$pid/comm && kill -KILL $pid";
    let root = with_editor(killed);
    assert_eq!(edit(root.path(), "edit --root ROOT").0, None);
    assert_eq!((text(root.path(), FILE).as_str(), hookmux(root.path(), "list --root ROOT").0), (GOOD, Some(0)));
    assert_eq!(edit(root.path(), "edit --root ROOT").0, Some(1));
    assert_eq!(names(root.path()), ["hookmux.toml"]);
    let root = with_editor("echo 'parallel = 6' >\"$1\"; echo 'parallel = 7' >etc/hookmux/hookmux.toml");
    let (code, _, err) = edit(root.path(), "edit --root ROOT");
    let meanwhile = "hookmux: /etc/hookmux/hookmux.toml was changed by another program meanwhile; your version is \
        /etc/hookmux/hookmux.toml.edited\n";
    assert_eq!((code, err.as_str()), (Some(1), meanwhile));
    let [file, mine] = ["", ".edited"].map(|ending| text(root.path(), &format!("{FILE}{ending}")));
    assert_eq!([file.as_str(), mine.as_str()], ["parallel = 7\n", "parallel = 6\n"]);
    let root = with_editor("echo 'parallel = 8' >\"$1\"");
    fs::set_permissions(root.path().join("etc/hookmux"), Permissions::from_mode(0o777)).unwrap();
    let (code, _, err) = edit(root.path(), "edit --root ROOT");
    assert!(code == Some(1) && err.contains(" is not edited: ") && err.contains("writable by every user"), "{err}");
    assert_eq!(text(root.path(), FILE), GOOD);
}

#[test]
fn a_link_stays_a_link_and_visual_with_arguments_takes_precedence_over_editor() {
    let root = with_editor("exit 1");
    let real = root.path().join("etc/real");
    fs::rename(root.path().join(FILE), &real).unwrap();
    symlink("../real", root.path().join(FILE)).unwrap();
    let mut command = command(root.path(), "edit --root ROOT");
    let (code, out, err) = answer(root.path(), command.env("VISUAL", "sed -i s/2/9/").output().unwrap());
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert_eq!(fs::read_link(root.path().join(FILE)).unwrap(), Path::new("../real"));
    assert_eq!(fs::read_to_string(real).unwrap(), "parallel = 9\n");
}
