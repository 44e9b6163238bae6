//! The scripts that a call runs, and their order. In: the call, the directories, the settings. Out: the plan. Reads, by
//! way of `listing`; the rest is pure.

pub(crate) mod admission;
pub mod calls;
pub mod facts;
pub mod guest;
pub(crate) mod listing;
pub mod rules;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::call::contract::Order;
use crate::files::paths::{self, Directory, Place};
use crate::files::program::{self, Main};
use crate::files::trust::{Distrust, Reason};
use crate::plan::admission::{Context, Decision, Skip};
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::plan::listing::{Entry, Listing, Scope};
use crate::plan::rules::{Effective, Setting};
use crate::settings::{LibvirtRunsDotD, Settings};

/// The way in which hookmux is linked, and the hook that runs before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Linked {
    /// libvirt calls it as the hook.
    #[default]
    AsHook,
    /// libvirt calls it as a file of this name in its own directory, after `main`, another program's hook, if there is
    /// one.
    Beside { name: OsString, main: Option<PathBuf> },
}

impl Linked {
    /// Returns how a file called `name` in libvirt's own directory is called; `None` where the main hook is hookmux as
    /// well, so that the file does nothing.
    pub(crate) fn beside(root: &Path, hook: PathBuf, name: OsString) -> Option<Self> {
        match program::main_hook(root, &hook) {
            Main::Hookmux => None,
            Main::Another => Some(Self::Beside { name, main: Some(hook) }),
            Main::Nothing => Some(Self::Beside { name, main: None }),
        }
    }
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) linked: Linked,
    /// The scripts that the caller runs before hookmux if that is linked beside another hook, in its order.
    pub(crate) before: Vec<PathBuf>,
    pub(crate) steps: Vec<Step>,
    /// The background scripts, which start once the answer is known.
    pub(crate) background: Vec<Step>,
    /// The scripts that the caller itself runs after hookmux, in its order.
    pub(crate) left_to_caller: Vec<PathBuf>,
    pub(crate) skipped: Vec<(PathBuf, Skip)>,
}

/// One script of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// The script's path, as it is called.
    pub(crate) path: PathBuf,
    /// The reason why it must not be started; its turn is a fault then.
    pub(crate) distrust: Option<Distrust>,
    /// The settings that the rules decide.
    pub(crate) effective: Effective,
}

/// Reads the directories and decides what runs. The hook and every command get their plan here. Links are followed
/// below `root`.
///
/// Beside another hook, what lies directly in libvirt's own directory is the caller's, and the guests' directories in
/// it are the other program's. Otherwise, `caller_runs_its_own` is asked whether the caller itself runs what lies
/// directly in libvirt's own directory; it is only asked when something lies there and the settings do not know.
pub(crate) fn read(
    root: &Path,
    calls: Calls,
    directories: &[Directory],
    linked: Linked,
    settings: &Settings,
    facts: &Facts,
    caller_runs_its_own: impl FnOnce() -> bool,
) -> Plan {
    let (beside, main) = match &linked {
        Linked::AsHook => (None, None),
        Linked::Beside { name, main } => (Some(name.as_os_str()), main.as_ref()),
    };
    let listing = listing::read(root, directories, calls, main.is_none());
    // Of two links, only the first one runs the scripts.
    let own_links = listing.entries.iter().filter(|entry| entry.is_hookmux && is_own(entry));
    if beside.is_some_and(|name| own_links.into_iter().any(|link| link.name() < name)) {
        return Plan::default();
    }
    if listing == Listing::default() {
        return Plan { linked, ..Plan::default() };
    }
    let caller_runs_its_own = || {
        calls.are_libvirts()
            && listing.entries.iter().any(is_own)
            && match settings.libvirt_runs_dot_d {
                LibvirtRunsDotD::Known(runs) => runs,
                LibvirtRunsDotD::ByRelease(_) => caller_runs_its_own(),
            }
    };
    // The caller of one file in the directory runs the other files as well.
    let context = Context::ours(beside.is_some() || caller_runs_its_own(), settings.strict);
    let treat = |script: &Path| rules::effective(&settings.rules, calls, facts, paths::inside(root, script));
    let mut plan = Plan::new(listing, calls.order(), context, treat);
    if let Some(name) = beside {
        plan.skipped.retain(|(path, skip)| *skip != Skip::Hookmux || path.file_name() != Some(name));
        let (before, after) = plan.left_to_caller.into_iter().partition(|path| path.file_name() < Some(name));
        plan.left_to_caller = after;
        plan.before = before;
        plan.before.splice(0..0, main.cloned());
    }
    Plan { linked, ..plan }
}

fn is_own(entry: &Entry) -> bool {
    entry.place == Place::Libvirt && entry.scope == Scope::Every
}

impl Plan {
    /// Returns everything that hookmux runs: what it waits for, then what it does not wait for.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.background)
    }

    /// Judges every entry and orders what is left. `treat` returns what the rules decide for a script.
    fn new(listing: Listing, order: Order, context: Context, treat: impl Fn(&Path) -> Effective) -> Self {
        let mut plan = Self::default();
        // An unreadable directory may hold a veto: that is known before the first script runs.
        plan.steps.extend(listing.unreadable.into_iter().map(unreadable));
        let mut judged = judge(&listing.entries, context);
        // Stable: equal names stay in the order of their directories.
        judged.sort_by(|(one, _), (other, _)| one.name().cmp(other.name()));
        for (entry, decision) in judged {
            let path = entry.path.clone();
            let distrust = match decision {
                Decision::LeftToCaller => {
                    plan.left_to_caller.push(path);
                    continue;
                }
                Decision::Skip(skip) => {
                    plan.skipped.push((path, skip));
                    continue;
                }
                Decision::Run => None,
                Decision::Distrust(distrust) => Some(distrust),
            };
            let effective = treat(&path);
            match (&effective.excluded, effective.background.value) {
                (Setting { value: true, from: Some(rule) }, _) => {
                    plan.skipped.push((path, Skip::ByRule(rule.clone())));
                }
                (_, true) => plan.background.push(Step { path, distrust, effective }),
                (_, false) => plan.steps.push(Step { path, distrust, effective }),
            }
        }
        if order == Order::Reverse {
            plan.steps.reverse();
        }
        plan
    }
}

/// Decides about each entry: alone, unless an earlier directory has the same name.
fn judge(entries: &[Entry], context: Context) -> Vec<(&Entry, Decision)> {
    let mut first_of: BTreeMap<&OsStr, &Path> = BTreeMap::new();
    let mut judged = Vec::with_capacity(entries.len());
    for entry in entries {
        let decision = match first_of.get(entry.key.as_os_str()) {
            Some(first) => Decision::Skip(Skip::Hidden(first.to_path_buf())),
            None => admission::judge(entry, context),
        };
        // A file that another user controls hides nothing; but what libvirt runs all the same has run.
        if decision == Decision::LeftToCaller || (!entry.is_hookmux && admission::distrust(entry, context).is_none()) {
            first_of.entry(entry.key.as_os_str()).or_insert(&entry.path);
        }
        judged.push((entry, decision));
    }
    judged
}

fn unreadable((path, errno): (PathBuf, Errno)) -> Step {
    Step {
        distrust: Some(Distrust { at: path.clone(), reason: Reason::Unreadable(errno) }),
        path,
        effective: Effective::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::resolve::{FileFacts, FileKind};
    use crate::plan::guest::Fit;
    use crate::settings::Origin;

    /// An entry by its path: the directory gives the place, a directory below `qemu.d` the guest. A name that starts
    /// with `!` is writable by every user, one with `0` is a mask.
    fn entry(path: &str) -> Entry {
        let (parent, key) = path.split_once("/qemu.d/").unwrap();
        let place = match parent {
            "/etc/libvirt/hooks" => Place::Libvirt,
            "/etc/hookmux" => Place::Administrator,
            "/run/hookmux" => Place::Runtime,
            _ => Place::Package,
        };
        let scope = match key.split_once('/') {
            None => Scope::Every,
            Some((guest, _)) => Scope::Guest(if guest.contains('*') { Fit::Pattern } else { Fit::Exact }, guest.into()),
        };
        let mode = if key.contains('!') { 0o777 } else { 0o755 };
        let size = u64::from(!key.contains("mask"));
        let file = Ok(FileFacts {
            path: path.into(),
            kind: FileKind::Regular,
            mode,
            uid: 0,
            gid: 0,
            size,
            writers: Ok(vec![]),
        });
        Entry {
            place,
            scope,
            path: path.into(),
            key: key.into(),
            parents: [].into(),
            links: vec![],
            file,
            is_hookmux: false,
        }
    }

    fn plan(paths: &[&str], order: Order, caller_runs_its_own: bool) -> Plan {
        let listing = Listing { entries: paths.iter().map(|path| entry(path)).collect(), unreadable: vec![] };
        Plan::new(listing, order, Context { user: 0, caller_runs_its_own, strict: true }, nothing)
    }

    /// No rules at all.
    fn nothing(_: &Path) -> Effective {
        Effective::default()
    }

    fn steps(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().map(|step| step.path.to_str().unwrap()).collect()
    }

    #[test]
    fn steps_run_by_file_name_whatever_directory_they_lie_in() {
        let paths = [
            "/etc/libvirt/hooks/qemu.d/20-b",
            "/etc/hookmux/qemu.d/10-a",
            "/etc/hookmux/qemu.d/vm1/start/begin/15-c",
            "/etc/hookmux/qemu.d/vm*/start/begin",
            "/usr/lib/hookmux/qemu.d/9-z",
            "/usr/lib/hookmux/qemu.d/A",
        ];
        let forward = plan(&paths, Order::Forward, false);
        let expected = [paths[1], paths[2], paths[0], paths[4], paths[5], paths[3]];
        assert_eq!(steps(&forward), expected);
        let mut reverse = expected;
        reverse.reverse();
        assert_eq!(steps(&plan(&paths, Order::Reverse, false)), reverse);
    }

    #[test]
    fn equal_names_for_different_guests_all_run_by_directory() {
        let paths = [
            "/etc/hookmux/qemu.d/10-a",
            "/etc/hookmux/qemu.d/vm1/start/begin/10-a",
            "/etc/hookmux/qemu.d/vm*/start/begin/10-a",
            "/usr/lib/hookmux/qemu.d/vm2/start/begin/10-a",
        ];
        assert_eq!(steps(&plan(&paths, Order::Forward, false)), paths);
    }

    #[test]
    fn an_earlier_directory_hides_the_same_name_even_with_a_mask() {
        let paths = [
            "/etc/hookmux/qemu.d/10-a",
            "/etc/hookmux/qemu.d/20-mask",
            "/run/hookmux/qemu.d/10-a",
            "/usr/lib/hookmux/qemu.d/20-mask",
        ];
        let plan = plan(&paths, Order::Forward, false);
        let skipped = [
            (paths[2].into(), Skip::Hidden(paths[0].into())),
            (paths[1].into(), Skip::Masked),
            (paths[3].into(), Skip::Hidden(paths[1].into())),
        ];
        assert_eq!((steps(&plan), plan.skipped.as_slice()), (vec![paths[0]], skipped.as_slice()));
    }

    #[test]
    fn what_is_untrusted_hides_nothing_and_keeps_its_turn() {
        let paths = ["/etc/hookmux/qemu.d/10-!", "/usr/lib/hookmux/qemu.d/10-!x", "/usr/lib/hookmux/qemu.d/10-!"];
        let plan = plan(&paths, Order::Forward, false);
        let untrusted: Vec<bool> = plan.steps.iter().map(|step| step.distrust.is_some()).collect();
        assert_eq!((steps(&plan), untrusted), (vec![paths[0], paths[2], paths[1]], vec![true; 3]));
    }

    #[test]
    fn what_the_caller_runs_is_left_to_it_and_hides_ours() {
        let paths = [
            "/etc/libvirt/hooks/qemu.d/10-a",
            "/etc/libvirt/hooks/qemu.d/vm1/start/begin/30-c",
            "/etc/hookmux/qemu.d/10-a",
            "/etc/hookmux/qemu.d/20-b",
        ];
        let plan = plan(&paths, Order::Forward, true);
        assert_eq!(
            (steps(&plan), plan.left_to_caller.clone(), plan.skipped.clone()),
            (
                vec![paths[3], paths[1]],
                vec![PathBuf::from(paths[0])],
                vec![(paths[2].into(), Skip::Hidden(paths[0].into()))]
            )
        );
    }

    #[test]
    fn a_rule_excludes_even_an_untrusted_script() {
        let origin = Origin { file: Path::new("/x.toml").into(), line: 3 };
        let treat = |path: &Path| {
            let excluded = !path.ends_with("20-b");
            Effective { excluded: Setting { value: excluded, from: Some(origin.clone()) }, ..Effective::default() }
        };
        let paths = ["/etc/hookmux/qemu.d/10-!", "/etc/hookmux/qemu.d/20-b"];
        let listing = Listing { entries: paths.iter().map(|path| entry(path)).collect(), unreadable: vec![] };
        let context = Context { user: 0, caller_runs_its_own: false, strict: true };
        let plan = Plan::new(listing, Order::Forward, context, treat);
        assert_eq!(
            (steps(&plan), plan.skipped.clone()),
            (vec![paths[1]], vec![(paths[0].into(), Skip::ByRule(origin))])
        );
    }

    #[test]
    fn a_directory_that_cannot_be_read_is_the_first_step_and_untrusted() {
        let path = PathBuf::from("/etc/hookmux/qemu.d");
        let listing = Listing {
            entries: vec![entry("/usr/lib/hookmux/qemu.d/10-a")],
            unreadable: vec![(path.clone(), Errno::ENOTDIR)],
        };
        let plan =
            Plan::new(listing, Order::Forward, Context { user: 0, caller_runs_its_own: false, strict: true }, nothing);
        let distrust = Some(Distrust { at: path.clone(), reason: Reason::Unreadable(Errno::ENOTDIR) });
        assert_eq!(plan.steps.first(), Some(&Step { path, distrust, effective: Effective::default() }));
    }
}
