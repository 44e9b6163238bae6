//! Hooks that libvirt does not call, or must not execute. In: what is known of a hook. Out: findings. Pure.

use std::ffi::OsStr;
use std::path::Path;
use std::time::SystemTime;

use crate::admin::check::finding::Finding;
use crate::admin::install::existing::ExistingHook;
use crate::admin::support::apparmor::Denied;
use crate::admin::support::daemons::Running;
use crate::admin::support::root;
use crate::files::trust::Distrust;
use crate::printable;

/// The type that `SELinux`'s policy has for everything in libvirt's directory of hooks.
const LINK_TYPE: &str = "virt_hook_t";

/// The program's type in the module that packages bring.
const PROGRAM_TYPE: &str = "hookmux_exec_t";

/// Where packages have that module.
const MODULE: &str = "/usr/share/selinux/packages/hookmux.cil";

/// What is known of one driver's hook.
#[derive(Debug)]
pub(crate) struct HookFacts<'a> {
    pub(crate) root: &'a Path,
    pub(crate) driver: &'a OsStr,
    pub(crate) path: &'a Path,
    pub(crate) existing: ExistingHook,
    /// How many scripts need it.
    pub(crate) scripts: usize,
    /// When it was installed.
    pub(crate) came: Option<SystemTime>,
    /// The daemons that call it.
    pub(crate) daemons: Vec<Running>,
    /// Why `AppArmor` would not let it run.
    pub(crate) denied: Option<Denied>,
    /// Who besides root could change the program that it leads to.
    pub(crate) changeable: Option<Distrust>,
    /// Its `SELinux` label.
    pub(crate) label: Option<(&'a Path, String)>,
    /// The program that it leads to, with its `SELinux` label, where that has to be a hook's, too.
    pub(crate) program: Option<(&'a Path, String)>,
}

/// Finds what is wrong with a hook.
pub(crate) fn judge(hook: &HookFacts) -> Vec<Finding> {
    let HookFacts { root, driver, path, scripts, .. } = hook;
    let command = |command| format!("{} {}", root::command(root, command), printable::quoted(driver));
    let install = command("install");
    let need = if *scripts == 1 { "needs" } else { "need" };
    let waiting = format!("{} {need} it", printable::count(*scripts, "script"));
    let new = |kind, what: String| vec![Finding::new(kind, path, what, install.clone())];
    let mut findings = match &hook.existing {
        ExistingHook::Nothing if *scripts > 0 => {
            return new("not-installed", format!("does not exist, and {waiting}"));
        }
        ExistingHook::Another if *scripts > 0 => {
            return new("another-hook", format!("another program's hook is there, and {waiting}"));
        }
        ExistingHook::Nothing | ExistingHook::Another => return Vec::new(),
        ExistingHook::NotAFile => {
            let advice = "move it away, then: hookmux install";
            return vec![Finding::advised("another-hook", path, "is not a file, so libvirt does not call it", advice)];
        }
        ExistingHook::OurBrokenLink(says) => {
            let what = format!("its target {} does not exist, so libvirt does not call it", says.display());
            return new("broken-hook", what);
        }
        ExistingHook::Overwritten(text) => {
            let what = format!(
                "{} was overwritten through a hook's link: every driver's hook is that program",
                text.display()
            );
            return vec![Finding::new("overwritten", path, what, command("install --restore"))];
        }
        ExistingHook::OurCopy => {
            vec![Finding::new("copy", path, "a copy of hookmux, which upgrades do not reach", install.clone())]
        }
        ExistingHook::OurLink(_) => Vec::new(),
    };
    findings.extend(hook.denied.iter().map(|denied| Finding::new("apparmor", path, &denied.why, &denied.fix)));
    if let Some(distrust) = &hook.changeable {
        findings.push(Finding::distrusted("changeable", path, "libvirt runs it as root, and", distrust));
    }
    for daemon in hook.daemons.iter().filter(|daemon| hook.came.is_some_and(|came| !daemon.knows_of(came))) {
        let what = format!(
            "{} was started before this hook was installed and does not call it until it is reloaded",
            daemon.shown()
        );
        findings.push(Finding::new("not-reloaded", path, what, command("install --reload")));
    }
    let relabel = |path: &Path| format!("restorecon -v {}", printable::quoted(path));
    if let Some((path, label)) = hook.label.as_ref().filter(|(_, label)| !is_hooks(label)) {
        let what = format!("SELinux may deny it: its label is {label}, and its type should be {LINK_TYPE}");
        findings.push(Finding::new("selinux", path, what, relabel(path)));
    }
    if let Some((path, label)) = hook.program.as_ref().filter(|(_, label)| !has_type(label, PROGRAM_TYPE)) {
        let what = format!(
            "SELinux denies it to virtqemud and virtnetworkd: its label is {label}, and its type should be {PROGRAM_TYPE}"
        );
        let fix = format!("semodule -X 200 -i {MODULE} && {}", relabel(path));
        findings.push(Finding::new("selinux", path, what, fix));
    }
    findings
}

/// Reports whether a label's type is that of hooks.
pub(crate) fn is_hooks(label: &str) -> bool {
    has_type(label, LINK_TYPE)
}

fn has_type(label: &str, wanted: &str) -> bool {
    label.split(':').nth(2) == Some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn hook(existing: ExistingHook, scripts: usize) -> HookFacts<'static> {
        let path = Path::new("/etc/libvirt/hooks/qemu");
        let (came, daemons) = (None, Vec::new());
        let root = Path::new("/");
        HookFacts {
            root,
            driver: OsStr::new("qemu"),
            path,
            existing,
            scripts,
            came,
            daemons,
            denied: None,
            changeable: None,
            label: None,
            program: None,
        }
    }

    fn link() -> ExistingHook {
        ExistingHook::OurLink("/usr/bin/hookmux".into())
    }

    fn daemon(started: u64, reloaded: Option<u64>) -> Running {
        let at = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap();
        let (name, reloaded) = ("libvirtd".into(), reloaded.map(at));
        Running { name, pid: 7, version: None, started: at(started), reloaded }
    }

    #[test]
    fn each_state_of_a_hook_has_its_finding() {
        let came = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(100));
        let with = |daemon| HookFacts { came, daemons: vec![daemon], ..hook(link(), 1) };
        let label = |label: &str| HookFacts { label: Some((Path::new("/x"), label.into())), ..hook(link(), 1) };
        let program = |label: &str| HookFacts { program: Some((Path::new("/p"), label.into())), ..hook(link(), 1) };
        let module = "semodule -X 200 -i /usr/share/selinux/packages/hookmux.cil && restorecon -v /p";
        let changeable = Some(Distrust::WritableByOthers("/opt".into()));
        let denied = Denied { why: "no".into(), fix: "mv".into() };
        let rows = [
            (hook(ExistingHook::Nothing, 0), None),
            (hook(ExistingHook::Nothing, 1), Some(("not-installed", "hookmux install qemu"))),
            (hook(ExistingHook::Another, 0), None),
            (hook(ExistingHook::Another, 2), Some(("another-hook", "hookmux install qemu"))),
            (hook(ExistingHook::OurBrokenLink("/x".into()), 0), Some(("broken-hook", "hookmux install qemu"))),
            (hook(ExistingHook::OurCopy, 0), Some(("copy", "hookmux install qemu"))),
            (hook(ExistingHook::Overwritten("/x".into()), 0), Some(("overwritten", "hookmux install --restore qemu"))),
            (hook(link(), 3), None),
            (with(daemon(99, None)), Some(("not-reloaded", "hookmux install --reload qemu"))),
            (with(daemon(99, Some(99))), Some(("not-reloaded", "hookmux install --reload qemu"))),
            (with(daemon(99, Some(101))), None),
            (with(daemon(101, None)), None),
            (label("system_u:object_r:virt_hook_t:s0"), None),
            (label("system_u:object_r:user_home_t:s0"), Some(("selinux", "restorecon -v /x"))),
            (program("system_u:object_r:hookmux_exec_t:s0"), None),
            (program("system_u:object_r:bin_t:s0"), Some(("selinux", module))),
            (program("system_u:object_r:virt_hook_t:s0"), Some(("selinux", module))),
            (HookFacts { changeable, ..hook(link(), 1) }, Some(("changeable", "chmod o-w /opt"))),
            (HookFacts { denied: Some(denied), ..hook(link(), 1) }, Some(("apparmor", "mv"))),
        ];
        for (hook, expected) in rows {
            let found = judge(&hook);
            let found: Vec<_> = found.iter().map(|found| (found.kind, found.fix.as_deref().unwrap())).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{hook:?}");
        }
    }
}
