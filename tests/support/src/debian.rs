//! A Debian system of its own: a host with the root of a release, and its dpkg and apt. In: a suite. Out: packages installed
//! and removed; a list of every path. Does.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use crate::host::{Answer, Host};
use crate::{packages, repository};

/// The limit for apt to install libvirt and QEMU.
const TIMEOUT: Duration = Duration::from_mins(5);

/// Files that dpkg, apt and the tools that packages call keep for themselves.
const OWN: &[&str] =
    &["/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log/dpkg.log", "/var/log/apt", "/var/log/alternatives.log"];

/// The system; dropping it discards all changes.
pub struct Debian {
    host: Host,
}

impl Deref for Debian {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl Debian {
    /// Creates a clean system of that suite, for one test.
    pub fn new(suite: &str, test: &str) -> Self {
        let root = repository().join("target/package-roots").join(suite);
        assert!(root.exists(), "{} is missing: tests/packages/roots makes it", root.display());
        Self { host: Host::of_release(&format!("{suite}-{test}"), &root) }
    }

    /// Returns its name, from /etc/os-release.
    pub fn name(&self) -> String {
        let release = fs::read_to_string(self.path("/etc/os-release")).unwrap();
        let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap();
        name.trim_matches('"').replace("GNU/Linux ", "")
    }

    /// Installs a package file of this machine with dpkg.
    pub fn install(&self, package: &Path) -> Answer {
        let inside = format!("/tmp/{}", package.file_name().unwrap().to_str().unwrap());
        self.file(&inside, 0o644, &fs::read(package).unwrap());
        self.dpkg(&["--install", &inside])
    }

    /// Runs dpkg, which must succeed.
    pub fn dpkg(&self, args: &[&str]) -> Answer {
        let answer = self.run(&[&["dpkg"], args].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
        answer
    }

    /// Installs packages of the release with apt, from those that were downloaded into the root.
    pub fn apt_install(&self, packages: &[&str]) {
        let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes"];
        let how = ["--no-install-recommends", "--no-download"];
        let answer = self.run_within(TIMEOUT, &[&apt[..], &how, packages].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
    }

    /// Returns the state of a package in dpkg's database.
    pub fn state(&self, package: &str) -> String {
        let answer = self.run(&["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]);
        if answer.code == Some(0) { answer.stdout } else { "not-installed".into() }
    }

    /// Returns every path with its type: a file's content as a sum, a link's target. Omits files of dpkg and apt.
    pub fn everything(&self) -> BTreeMap<String, String> {
        let look = "find /etc /usr /var /opt /root /home /srv -xdev -type f -printf '%p\\tfile %m %U:%G\\n' \
            -o -type l -printf '%p\\tlink %l\\n' -o -printf '%p\\t%y %m %U:%G\\n'; \
            find /etc /usr /var /opt /root /home /srv -xdev -type f -print0 | xargs -0 md5sum | \
            sed 's/^\\([0-9a-f]*\\)  \\(.*\\)/\\2\\t\\1/'";
        let listed = self.run(&["sh", "-c", look]).succeeded().stdout;
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        for line in listed.lines() {
            let (path, is) = line.split_once('\t').unwrap();
            if !OWN.iter().any(|own| path == *own || path.strip_prefix(own).is_some_and(|rest| rest.starts_with('/'))) {
                let seen = all.entry(path.to_owned()).or_default();
                seen.push_str(is);
                seen.push(' ');
            }
        }
        all
    }

    /// Returns a file's text.
    pub fn text(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|error| panic!("{inside}: {error}"))
    }

    /// Returns the target of a link; `None` if the link does not exist.
    pub fn link(&self, inside: &str) -> Option<String> {
        fs::read_link(self.path(inside)).ok().map(|target| target.to_str().unwrap().to_owned())
    }

    /// Reports whether that path exists.
    pub fn has(&self, inside: &str) -> bool {
        self.path(inside).symlink_metadata().is_ok()
    }

    /// Returns the drivers whose hook leads to hookmux, of those whose hook the package installs.
    pub fn hooks(&self) -> Vec<&'static str> {
        packages::hooks(&self.path(""))
    }
}

/// Lists the differences between two lists of everything: `- path` is gone, `+ path` is new, `! path` has changed.
pub fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let gone = before.keys().filter(|path| !after.contains_key(*path)).map(|path| format!("- {path}"));
    let changed = |path: &&String| after.get(*path).is_some_and(|now| before.get(*path) != Some(now));
    let added = after.keys().filter(|path| !before.contains_key(*path)).map(|path| format!("+ {path}"));
    gone.chain(before.keys().filter(changed).map(|path| format!("! {path}"))).chain(added).collect()
}
