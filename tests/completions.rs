//! packaging/completions is what clap makes of the command line; `HOOKMUX_WRITE=1 cargo test --test completions` writes it.

use std::fs;
use std::path::Path;

use clap_complete::{Shell, generate};

#[test]
fn the_completions_are_those_of_the_command_line() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/completions");
    for (shell, file) in [(Shell::Bash, "hookmux.bash"), (Shell::Zsh, "_hookmux"), (Shell::Fish, "hookmux.fish")] {
        let mut made = Vec::new();
        generate(shell, &mut hookmux::admin::command(), "hookmux", &mut made);
        let file = directory.join(file);
        if std::env::var_os("HOOKMUX_WRITE").is_some() {
            fs::create_dir_all(&directory).unwrap();
            fs::write(&file, &made).unwrap();
        }
        let there = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(there == made, "{} is not up to date: HOOKMUX_WRITE=1 cargo test --test completions", file.display());
    }
}
