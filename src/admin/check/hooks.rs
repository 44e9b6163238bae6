//! Hooks that libvirt does not call, or must not execute. In: a driver. Out: findings. Reads what is known of its hook, and
//! judges it in pure functions.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::admin::check::finding::Finding;
use crate::admin::install::existing::{self, ExistingHook};
use crate::admin::support::apparmor::{self, Denied};
use crate::admin::support::daemons::{self, Running};
use crate::admin::support::root;
use crate::call::drivers::{self, ArgLayout};
use crate::files::resolve;
use crate::files::trust::{self, Distrust};
use crate::plan::Plan;
use crate::printable;

/// The type that `SELinux`'s policy has for everything in libvirt's directory of hooks.
const LINK_TYPE: &str = "virt_hook_t";

/// The program's type in the module that packages bring.
const PROGRAM_TYPE: &str = "hookmux_exec_t";

/// The path at which packages install that module.
const MODULE: &str = "/usr/share/selinux/packages/hookmux.cil";

#[derive(Debug)]
struct HookFacts<'a> {
    root: &'a Path,
    driver: &'a OsStr,
    path: &'a Path,
    existing: ExistingHook,
    /// The number of scripts that need it.
    scripts: usize,
    /// The time at which it was installed.
    installed_at: Option<SystemTime>,
    /// The daemons that call it.
    daemons: Vec<Running>,
    /// The reason why `AppArmor` would not let it run.
    denied: Option<Denied>,
    /// The user besides root who could change the program that it leads to.
    changeable: Option<Distrust>,
    /// Its `SELinux` label.
    label: Option<String>,
    /// The program that it leads to, with that program's label.
    program: Option<(PathBuf, String)>,
}

pub(crate) fn hook(root: &Path, driver: &OsStr, plan: &Plan) -> Vec<Finding> {
    let main = || {
        let path = root::hook(root, driver);
        existing::look(root, &path).ok().map(|found| (path, found))
    };
    let ours = existing::ours(root, driver).into_iter().next();
    let Some((path, existing)) = ours.or_else(main) else { return Vec::new() };
    let is_libvirts = drivers::driver(driver).args == ArgLayout::Libvirt;
    let (mut denied, mut changeable, mut program) = (None, None, None);
    if let ExistingHook::OurLink(text) = &existing {
        let target = existing::leads_to(root, &path, text);
        changeable = trust::distrust(&resolve::resolve(root, &target));
        if is_libvirts {
            denied = apparmor::denies_link(root, text).filter(|_| text.is_absolute());
            program = label(&target).map(|label| (target, label));
        }
    }
    judge(&HookFacts {
        root,
        driver,
        path: &path,
        existing,
        scripts: plan.scripts().count(),
        installed_at: existing::installed_at(&path),
        daemons: daemons::calling(root, driver),
        denied,
        changeable,
        label: label(&path).filter(|_| is_libvirts),
        program,
    })
}

fn judge(hook: &HookFacts) -> Vec<Finding> {
    let HookFacts { path, scripts, .. } = hook;
    let need = if *scripts == 1 { "needs" } else { "need" };
    let waiting = format!("{} {need} it", printable::count(*scripts, "script"));
    let (kind, what) = match &hook.existing {
        ExistingHook::OurLink(_) | ExistingHook::OurCopy => return installed(hook),
        ExistingHook::Nothing if *scripts > 0 => ("not-installed", format!("does not exist, and {waiting}")),
        ExistingHook::Another if *scripts > 0 => {
            ("another-hook", format!("another program's hook is there, and {waiting}"))
        }
        ExistingHook::Nothing | ExistingHook::Another => return Vec::new(),
        ExistingHook::NotAFile => {
            let finding = Finding::new("another-hook", path, "is not a file, so libvirt does not call it");
            return vec![finding.advice("move it elsewhere, then: hookmux install")];
        }
        ExistingHook::OurBrokenLink(text) => {
            ("broken-hook", format!("its target {} does not exist, so libvirt does not call it", text.display()))
        }
        ExistingHook::Overwritten(text) => {
            let what = "was overwritten through a hook's link: every driver's hook is that program";
            let finding = Finding::new("overwritten", path, format!("{} {what}", text.display()));
            return vec![finding.fix(hook.command("install --restore"))];
        }
    };
    vec![Finding::new(kind, path, what).fix(hook.command("install"))]
}

fn installed(hook: &HookFacts) -> Vec<Finding> {
    let (path, mut findings) = (hook.path, Vec::new());
    if hook.existing == ExistingHook::OurCopy {
        let finding = Finding::new("copy", path, "a copy of hookmux, which upgrades do not reach");
        findings.push(finding.fix(hook.command("install")));
    }
    findings.extend(hook.denied.iter().map(|denied| Finding::new("apparmor", path, &denied.why).fix(&denied.fix)));
    if let Some(distrust) = &hook.changeable {
        findings.push(Finding::distrusted("changeable", path, "libvirt runs it as root, and", distrust));
    }
    for daemon in
        hook.daemons.iter().filter(|daemon| hook.installed_at.is_some_and(|installed| !daemon.knows_of(installed)))
    {
        let what = "was started before this hook was installed and does not call it until it is reloaded";
        let finding = Finding::new("not-reloaded", path, format!("{} {what}", daemon.shown()));
        findings.push(finding.fix(hook.command("install --reload")));
    }
    let Some(label) = &hook.label else { return findings };
    let relabel = |path: &Path| format!("restorecon -v {}", printable::quoted(path));
    match &hook.program {
        _ if !has_type(label, LINK_TYPE) => {
            let what = format!("SELinux may deny it: its label is {label}, and its type should be {LINK_TYPE}");
            findings.push(Finding::new("selinux", path, what).fix(relabel(path)));
        }
        // Only a policy that has the link's type has a module for the program.
        Some((program, label)) if !has_type(label, PROGRAM_TYPE) => {
            let what = "SELinux denies it to virtqemud and virtnetworkd: its label is";
            let what = format!("{what} {label}, and its type should be {PROGRAM_TYPE}");
            let fix = format!("semodule -X 200 -i {MODULE} && {}", relabel(program));
            findings.push(Finding::new("selinux", program, what).fix(fix));
        }
        _ => {}
    }
    findings
}

impl HookFacts<'_> {
    /// Returns a command of this program's for this driver.
    fn command(&self, command: &str) -> String {
        format!("{} {}", root::command(self.root, command), printable::quoted(self.driver))
    }
}

/// Returns a file's `SELinux` label, if it has one.
fn label(path: &Path) -> Option<String> {
    let mut label = [0; 256];
    let length = rustix::fs::lgetxattr(path, "security.selinux", &mut label).ok()?;
    Some(String::from_utf8_lossy(label.get(..length)?).trim_end_matches('\0').to_owned())
}

/// Reports whether a label, `USER:ROLE:TYPE:LEVEL`, has a type.
fn has_type(label: &str, wanted: &str) -> bool {
    label.split(':').nth(2) == Some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::trust::Reason;
    use std::time::Duration;

    fn hook(existing: ExistingHook, scripts: usize) -> HookFacts<'static> {
        HookFacts {
            root: Path::new("/"),
            driver: OsStr::new("qemu"),
            path: Path::new("/etc/libvirt/hooks/qemu"),
            existing,
            scripts,
            installed_at: None,
            daemons: Vec::new(),
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
        let installed_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(100));
        let with = |daemon| HookFacts { installed_at, daemons: vec![daemon], ..hook(link(), 1) };
        let label = |label: &str| HookFacts { label: Some(label.into()), ..hook(link(), 1) };
        let labelled = "system_u:object_r:virt_hook_t:s0";
        let program = |its: &str| HookFacts { program: Some(("/p".into(), its.into())), ..label(labelled) };
        let module = "semodule -X 200 -i /usr/share/selinux/packages/hookmux.cil && restorecon -v /p";
        let changeable = Some(Distrust { at: "/opt".into(), reason: Reason::WritableByOthers });
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
            (label(labelled), None),
            (label("system_u:object_r:user_home_t:s0"), Some(("selinux", "restorecon -v /etc/libvirt/hooks/qemu"))),
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
