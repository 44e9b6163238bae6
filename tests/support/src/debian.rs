//! A Debian system of its own: a host with the root of a release, and its dpkg and apt. In: a suite. Out: packages installed
//! and taken away; every path that there is. Does.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use crate::host::{Answer, Host};
use crate::{packages, repository};

/// How long apt may take for libvirt and QEMU.
const TIMEOUT: Duration = Duration::from_mins(5);

/// What dpkg, apt and the tools that packages call change for themselves.
const OWN: &[&str] =
    &["/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log/dpkg.log", "/var/log/apt", "/var/log/alternatives.log"];

/// The system; what changes in it goes with it.
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
    /// A clean system of that suite, for one test.
    pub fn new(suite: &str, test: &str) -> Self {
        let root = repository().join("target/package-roots").join(suite);
        assert!(root.exists(), "{} is missing: tests/packages/roots makes it", root.display());
        Self { host: Host::of_release(&format!("{suite}-{test}"), &root) }
    }

    /// Its name, as it says it itself.
    pub fn name(&self) -> String {
        let release = fs::read_to_string(self.path("/etc/os-release")).unwrap();
        let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap();
        name.trim_matches('"').replace("GNU/Linux ", "")
    }

    /// Has dpkg install a file of this machine.
    pub fn install(&self, package: &Path) -> Answer {
        let inside = format!("/tmp/{}", package.file_name().unwrap().to_str().unwrap());
        self.file(&inside, 0o644, &fs::read(package).unwrap());
        self.dpkg(&["--install", &inside])
    }

    /// dpkg, which must succeed.
    pub fn dpkg(&self, words: &[&str]) -> Answer {
        let answer = self.run(&[&["dpkg"], words].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
        answer
    }

    /// Has apt install packages of the release, from those that the root has with it.
    pub fn apt_install(&self, packages: &[&str]) {
        let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes"];
        let how = ["--no-install-recommends", "--no-download"];
        let answer = self.run_within(TIMEOUT, &[&apt[..], &how, packages].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
    }

    /// What dpkg says of a package's state.
    pub fn state(&self, package: &str) -> String {
        let answer = self.run(&["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]);
        if answer.code == Some(0) { answer.stdout } else { "not-installed".into() }
    }

    /// Every path with what it is: a file's content as a sum, what a link says. Without dpkg's and apt's own.
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

    /// A file's text.
    pub fn text(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|error| panic!("{inside}: {error}"))
    }

    /// What a link says; `None` if there is none.
    pub fn link(&self, inside: &str) -> Option<String> {
        fs::read_link(self.path(inside)).ok().map(|says| says.to_str().unwrap().to_owned())
    }

    /// Whether there is anything at that path.
    pub fn has(&self, inside: &str) -> bool {
        self.path(inside).symlink_metadata().is_ok()
    }

    /// The links that libvirt calls, of those that the package makes.
    pub fn hooks(&self) -> Vec<&'static str> {
        packages::hooks(&self.path(""))
    }
}

/// What differs between two looks at everything: `- path` for what has gone, `+ path` for what came, `! path`.
pub fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let gone = before.keys().filter(|path| !after.contains_key(*path)).map(|path| format!("- {path}"));
    let changed = |path: &&String| after.get(*path).is_some_and(|now| before.get(*path) != Some(now));
    let came = after.keys().filter(|path| !before.contains_key(*path)).map(|path| format!("+ {path}"));
    gone.chain(before.keys().filter(changed).map(|path| format!("! {path}"))).chain(came).collect()
}
