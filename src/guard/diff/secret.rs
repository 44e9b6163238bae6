//! The places and values of a domain that are secrets. Pure.
//!
//! libvirt writes into the filter's input what `virsh dumpxml` shows only with `--security-info`. In libvirt 9.0.0,
//! `VIR_DOMAIN_DEF_FORMAT_SECURE` uncovers two things: `graphics/@passwd` (`virDomainGraphicsAuthDefFormatAttr`) and
//! `source/cookies` of network disks (`virDomainDiskSourceFormatNetworkCookies`). The rest of the table is what
//! administrators and other programs keep in domain XML.

use crate::guard::diff::path::{PathStep, local};

/// An element of this name hides everything in it, attributes included.
const ELEMENTS: [&str; 15] = [
    "auth",            // user and secret of network disks and iSCSI host devices
    "secret",          // of <auth> and <encryption>
    "cookies",         // sessions at an HTTP server
    "cookie",          // one of them
    "dhCert",          // of <launchSecurity type='sev'>: with the next, what the guest's owner sends to the firmware
    "session",         //
    "idAuth",          // the same for SEV-SNP
    "oemStrings",      // SMBIOS type 11: systemd reads credentials from there
    "description",     // free text: logins, more often than not
    "cmdline",         // the kernel's command line: rootpw=…, ds=nocloud;s=…
    "bootloader_args", // Xen's
    "initarg",         // a container's command line
    "initenv",         // and its environment
    "arg",             // of <qemu:commandline>, <bhyve:commandline>, <xen:commandline>
    "env",             // of <qemu:commandline>
];

/// An attribute of this name is hidden wherever it is.
const ATTRIBUTES: [&str; 2] = [
    "passwd", // of <graphics>
    "query",  // of an HTTP disk's URL: often a token
];

/// A name that contains one of these is a secret's: metadata may have any names.
const NAMES: [&str; 10] =
    ["passw", "passphrase", "pwd", "secret", "credential", "token", "apikey", "api-key", "api_key", "privatekey"];

/// A value that contains one of these contains a secret: `rootpw=…`, `id=admin:key=AQB…`, `?sig=…`, a private key.
const VALUES: [&str; 6] = ["pw=", "pw:", "key=", "sig=", "signature=", "-----begin"];

/// Reports whether this step, taken from `above`, leads to a secret. Everything below it is one as well.
pub(crate) fn leads_to_secret(above: &[PathStep<'_>], step: &PathStep<'_>) -> bool {
    match step {
        // <sysinfo type='fwcfg'>: files for the guest's firmware, which is how Ignition gets its configuration. SMBIOS
        // has its entries one level deeper.
        PathStep::Node { name: "entry", .. } if matches!(above, [_, PathStep::Node { name: "sysinfo", .. }]) => true,
        PathStep::Node { name, .. } => ELEMENTS.contains(&local(name)) || contains_any(local(name), &NAMES),
        PathStep::Attribute(name) => ATTRIBUTES.contains(&local(name)) || contains_any(local(name), &NAMES),
    }
}

/// Reports whether a value names a secret, and so may hold one or be the name of one beside it:
/// `<qemu:env name='DB_PASSWORD' value='…'/>`.
pub(crate) fn names_secret(value: &str) -> bool {
    contains_any(value, &NAMES)
}

/// Reports whether a value must not be shown: it names a secret, or has one in the form of a URL or a command line.
pub(crate) fn contains_secret(value: &str) -> bool {
    names_secret(value) || contains_any(value, &VALUES) || has_credentials(value)
}

/// Reports whether a URL in the text has a user part. JSON may have its slashes escaped.
fn has_credentials(text: &str) -> bool {
    start(text).replace("\\/", "/").split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next();
        authority.is_some_and(|authority| authority.contains('@'))
    })
}

/// Searches the start of a text, which is all that may be shown of it and much more.
fn contains_any(text: &str, parts: &[&str]) -> bool {
    let text = start(text).to_ascii_lowercase();
    parts.iter().any(|part| text.contains(part))
}

fn start(text: &str) -> &str {
    text.get(..text.floor_char_boundary(4096)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognized_by_libvirts_names_and_by_common_parts_of_names() {
        let element = |name| PathStep::Node { name, number: 1, only: true };
        let secret =
            ["auth", "secret", "cookies", "dhCert", "session", "x:password", "rootPassword", "api-token", "q:arg"];
        let open = ["disk", "source", "keymap", "author", "target", "entry"];
        assert_eq!(secret.map(|name| leads_to_secret(&[], &element(name))), [true; 9]);
        assert_eq!(open.map(|name| leads_to_secret(&[], &element(name))), [false; 6]);
        assert!(leads_to_secret(&[element("domain"), element("sysinfo")], &element("entry")));
        assert!(!leads_to_secret(&[element("domain"), element("sysinfo"), element("bios")], &element("entry")));
        assert_eq!(
            ["passwd", "query", "secret"].map(|name| leads_to_secret(&[], &PathStep::Attribute(name))),
            [true; 3]
        );
        assert_eq!(["type", "name", "keymap"].map(|name| leads_to_secret(&[], &PathStep::Attribute(name))), [false; 3]);
    }

    #[test]
    fn secrets_are_recognized_in_values() {
        let secret = [
            "https://bob:pw@host/a",
            "see ftp://bob@host",
            "json:{\"url\":\"https:\\/\\/bob:x@h\"}",
            "ro rootpw=x",
            "rbd:pool/image:id=admin:key=AQB",
            "https://h/a?X-Amz-Signature=1",
            "a\n-----BEGIN OPENSSH PRIVATE KEY",
            "the root Password is x",
        ];
        let open = ["https://host/a@b", "bob@host", "/var/lib/a.qcow2", "http://h:80/?a=b@c", "keymap", "a://b c@d"];
        assert_eq!(secret.map(contains_secret), [true; 8]);
        assert_eq!(open.map(contains_secret), [false; 6]);
    }
}
