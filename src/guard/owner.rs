//! Whose port it is. In: the document of a network's `port-created` or `port-deleted`. Out: the guest's name. Pure.

use crate::guard::xml::reader;
use crate::guard::xml::tree::ROOT;

/// The guest whose port is plugged into a network or out of it; `None` where the document names none, or is none.
#[must_use]
pub fn port_owner(document: &[u8]) -> Option<String> {
    let document = reader::read(document).ok()?;
    let port = document.child(ROOT, "networkport")?;
    let name = document.child(document.child(port, "owner")?, "name")?;
    Some(document.string(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_port_is_found_and_nobody_elses_name() {
        let real = include_bytes!("../../tests/fixtures/xml/network-port-created.xml");
        let network = include_bytes!("../../tests/fixtures/xml/network-start.xml");
        let odd = b"<hookData><networkport><owner><name>a &amp; b</name></owner></networkport></hookData>";
        let found = [&real[..], network, odd, b"", b"<x"].map(port_owner);
        assert_eq!(found, [Some("net-vm".into()), None, Some("a & b".into()), None, None]);
    }
}
