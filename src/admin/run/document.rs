//! The XML that scripts read. In: the call, perhaps a file. Out: a document, and its source. Does: asks libvirt.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::call::contract::{Input, Output};
use crate::call::drivers;
use crate::call::invocation::Invocation;
use crate::run::child::{Child, Start};
use crate::run::launch::Strings;
use crate::run::spool::{MAX_DOCUMENT, Spool};
use crate::run::watch::{self, Watch};
use crate::verdict::messages;

/// The time that libvirt may take to answer before a made-up document is used instead.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The origin of a document.
pub(crate) struct Source {
    /// A word for programs, which never changes.
    pub(crate) word: &'static str,
    /// `None` for a call without a document.
    pub(crate) sentence: Option<String>,
}

pub(crate) fn get(call: &Invocation, root: &Path, file: Option<&Path>) -> anyhow::Result<(Spool, Source)> {
    let source = |word, sentence| Source { word, sentence: Some(sentence) };
    if let Some(path) = file {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let document = Spool::read(file).with_context(|| format!("cannot read {}", path.display()))?;
        return Ok((document, source("file", format!("the XML is {}", path.display()))));
    }
    if call.row.input == Input::Nothing {
        return Ok((Spool::nothing(), Source { word: "nothing", sentence: None }));
    }
    let why = match drivers::driver(&call.driver).uri {
        _ if root != Path::new("/") => "libvirt does not run below another root".into(),
        None => "libvirt has no document for this hook".into(),
        Some(uri) => match ask(call, uri) {
            Ok(xml) => {
                let sentence = format!("the XML is libvirt's own, from {uri}");
                return Ok((Spool::read(xml.as_slice())?, source("libvirt", sentence)));
            }
            Err(why) => why,
        },
    };
    let sentence = format!("the XML is generated (--xml FILE replaces it): {why}");
    Ok((Spool::read(made_up(call).as_bytes())?, source("made-up", sentence)))
}

/// Asks libvirt for the XML as it would write it to the hook; otherwise returns why there is none.
fn ask(call: &Invocation, uri: &str) -> Result<Vec<u8>, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let virsh = std::env::split_paths(&path).map(|directory| directory.join("virsh")).find(|virsh| virsh.is_file());
    let virsh = virsh.ok_or("virsh is not installed, so libvirt cannot be asked")?;
    let network = call.row.input == Input::HookData;
    let what: &[&str] = match (network, call.row.output) {
        (true, _) => &["net-dumpxml", "--network"],
        (false, Output::Filter) => &["dumpxml", "--migratable", "--security-info", "--domain"],
        (false, Output::Dropped | Output::Shown) => &["dumpxml", "--domain"],
    };
    let mut args: Vec<OsString> = ["--quiet", "--connect", uri].iter().chain(what).map(OsString::from).collect();
    args.push(call.object.clone());
    let xml = output(&virsh, &args)?;
    Ok(if network { hook_data(&xml) } else { xml })
}

/// Returns what a program prints, or the first line of its error message.
fn output(program: &Path, args: &[OsString]) -> Result<Vec<u8>, String> {
    let variables: Vec<_> = std::env::vars_os().collect();
    let variables = variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    let start = Start {
        path: program,
        args,
        environment: &Strings::variables(variables),
        input: &Spool::nothing(),
        document: Some(MAX_DOCUMENT),
        limit: Some(TIMEOUT),
        kill_after: Duration::from_secs(1),
        session: false,
    };
    let failed = |error: &dyn std::fmt::Display| format!("{} failed: {error}", program.display());
    let child = Child::start(&start).map_err(|errno| failed(&errno.desc()))?;
    let mut watch = Watch::new(watch::REPORT_INTERVAL).map_err(|errno| failed(&errno.desc()))?;
    let ended = watch.next(&mut vec![((), child)], &mut |(), _| {});
    let ((), report) = ended.ok_or_else(|| failed(&"it is lost"))?;
    if let Some(document) = report.document {
        return document.bytes().map_err(|error| failed(&error));
    }
    let errors = String::from_utf8_lossy(&report.errors);
    let first = errors.lines().find(|line| !line.trim().is_empty());
    Err(first.map_or_else(|| messages::outcome(program, &report.outcome), str::to_owned))
}

/// Wraps a network's XML as libvirt writes it to the hook.
fn hook_data(network: &[u8]) -> Vec<u8> {
    let lines = network.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let indented: Vec<u8> = lines.flat_map(|line| [b"  ", line, b"\n"].concat()).collect();
    [b"<hookData>\n".as_slice(), &indented, b"</hookData>\n"].concat()
}

/// Returns a small document that is valid for the call.
fn made_up(call: &Invocation) -> String {
    let name = quick_xml::escape::escape(call.object.to_string_lossy()).into_owned();
    let uuid = "<uuid>00000000-0000-4000-8000-000000000000</uuid>";
    match call.row.input {
        Input::Nothing => String::new(),
        Input::HookData => {
            format!("<hookData>\n  <network>\n    <name>{name}</name>\n    {uuid}\n  </network>\n</hookData>\n")
        }
        Input::Domain | Input::Unknown => {
            let kind = drivers::driver(&call.driver).domain_types.first().unwrap_or(&"test");
            format!(
                "<domain type='{kind}'>\n  <name>{name}</name>\n  {uuid}\n  <memory unit='KiB'>32768</memory>\n  \
                 <os>\n    <type>hvm</type>\n  </os>\n</domain>\n"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_wrapped_as_libvirt_wraps_it() {
        let data = hook_data(b"<network>\n  <name>n</name>\n</network>\n\n");
        assert_eq!(
            String::from_utf8_lossy(&data),
            "<hookData>\n  <network>\n    <name>n</name>\n  </network>\n</hookData>\n"
        );
    }
}
