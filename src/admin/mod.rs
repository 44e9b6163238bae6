//! The administrator's command line. In: its arguments and outputs. Out: an exit code. Does, by way of its commands.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

mod adopt;
mod check;
mod contract;
mod diff;
mod edit;
mod examples;
mod explain;
mod history;
mod install;
mod list;
mod query;
mod run;
mod stats;
mod status;
pub mod support;

use crate::hook::USAGE;
use crate::printable::printable;
use support::FOUND;
use support::console::{Console, Paint};
use support::known::Usage;

/// The version of this program, the commit that it was built from, and its target.
const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("HOOKMUX_COMMIT"), ", ", env!("HOOKMUX_TARGET"), ")");

const HOST: &str = "hookmux(8)";
const HOOKS: &str = "hookmux(8), hookmux-hooks(7)";
const SETTINGS: &str = "hookmux(8), hookmux.toml(5)";

#[derive(Debug, Parser)]
#[command(name = "hookmux", version = VERSION, about = "One hook for libvirt: runs many scripts and gives one answer")]
#[command(
    after_help = "As a hook (by a link that is called qemu, lxc, network, …) it takes libvirt's arguments instead."
)]
struct Arguments {
    /// Print more on standard error
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every script, in order, and which are not run and why
    #[command(after_help = examples(["list qemu", "list --sums"], HOOKS))]
    List(list::List),
    /// Show what would run for a call, in order, under which rules, and whether libvirt itself runs it
    #[command(after_help = examples(["explain qemu db-1 start", "explain network default started"], HOOKS))]
    #[command(override_usage = "hookmux explain [OPTIONS] <DRIVER> <OBJECT> <OPERATION> [SUB_OPERATION] [EXTRA]")]
    Explain(explain::Explain),
    /// Make a call by hand and show each step
    #[command(alias = "test")]
    #[command(after_help = examples(["run --dry-run qemu db-1 start", "run qemu db-1 migrate --xml db-1.xml"], HOOKS))]
    #[command(override_usage = "hookmux run [OPTIONS] <DRIVER> <OBJECT> <OPERATION> [SUB_OPERATION] [EXTRA]")]
    Run(run::Run),
    /// Find problems with hooks, scripts and settings, and print how to fix each
    #[command(after_help = examples(["check", "check new.toml"], SETTINGS))]
    Check(check::Check),
    /// Edit a settings file, and check it before it takes effect
    #[command(after_help = examples(["edit", "edit /etc/hookmux/hookmux.toml.d/50-limits.toml"], SETTINGS))]
    Edit(edit::Edit),
    /// Become libvirt's hook: link hookmux where libvirt looks for one
    #[command(after_help = examples(["install", "install --reload qemu network"], HOST))]
    Install(install::Install),
    /// Remove the hooks, and restore those that were there before
    #[command(after_help = examples(["uninstall", "uninstall --reload qemu"], HOST))]
    Uninstall(install::Uninstall),
    /// Move scripts from libvirt's own directory into hookmux's
    #[command(after_help = examples(["adopt qemu 10-net", "adopt qemu 10-net 20-disks"], HOOKS))]
    Adopt(adopt::Adopt),
    /// Show the differences between two XML documents, as the log shows them for a filter
    #[command(after_help = examples(["diff before.xml after.xml", "diff --json before.xml after.xml"], HOST))]
    Diff(diff::Diff),
    /// Print what paths select in the XML document on standard input
    #[command(after_help = examples(["query /domain/name <db-1.xml", "query /domain/devices/hostdev <db-1.xml"], SETTINGS))]
    Query(query::Query),
    /// List the example scripts, with the commands that copy them
    #[command(after_help = examples(["examples", "examples --json"], HOOKS))]
    Examples(examples::Examples),
    /// Show past calls, with a bar for each script's time
    #[command(alias = "logs")]
    #[command(after_help = examples(["history --guest db-1 --since 2h", "history --failed --follow"], HOST))]
    History(history::History),
    /// Count past calls, for monitoring
    #[command(after_help = examples(["stats", "stats --prometheus"], HOST))]
    Stats(stats::Stats),
    /// Show what is installed, what failed last, and which calls run now
    #[command(alias = "ps")]
    #[command(after_help = examples(["status", "status --json"], HOST))]
    Status(status::Status),
    /// Print what libvirt does around each call
    #[command(after_help = examples(["contract", "contract --json"], HOOKS))]
    Contract(contract::Contract),
}

/// Returns the end of a command's help: two examples, and the manual pages.
fn examples(commands: [&str; 2], manuals: &str) -> String {
    format!("Examples:\n  hookmux {}\n\nManuals: {manuals}", commands.join("\n  hookmux "))
}

/// Returns the command line as data, for manuals and completions.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Carries out a command.
pub fn main(words: impl Iterator<Item = OsString>, console: &mut Console) -> ExitCode {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, console),
    };
    let level = if arguments.verbose { log::LevelFilter::Info } else { log::LevelFilter::Error };
    env_logger::Builder::new().filter_level(level).parse_env("HOOKMUX_LOG").format_timestamp(None).init();
    console.json = arguments.json;
    let done = match arguments.command {
        Command::List(list) => list.main(console),
        Command::Explain(explain) => explain.main(console),
        Command::Run(run) => run.main(console),
        Command::Check(check) => check.main(console),
        Command::Edit(edit) => edit.main(console),
        Command::Install(install) => install.main(console),
        Command::Uninstall(uninstall) => uninstall.main(console),
        Command::Adopt(adopt) => adopt.main(console),
        Command::Diff(diff) => diff.main(console),
        Command::Query(query) => query.main(console),
        Command::Examples(examples) => examples.main(console),
        Command::History(history) => history.main(console),
        Command::Stats(stats) => stats.main(console),
        Command::Status(status) => status.main(console),
        Command::Contract(contract::Contract {}) => contract::Contract::main(console),
    };
    done.unwrap_or_else(|error| {
        // A reader who has seen enough, such as head(1), is not an error.
        let broken = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
        if error.chain().filter_map(|cause| cause.downcast_ref()).any(broken) {
            return ExitCode::SUCCESS;
        }
        let name = console.errors_paint.bad("hookmux:");
        let _ = writeln!(console.errors, "{name} {}", printable(format!("{error:#}")));
        ExitCode::from(if error.is::<Usage>() { USAGE } else { FOUND })
    })
}

/// Prints help and version on standard output, and errors on standard error.
fn usage(error: &clap::Error, console: &mut Console) -> ExitCode {
    let text = error.render();
    let (output, paint) = if error.use_stderr() {
        (&mut *console.errors, console.errors_paint)
    } else {
        (&mut *console.output, console.paint)
    };
    let _ = match paint {
        Paint::Coloured => write!(output, "{}", text.ansi()),
        Paint::Plain => write!(output, "{text}"),
    };
    if error.kind() == ErrorKind::MissingRequiredArgument && text.to_string().contains("<OPERATION>") {
        let _ = writeln!(output, "\na call has a driver, a guest and an operation, such as: qemu web-1 start");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FOUND))
}
