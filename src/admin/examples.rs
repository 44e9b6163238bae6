//! `hookmux examples`: the scripts that the package brought, and the commands that copy them. In: their files. Out: lines.
//! Reads.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::admin::support::console::Console;
use crate::admin::support::root::Root;
use crate::call::drivers::DRIVERS;
use crate::files::directory::OpenDirectory;
use crate::files::{paths, resolve};
use crate::printable::{printable, quoted, shortened};
use crate::settings;

/// The directory in which the package installs them.
const EXAMPLES: &str = "/usr/share/doc/hookmux/examples";

/// The number of bytes of a script that are read: its header is shorter.
const HEADER: u64 = 4 << 10;

/// The longest text that is shown of a header, in characters.
const MAX_SHOWN: usize = 200;

#[derive(Debug, Args)]
pub(crate) struct Examples {
    #[command(flatten)]
    root: Root,
}

impl Examples {
    /// Prints what each script does, and the commands that copy it with its rule.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.root.path()?;
        let at = |directory: &str| paths::below(&root, directory);
        let mut examples = Vec::new();
        for hook in DRIVERS.iter().map(|driver| format!("{}.d", driver.name)) {
            let scripts = at(&format!("{EXAMPLES}/{hook}"));
            let mut names = match OpenDirectory::open(&root, &scripts).and_then(|found| found.names(|_, _| true)) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                names => names?,
            };
            names.sort();
            for name in names {
                let script = scripts.join(&name);
                let text = resolve::read(&root, &script, HEADER)?;
                let rule = paths::with_ending(&name, ".toml");
                let mut commands = vec![copy(755, &script, &at("/etc/hookmux").join(&hook).join(&name))];
                let from = at(&format!("{EXAMPLES}/hookmux.toml.d")).join(&rule);
                if !resolve::is_absent(&root, &from)? {
                    commands.push(copy(644, &from, &at(settings::DROP_INS).join(&rule)));
                }
                let about = about(&String::from_utf8_lossy(&text));
                examples.push(Example { script: format!("{hook}/{}", printable(&name)), about, commands });
            }
        }
        let place = at(EXAMPLES);
        anyhow::ensure!(!examples.is_empty(), "no examples in {}: documentation is not installed", place.display());
        console.print("examples", json!({ "examples": examples }), |paint| {
            let lines = examples.iter().flat_map(|Example { script, about, commands }| {
                let commands = commands.iter().map(|command| format!("  {}", paint.command(command)));
                std::iter::once(format!("{}: {about}", paint.heading(script))).chain(commands)
            });
            lines.collect()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Serialize)]
struct Example {
    script: String,
    about: String,
    /// The commands that copy it, and its rule.
    commands: Vec<String>,
}

fn copy(mode: u16, from: &Path, to: &Path) -> String {
    format!("install -D -m {mode} {} {}", quoted(from), quoted(to))
}

/// Returns the first sentence of a script's header, which is a comment or a docstring from the second line on.
fn about(text: &str) -> String {
    let lines = text.lines().skip(1).map(|line| line.trim_matches(['#', '"', ' ']));
    let header = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let sentence = header.split(". ").next().unwrap_or_default().trim_end_matches('.');
    printable(&*shortened(sentence, MAX_SHOWN))
}
