//! The programs that the `AppArmor` profiles of Debian and Ubuntu allow a libvirt daemon to execute. In: where a hook
//! is and leads. Out: why it would be denied. Reads whether there is a profile.
//!
//! Source: libvirt's `src/security/apparmor/usr.sbin.libvirtd.in`: `/usr/bin/* PUx` and the like leave the daemon's
//! profile, `/etc/libvirt/hooks/** rmix` stays in it; it lists no other path of hookmux's. The path that counts is the one
//! at the end of all links.

use std::path::Path;

use crate::admin::support::root;
use crate::call::drivers;
use crate::files::paths;
use crate::printable;

const DIRECTORIES: &[&str] = &["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) why: String,
    pub(crate) fix: String,
}

/// Returns why a daemon may not execute the program that a hook's link leads to, if so.
pub(crate) fn denies_link(root: &Path, leads_to: &Path) -> Option<Denied> {
    let directory = leads_to.parent()?;
    let profiles = paths::below(root, "/etc/apparmor.d");
    let applies = |profile: String| {
        profiles.join(&profile).exists() && profiles.join("disable").join(&profile).symlink_metadata().is_err()
    };
    if DIRECTORIES.iter().any(|allowed| directory == *allowed)
        || !drivers::daemons().map(|daemon| format!("usr.sbin.{daemon}")).any(applies)
    {
        return None;
    }
    let why = format!("AppArmor does not allow libvirt to run hooks in {}", directory.display());
    let program = printable::quoted(&paths::below(root, &leads_to.display().to_string()));
    let packaged = printable::quoted(&paths::below(root, "/usr/bin/hookmux-hook"));
    let fix = format!("install -m 755 {program} {packaged} && {}", root::command(root, "install"));
    Some(Denied { why, fix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_may_lead_to_where_programs_of_the_system_lie_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(denies_link(root.path(), Path::new("/opt/hookmux")), None, "no profile, no denial");
        std::fs::create_dir_all(root.path().join("etc/apparmor.d/disable")).unwrap();
        std::fs::write(root.path().join("etc/apparmor.d/usr.sbin.libvirtd"), "").unwrap();
        let denied = |path: &str| denies_link(root.path(), Path::new(path)).is_some();
        let paths = ["/usr/bin/hookmux", "/usr/sbin/hookmux", "/usr/local/bin/hookmux", "/usr/bin/x/hookmux", "/opt/h"];
        assert_eq!(paths.map(denied), [false, false, true, true, true]);
        std::fs::write(root.path().join("etc/apparmor.d/disable/usr.sbin.libvirtd"), "").unwrap();
        assert_eq!(denies_link(root.path(), Path::new("/opt/hookmux")), None, "the profile is disabled");
    }
}
