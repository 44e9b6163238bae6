//! The cgroups of one host with containers. In: a name. Out: one directory per hierarchy that the machine has mounted,
//! which the host sees as its root. Does: creates them, and removes them with all that libvirt left in them.

use std::fs;
use std::path::{Path, PathBuf};

/// Controllers that libvirt's LXC driver uses; it cannot see the others.
const CONTROLLERS: [&str; 7] = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio"];

/// Directories that exist as long as this value.
pub struct Cgroups {
    pub directories: Vec<PathBuf>,
}

impl Cgroups {
    /// Creates a cgroup for the host in each hierarchy of version 1, or in that of version 2 if version 1 has none.
    pub fn new(host: &str) -> Self {
        let own = format!("hookmux-real-{}-{host}", std::process::id());
        let root = Path::new("/sys/fs/cgroup");
        let first = CONTROLLERS.iter().map(|name| root.join(name)).filter(|hierarchy| hierarchy.is_dir());
        let mut hierarchies: Vec<PathBuf> = first.collect();
        if hierarchies.is_empty() {
            hierarchies.push(root.to_owned());
        }
        let cgroups = Self { directories: hierarchies.iter().map(|hierarchy| hierarchy.join(&own)).collect() };
        for directory in &cgroups.directories {
            fs::create_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
            // A new cpuset is empty, and no process can join an empty cpuset.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let parents = directory.parent().unwrap().join(file);
                if directory.ends_with(Path::new("cpuset").join(&own)) {
                    fs::write(directory.join(file), fs::read(parents).unwrap()).unwrap();
                }
            }
        }
        cgroups
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for directory in &self.directories {
            if let Err(error) = remove(directory) {
                assert!(std::thread::panicking(), "{} stays behind: {error}", directory.display());
            }
        }
    }
}

/// Removes a cgroup after its sub-groups; the kernel removes its files.
fn remove(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(directory)
}
