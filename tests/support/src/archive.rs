//! Debian packages, unpacked and not installed. In: a release and a package. Out: a directory with its files. Does:
//! downloads by an apt with settings, lists and status of its own, so that this machine's stay as they are.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An entry for dpkg: with this package installed, apt adds only libraries to a guest agent, and neither scripts of packages
/// nor tools that move a machine's directories.
const ALREADY_THERE: &str = "Package: init-system-helpers\nStatus: install ok installed\nVersion: 99\n\
    Architecture: all\nMaintainer: hookmux\nDescription: a package that is there already\n";

/// The packages of one release.
pub struct Archive {
    suite: &'static str,
    directory: PathBuf,
}

impl Archive {
    /// Returns the packages of the release `suite`, from the mirror that this machine itself uses.
    pub fn new(suite: &'static str) -> Self {
        Self { suite, directory: crate::scratch().join("guest-agent").join(suite) }
    }

    /// Unpacks a package with all that it depends on into one directory, and returns it.
    pub fn with_libraries(&self, package: &str) -> PathBuf {
        self.unpacked(package, |apt| apt.get(&["install", "--yes", "--download-only", package]))
    }

    /// Unpacks the package that a metapackage depends on, without its dependencies.
    pub fn dependency_of(&self, metapackage: &str) -> PathBuf {
        self.unpacked(metapackage, |apt| {
            let dependencies = apt.run("apt-cache", &["depends", "--important", metapackage]);
            let package = dependencies.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
            apt.download(package.unwrap_or_else(|| panic!("{metapackage} depends on nothing: {dependencies}")));
        })
    }

    /// Unpacks a package without its dependencies.
    pub fn alone(&self, package: &str) -> PathBuf {
        self.unpacked(package, |apt| apt.download(package))
    }

    fn unpacked(&self, name: &str, download: impl Fn(&Apt)) -> PathBuf {
        let kept = self.directory.join(name);
        fs::create_dir_all(&self.directory).unwrap();
        // One at a time, among processes too; later callers use what was unpacked.
        let lock = File::create(self.directory.join("lock")).unwrap();
        lock.lock().unwrap();
        if !kept.exists() {
            let apt = Apt::new(&self.directory.join(format!("{name}.apt")), self.suite);
            download(&apt);
            // It is renamed once it is complete.
            let unfinished = self.directory.join(format!("{name}.part"));
            let _ = fs::remove_dir_all(&unfinished);
            apt.unpack(&unfinished);
            fs::rename(unfinished, &kept).unwrap();
            fs::remove_dir_all(&apt.directory).unwrap();
        }
        kept
    }
}

/// An apt with its own settings and state.
struct Apt {
    directory: PathBuf,
    settings: PathBuf,
}

impl Apt {
    fn new(directory: &Path, suite: &str) -> Self {
        let _ = fs::remove_dir_all(directory);
        for needed in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(directory.join(needed)).unwrap();
        }
        let settings = directory.join("apt.conf");
        let apt = Self { directory: directory.to_owned(), settings };
        let path = |name: &str| directory.join(name).display().to_string();
        let lines = [
            format!("Dir::Etc::sourcelist \"{}\";", path("sources.list")),
            "Dir::Etc::sourceparts \"/dev/null\";".to_owned(),
            "Dir::Etc::preferencesparts \"/dev/null\";".to_owned(),
            format!("Dir::State \"{}\";", path("state")),
            format!("Dir::State::status \"{}\";", path("status")),
            format!("Dir::Cache \"{}\";", path("cache")),
            "APT::Install-Recommends \"false\";".to_owned(),
            // Descriptions, icons and translations, for which other packages configure apt.
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";".to_owned(),
            "Acquire::IndexTargets::deb::CNF::DefaultEnabled \"false\";".to_owned(),
            "Acquire::Languages \"none\";".to_owned(),
            // The user _apt may not write to these directories.
            "APT::Sandbox::User \"root\";".to_owned(),
        ];
        fs::write(&apt.settings, lines.join("\n")).unwrap();
        fs::write(directory.join("status"), ALREADY_THERE).unwrap();
        let mirror = mirror();
        fs::write(directory.join("sources.list"), format!("deb {mirror} {suite} main\n")).unwrap();
        apt.get(&["update"]);
        apt
    }

    fn get(&self, args: &[&str]) {
        self.run("apt-get", args);
    }

    fn download(&self, package: &str) {
        self.get(&["download", package]);
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let archives = self.directory.join("cache/archives");
        run(Command::new(program).args(args).env("APT_CONFIG", &self.settings).current_dir(archives))
    }

    fn unpack(&self, target: &Path) {
        let archives = fs::read_dir(self.directory.join("cache/archives")).unwrap().map(|found| found.unwrap().path());
        let packages: Vec<PathBuf> = archives.filter(|path| path.extension() == Some("deb".as_ref())).collect();
        assert!(!packages.is_empty(), "nothing was downloaded to {}", self.directory.display());
        for package in packages {
            run(Command::new("dpkg-deb").arg("--extract").args([package.as_path(), target]));
        }
    }
}

/// Returns the mirror of this machine: the first of its sources that has Debian 12.
fn mirror() -> String {
    let filter = ["--format", "$(REPO_URI)", "Created-By: Packages", "Release: bookworm", "Component: main"];
    let mirrors = run(Command::new("apt-get").arg("indextargets").args(filter));
    let mirror = mirrors.lines().next();
    mirror.unwrap_or_else(|| panic!("this machine's apt knows no mirror of Debian 12 (bookworm)")).to_owned()
}

/// Runs a program that must succeed, and returns its standard output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
