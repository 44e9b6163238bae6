//! The memory limit of a call: the size of the document plus 8 MiB, whatever scripts print.
//!
//! Measured by a small caller (`measure.c`), as the kernel counts it: the peak of hookmux or of any one script.

use std::path::Path;

use support::binary;
use support::builder::Hooks;
use support::programs::program;

/// The memory limit besides the document.
const BOUND: usize = 8 << 20;

/// The additional size of an unoptimised program's code, which the kernel counts as memory, too.
const UNOPTIMISED: usize = 6 << 20;

/// Returns the peak memory of a call, in bytes, without the code of an unoptimised program.
fn peak(hooks: &Hooks, call: &str, code: i32) -> usize {
    let file = hooks.root().join("peak");
    let measure = program("measure");
    let seen = hooks.see(hooks.through(&[measure.to_str().unwrap(), file.to_str().unwrap()], call));
    assert_eq!(seen.code, Some(code), "{}", seen.err.lines().next().unwrap_or_default());
    // Only programs with debug information are this large.
    let is_unoptimised = std::fs::metadata(binary()).unwrap().len() > 16 << 20;
    (read(&file) * 1024).saturating_sub(if is_unoptimised { UNOPTIMISED } else { 0 })
}

fn read(file: &Path) -> usize {
    std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

/// Returns a guest with much metadata, in elements of a size that libvirt's parser accepts.
fn document(length: usize) -> String {
    let piece = format!("<x>{}</x>", "@".repeat(1 << 20));
    format!("<domain type='qemu'><name>vm1</name><metadata>{}</metadata></domain>\n", piece.repeat(length >> 20))
}

#[test]
fn a_hundred_mib_on_each_output_are_not_kept_in_memory() {
    let hooks = Hooks::new().program("qemu.d/10-a=flood");
    for (call, code) in [("qemu vm1 start begin -", 0), ("qemu vm1 stopped end -", 0), ("qemu vm1 migrate begin -", 1)]
    {
        let peak = peak(&hooks, call, code);
        assert!(peak < BOUND, "{call}: {peak}");
    }
}

#[test]
fn the_output_of_many_failing_scripts_is_not_kept_in_memory() {
    let mut hooks = Hooks::new();
    for at in 100..400 {
        hooks = hooks.program(&format!("qemu.d/{at}-a=say"));
    }
    let peak = peak(&hooks, "qemu vm1 stopped end -", 3);
    assert!(peak < BOUND, "{peak}");
}

#[test]
fn the_output_of_parallel_failing_scripts_is_not_kept_in_memory() {
    let mut hooks = Hooks::new().settings("parallel = 64\n");
    for at in 100..300 {
        hooks = hooks.program(&format!("qemu.d/{at}-a=say"));
    }
    let peak = peak(&hooks, "qemu vm1 stopped end -", 3);
    assert!(peak < BOUND, "{peak}");
}

#[test]
fn a_document_that_is_only_read_is_not_kept_in_memory() {
    let hooks = Hooks::new().program("qemu.d/10-a=0").program("qemu.d/20-b=7").document(document(16 << 20));
    let peak = peak(&hooks, "qemu vm1 start begin -", 7);
    assert!(peak < BOUND, "{peak}");
}

/// A filter's input and output are both in memory, because they are compared.
#[test]
fn a_filtered_document_is_in_memory_at_most_twice() {
    let mut hooks = Hooks::new().document(document(16 << 20));
    for at in 10..20 {
        hooks = hooks.program(&format!("qemu.d/{at}-a={}", if at % 2 == 0 { "translate" } else { "cat" }));
    }
    let (peak, document) = (peak(&hooks, "qemu vm1 migrate begin -", 0), document(16 << 20).len());
    assert!(peak < 2 * document + BOUND, "{peak}");
    // At least half of it: this proves that the peak was measured.
    assert!(peak > document / 2, "{peak}");
}

/// Each of the 200 logged paths would be 1.8 MB long.
#[test]
fn long_paths_of_many_changes_are_not_kept_in_memory() {
    let name = "a".repeat(48_000);
    let (open, close) = (format!("<{name}>").repeat(38), format!("</{name}>").repeat(38));
    let metadata = format!("{open}{}{close}", "<l>@</l>".repeat(300));
    let document = format!("<domain type='qemu'><name>vm1</name><metadata>{metadata}</metadata></domain>\n");
    let hooks = Hooks::new().document(document.as_str()).program("qemu.d/10-a=translate");
    let peak = peak(&hooks, "qemu vm1 migrate begin -", 0);
    assert!(peak < 2 * document.len() + BOUND, "{peak}");
}

/// libvirt's protocol limits the length of a string (`REMOTE_STRING_MAX`), and so that of a document that migrates.
#[test]
fn the_longest_document_that_libvirt_sends_is_filtered_within_its_size_plus_eight_mib() {
    let document = document(4 << 20);
    let mut hooks = Hooks::new().document(document.as_str());
    for at in 10..20 {
        hooks = hooks.program(&format!("qemu.d/{at}-a={}", if at % 2 == 0 { "translate" } else { "cat" }));
    }
    let peak = peak(&hooks, "qemu vm1 migrate begin -", 0);
    assert!(document.len() > 4 << 20 && peak < document.len() + BOUND, "{peak}");
}

#[test]
fn a_directory_of_ten_thousand_other_guests_is_not_kept_in_memory() {
    let hooks = Hooks::new().program("qemu.d/10-a=7");
    for at in 0..10_000 {
        std::fs::create_dir(hooks.path(&format!("qemu.d/guest-{at}"))).unwrap();
    }
    let peak = peak(&hooks, "qemu vm1 start begin -", 7);
    assert!(peak < BOUND, "{peak}");
}
