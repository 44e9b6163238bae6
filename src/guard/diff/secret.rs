//! Which places of a domain hold secrets. Comes in: the steps to a place, or a value; goes out: yes or no. Pure.
//!
//! libvirt writes into the filter's input what `virsh dumpxml` shows only with `--security-info`. In libvirt 9.0.0,
//! `VIR_DOMAIN_DEF_FORMAT_SECURE` uncovers two things: `graphics/@passwd` (`virDomainGraphicsAuthDefFormatAttr`) and
//! `source/cookies` of network disks (`virDomainDiskSourceFormatNetworkCookies`). The rest of the table is what other
//! people put into domain XML.

use crate::guard::diff::path::Step;

/// An element of this name hides everything in it, attributes included.
const ELEMENTS: [&str; 8] = [
    "auth",       // user and secret of network disks and iSCSI host devices
    "secret",     // of <auth> and <encryption>
    "cookies",    // sessions at an HTTP server
    "cookie",     // one of them
    "dhCert",     // of <launchSecurity type='sev'>: with the next, what the guest's owner talks to the firmware with
    "session",    //
    "idAuth",     // the same for SEV-SNP
    "oemStrings", // SMBIOS type 11: systemd reads credentials from there
];

/// An attribute of this name is hidden wherever it is.
const ATTRIBUTES: [&str; 2] = [
    "passwd", // of <graphics>
    "query",  // of an HTTP disk's URL: often a token
];

/// A name with one of these words in it is meant to be hidden: metadata is written by everybody.
const WORDS: [&str; 4] = ["passw", "secret", "credential", "token"];

/// Does this step, taken from `way`, lead into a secret? Everything below it is one as well.
pub(crate) fn leads_to_secret(way: &[Step<'_>], step: &Step<'_>) -> bool {
    match step {
        // <sysinfo type='fwcfg'>: files for the guest's firmware, which is how Ignition gets its configuration. SMBIOS
        // has its entries one level deeper.
        Step::Element { name: "entry", .. } if matches!(way, [_, Step::Element { name: "sysinfo", .. }]) => true,
        Step::Element { name, .. } => ELEMENTS.contains(&local(name)) || has_word(local(name)),
        Step::Attribute(name) => ATTRIBUTES.contains(&local(name)) || has_word(local(name)),
        Step::Text { .. } => false,
    }
}

/// Does an attribute's value say that its element holds a secret? `<qemu:env name='DB_PASSWORD' value='…'/>` does.
pub(crate) fn speaks_of_secret(value: &str) -> bool {
    has_word(value)
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn has_word(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_libvirt_s_names_and_by_words_that_people_use() {
        let element = |name| Step::Element { name, number: 1, only: true };
        let secret = ["auth", "secret", "cookies", "dhCert", "session", "x:password", "rootPassword", "api-token"];
        let open = ["disk", "source", "keymap", "author", "target", "entry"];
        assert_eq!(secret.map(|name| leads_to_secret(&[], &element(name))), [true; 8]);
        assert_eq!(open.map(|name| leads_to_secret(&[], &element(name))), [false; 6]);
        assert!(leads_to_secret(&[element("domain"), element("sysinfo")], &element("entry")));
        assert!(!leads_to_secret(&[element("domain"), element("sysinfo"), element("bios")], &element("entry")));
        assert_eq!(["passwd", "query", "secret"].map(|name| leads_to_secret(&[], &Step::Attribute(name))), [true; 3]);
        assert_eq!(["type", "name", "keymap"].map(|name| leads_to_secret(&[], &Step::Attribute(name))), [false; 3]);
    }
}
