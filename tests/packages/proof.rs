//! The table of the steps on each distribution. In: steps, while they run. Out: a file with a row for each, for
//! tests/packages/table; a step that panics has failed. Does.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

/// The rows of one test.
pub(crate) struct Proof {
    /// Its file.
    name: String,
    distribution: String,
    /// The version of libvirt in it.
    libvirt: RefCell<String>,
    rows: RefCell<Vec<String>>,
}

impl Proof {
    /// Creates a table for one test on a distribution without libvirt.
    pub(crate) fn new(name: &str, distribution: &str) -> Self {
        let (name, distribution) = (format!("{distribution} {name}").replace([' ', '/'], "-"), distribution.to_owned());
        Self { name, distribution, libvirt: RefCell::new("-".into()), rows: RefCell::default() }
    }

    /// Sets the version of libvirt for the next rows.
    pub(crate) fn libvirt_is(&self, version: &str) {
        version.clone_into(&mut self.libvirt.borrow_mut());
    }

    /// Runs a step, and writes its row.
    pub(crate) fn step<T>(&self, step: &str, take: impl FnOnce() -> T) -> T {
        let row = |result: &str| format!("{}\t{}\t{step}\t{result}", self.distribution, self.libvirt.borrow());
        self.rows.borrow_mut().push(row("FAILED"));
        let taken = take();
        *self.rows.borrow_mut().last_mut().unwrap() = row("ok");
        taken
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages-table");
        let rows = self.rows.borrow().join("\n") + "\n";
        let written = fs::create_dir_all(&directory).and_then(|()| fs::write(directory.join(&self.name), rows));
        written.unwrap_or_else(|error| eprintln!("{}: {error}", directory.display()));
    }
}
