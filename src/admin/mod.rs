//! The administrator's command line. In: its words, two outputs. Out: an exit code. Does, by way of its commands.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

mod call;
mod contract;
mod diff;
mod explain;
mod history;
mod list;
mod paint;
mod run;
mod stats;

pub use paint::Paint;

/// Exit code of a command that found something, or whose call was refused.
const FOUND: u8 = 1;

#[derive(Debug, Parser)]
#[command(name = "hookmux", version, about = "One hook for libvirt: runs many scripts and gives one answer")]
#[command(after_help = "As a hook (by a link that is called qemu, lxc, network, …) it takes libvirt's words instead.")]
struct Arguments {
    /// Say more on standard error
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every script, in order, and what is skipped and why
    List(list::List),
    /// Show what would run for a call, in order, by which rule, and who runs it
    Explain(explain::Explain),
    /// Make a call by hand and show each step
    Run(run::Run),
    /// Show what differs between two XML documents, as the log says it of a filter
    Diff(diff::Diff),
    /// Show past calls, with a bar for each script's time
    History(history::History),
    /// Count past calls, for monitoring
    Stats(stats::Stats),
    /// Print what libvirt does around each call
    Contract(contract::Contract),
}

/// The command line as data, for manuals and completions.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Carries out a command. `paint` says whether its output is coloured.
pub fn main(
    words: impl Iterator<Item = OsString>,
    output: &mut dyn Write,
    errors: &mut dyn Write,
    paint: Paint,
) -> ExitCode {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, output, errors),
    };
    let level = if arguments.verbose { log::LevelFilter::Info } else { log::LevelFilter::Error };
    env_logger::Builder::new().filter_level(level).parse_env("HOOKMUX_LOG").format_timestamp(None).init();
    let done = match arguments.command {
        Command::List(list) => list.main(output),
        Command::Explain(explain) => explain.main(output),
        Command::Run(run) => run.main(output, errors),
        Command::Diff(diff) => diff.main(output),
        Command::History(history) => history.main(output, errors, paint),
        Command::Stats(stats) => stats.main(output, errors),
        Command::Contract(contract) => contract.main(output),
    };
    done.unwrap_or_else(|error| {
        let _ = writeln!(errors, "hookmux: {error:#}");
        ExitCode::from(FOUND)
    })
}

/// Help and version go to standard output, mistakes to standard error.
fn usage(error: &clap::Error, output: &mut dyn Write, errors: &mut dyn Write) -> ExitCode {
    let text = error.render();
    let _ = if error.use_stderr() { write!(errors, "{text}") } else { write!(output, "{text}") };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FOUND))
}
