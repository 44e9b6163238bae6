//! Code that the tests and benches share. The first lines of each file state what it takes, returns and needs.
//!
//! | files | for |
//! |---|---|
//! | `builder`, `programs` | a root with hooks and scripts, and calls of the built binary as libvirt makes them |
//! | `trace`, `instructions` | the cost of such a call, in system calls and instructions |
//! | `host`, `libvirtd`, `guests`, `cgroups`, `recorder`, `prerequisites` | real daemons in namespaces, and what scripts saw of them |
//! | `archive`, `cpio`, `image`, `shell` | virtual machines with a guest agent, built from Debian's packages |
//! | `emulator` | whole machines that run one scenario |
//! | `links` | links of documents |
//! | `packages` | the packages that `make packages` has built |

use std::path::{Path, PathBuf};

pub mod archive;
pub mod builder;
pub mod cgroups;
pub mod cpio;
pub mod debian;
pub mod emulator;
pub mod guests;
pub mod host;
pub mod image;
pub mod instructions;
pub mod libvirtd;
pub mod links;
pub mod packages;
pub mod pair;
pub mod prerequisites;
pub mod programs;
pub mod recorder;
pub mod rpm;
pub mod shell;
pub mod trace;

/// Returns the binary under test: the one that `HOOKMUX_BIN` names, else the one that cargo built with this test.
///
/// Cargo names it to integration tests alone (`CARGO_BIN_EXE_hookmux`), and puts it beside their directory.
pub fn binary() -> PathBuf {
    let built = || built().join("hookmux");
    let binary = std::env::var_os("HOOKMUX_BIN").map_or_else(built, PathBuf::from);
    assert!(binary.exists(), "{} does not exist", binary.display());
    binary
}

/// Returns the program for hooks alone, which is built and packaged beside the binary.
pub fn hook_program() -> PathBuf {
    let mut program = binary().into_os_string();
    program.push("-hook");
    let program = PathBuf::from(program);
    assert!(program.exists(), "{} does not exist", program.display());
    program
}

/// Returns cargo's directory for files of tests (`CARGO_TARGET_TMPDIR`), which is kept between runs.
pub fn scratch() -> PathBuf {
    built().with_file_name("tmp")
}

/// Returns the root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Returns the directory of the profile, such as target/x86_64-unknown-linux-gnu/debug: a test is in its `deps`.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap_or_else(|| panic!("{} is not in a target directory", test.display())).to_owned()
}
