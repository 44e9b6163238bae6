//! rpm on a root of its own: this machine's rpm, on a Debian whose packages it does not know. Its only package provides a
//! shell, so that a package can depend on nothing else. Does: needs root, and the roots (tests/packages/roots).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::host::{Answer, Host};
use crate::{packages, repository};

/// Directories that Fedora's packages filesystem and selinux-policy have, and Debian's base system lacks.
const FILESYSTEM: [&str; 5] = [
    "/usr/lib/systemd/catalog",
    "/usr/share/fish/vendor_completions.d",
    "/usr/share/licenses",
    "/usr/share/selinux/packages",
    "/usr/share/zsh/site-functions",
];

/// A root with rpm's database.
pub struct Rpm {
    /// The host that contains it, in /run/rpm/root.
    pub host: Host,
}

impl Rpm {
    /// Creates a root without packages; its system provides a shell and `provides`.
    pub fn new(test: &str, provides: &[&str]) -> Self {
        let lower = repository().join("target/package-roots/bookworm");
        assert!(lower.exists(), "{} is missing: tests/packages/roots makes it", lower.display());
        // As its wire, because not all directories of this machine are visible in a host.
        let rpm = Self { host: Host::on_wire(&format!("rpm-{test}"), &lower) };
        let layers = "lowerdir=/run/wire,upperdir=/run/rpm/upper,workdir=/run/rpm/work";
        rpm.host.run(&["mkdir", "-p", "/run/rpm/upper", "/run/rpm/work", "/run/rpm/root"]).succeeded();
        rpm.host.run(&["mount", "-t", "overlay", "overlay", "-o", layers, "/run/rpm/root"]).succeeded();
        rpm.host.run(&["mount", "-t", "proc", "proc", "/run/rpm/root/proc"]).succeeded();
        for directory in FILESYSTEM {
            fs::create_dir_all(rpm.path(directory)).unwrap();
        }
        let system = format!(
            "Name: system\nVersion: 1\nRelease: 1\nSummary: the system\nLicense: none\nBuildArch: noarch\n\
            Provides: /bin/sh {}\n%description\nWhat packages need.\n%files\n",
            provides.join(" ")
        );
        rpm.host.file("/run/rpm/system.spec", 0o644, system.as_bytes());
        let build = ["rpmbuild", "-bb", "--quiet", "--define", "_topdir /run/rpm/build", "/run/rpm/system.spec"];
        assert_eq!(rpm.host.run(&build).code, Some(0));
        rpm.rpm(&["--install", "/run/rpm/build/RPMS/noarch/system-1-1.noarch.rpm"]);
        rpm
    }

    /// Runs rpm, which must succeed.
    pub fn rpm(&self, args: &[&str]) -> Answer {
        let how = ["rpm", "--force-debian", "--root", "/run/rpm/root", "--dbpath", "/var/lib/rpm"];
        let answer = self.host.run(&[&how, args].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
        answer
    }

    /// Installs packages, or upgrades to them, in one transaction.
    pub fn install(&self, packages: &[&Path]) -> Answer {
        let inside = |package: &&Path| {
            let inside = format!("/run/{}", package.file_name().unwrap().to_str().unwrap());
            self.host.file(&inside, 0o644, &fs::read(package).unwrap());
            inside
        };
        let inside: Vec<String> = packages.iter().map(inside).collect();
        let args: Vec<&str> = ["--upgrade"].into_iter().chain(inside.iter().map(String::as_str)).collect();
        self.rpm(&args)
    }

    /// Returns the path on this machine of a file inside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.host.path(&format!("/run/rpm/root{inside}"))
    }

    /// Returns a file's text.
    pub fn text(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|error| panic!("{inside}: {error}"))
    }

    /// Reports whether a file or a link exists.
    pub fn has(&self, inside: &str) -> bool {
        self.path(inside).symlink_metadata().is_ok()
    }

    /// Returns the drivers whose hook is hookmux.
    pub fn hooks(&self) -> Vec<&'static str> {
        packages::hooks(&self.path(""))
    }

    /// Returns every path, without rpm's own database.
    pub fn everything(&self) -> BTreeSet<String> {
        let find = ["find", "/run/rpm/root", "-xdev", "-not", "-path", "*/var/lib/rpm*", "-printf", "%P\n"];
        self.host.run(&find).succeeded().stdout.lines().map(str::to_owned).collect()
    }
}
