//! The guest that a network's port belongs to. Pure.

use crate::guard::xml::reader;
use crate::guard::xml::tree::ROOT;

/// Returns the name of the guest that a network's `port-created` or `port-deleted` is about, if the document names one.
pub(crate) fn port_owner(document: &[u8]) -> Option<String> {
    let document = reader::read(document).ok()?;
    let port = document.child(ROOT, "networkport")?;
    let name = document.child(document.child(port, "owner")?, "name")?;
    Some(document.string(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_of_a_port_is_found() {
        let real = include_bytes!("../../tests/fixtures/xml/network-port-created.xml");
        let network = include_bytes!("../../tests/fixtures/xml/network-start.xml");
        let odd = b"<hookData><networkport><owner><name>a &amp; b</name></owner></networkport></hookData>";
        let found = [&real[..], network, odd, b"", b"<x"].map(port_owner);
        assert_eq!(found, [Some("net-vm".into()), None, Some("a & b".into()), None, None]);
    }
}
