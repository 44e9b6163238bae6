//! Documents that libvirt must not get, and the sentence about each.

use hookmux::guard::{Guest, Policy, Which, check, read};

use crate::{GUEST, domain, sentence};

const ID: &str = "<name>vm1</name><uuid>10c0bd7f-882e-4954-b586-d5c75cebcf54</uuid>";

#[test]
fn a_document_that_is_not_well_formed_is_rejected_with_line_and_column() {
    let entities = "found a reference to something that XML does not define, expected &amp; &lt; &gt; &quot; &apos; or a \
                    character's number";
    let table: &[(&str, &str)] = &[
        ("", "line 1, column 1: found no element, expected the root element 'domain'"),
        (" \n ", "line 2, column 2: found no element, expected the root element 'domain'"),
        ("filter: done\n", "line 1, column 1: found text outside the root element, expected only white space"),
        ("<domain>\n  <a>\n</domain>", "line 3, column 1: found the end tag 'domain', expected the end tag 'a'"),
        (
            "<domain></domain></a>",
            "line 1, column 18: found the end tag 'a', expected no end tag, as no element is open",
        ),
        ("<domain>\n<a>", "line 2, column 4: found the end of the document inside 'a', expected its end tag"),
        ("<domain", "line 1, column 1: found a tag without an end, expected '>'"),
        ("<domain/><domain/>", "line 1, column 10: found a second root element, expected the end of the document"),
        ("<domain/>x", "line 1, column 10: found text outside the root element, expected only white space"),
        ("<domain/>&amp;", "line 1, column 10: found text outside the root element, expected only white space"),
        ("<a/><![CDATA[]]>", "line 1, column 5: found text outside the root element, expected only white space"),
        ("<domain a='1' a='2'/>", "line 1, column 15: found the attribute 'a' a second time, expected each once"),
        ("<domain a=1/>", "line 1, column 11: found an attribute's value without quotes, expected a quote"),
        ("<domain a/>", "line 1, column 10: found an attribute without a value, expected '=' and a value"),
        ("<domain a='<'/>", "line 1, column 12: found '<' in an attribute's value, expected '&lt;'"),
        ("<domain>a & b</domain>", "line 1, column 11: found a bare '&', expected '&amp;'"),
        ("<domain a='b&c'/>", "line 1, column 13: found a bare '&', expected '&amp;'"),
        ("<a><!-- a -- b --></a>", "line 1, column 11: found '--' inside a comment, expected '-->'"),
        ("<a><!-- a</a>", "line 1, column 4: found a comment without an end, expected '-->'"),
        ("<a><![CDATA[</a>", "line 1, column 4: found a CDATA section without an end, expected ']]>'"),
        ("<a><1/></a>", "line 1, column 5: found an invalid name, expected the name of an element or attribute"),
        ("<a>\u{7}</a>", "line 1, column 4: found the character U+0007, expected the characters that XML 1.0 allows"),
        (
            "<a>ä\u{FFFE}</a>",
            "line 1, column 5: found the character U+FFFE, expected the characters that XML 1.0 allows",
        ),
        (
            "<?xml versio='1.0'?><a/>",
            "line 1, column 1: found an invalid XML declaration, expected <?xml version='1.0' encoding='UTF-8'?>",
        ),
        (
            "<?xml version='1.0' encoding='UTF-16'?><a/>",
            "line 1, column 1: found the encoding 'UTF-16', expected UTF-8",
        ),
        (
            "<?xml version='1.0' encoding='latin1'?><a>ä</a>",
            "line 1, column 1: found the encoding 'latin1', expected UTF-8",
        ),
        (
            "<!DOCTYPE domain><domain/>",
            "line 1, column 1: found a document type, expected none: domain XML has no DTD and no entities",
        ),
        (
            "<a><?xml?></a>",
            "line 1, column 4: found an invalid XML declaration, expected <?xml version='1.0' encoding='UTF-8'?>",
        ),
        (
            "<a><q:b/></a>",
            "line 1, column 5: found the prefix 'q', which no xmlns declares, expected a declared namespace",
        ),
        (
            "<a q:b=''/>",
            "line 1, column 4: found the prefix 'q', which no xmlns declares, expected a declared namespace",
        ),
        (
            "<a><b xmlns:q='u'/><q:b/></a>",
            "line 1, column 21: found the prefix 'q', which no xmlns declares, expected a declared namespace",
        ),
    ];
    let found: Vec<_> = table.iter().map(|(document, _)| (*document, sentence(document))).collect();
    let expected: Vec<_> = table.iter().map(|(document, sentence)| (*document, (*sentence).to_owned())).collect();
    assert_eq!(found, expected);
    for reference in ["&nbsp;", "&#0;", "&#xD800;", "&;", "&#x;"] {
        assert_eq!(sentence(format!("<a>{reference}</a>")), format!("line 1, column 4: {entities}"));
        assert_eq!(sentence(format!("<a b='{reference}'/>")), format!("line 1, column 7: {entities}"));
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_rejected() {
    assert_eq!(sentence(b"<a>\n\xC3\xA4\xFF</a>"), "line 2, column 2: found bytes that are not UTF-8, expected UTF-8");
    let utf_16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        sentence(utf_16),
        "line 1, column 2: found the character U+0000, expected the characters that XML 1.0 allows"
    );
}

#[test]
fn no_entity_is_ever_expanded() {
    let laughs = "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><domain>&b;</domain>";
    assert_eq!(
        sentence(laughs),
        "line 1, column 1: found a document type, expected none: domain XML has no DTD and no entities"
    );
}

#[test]
fn other_syntax_for_the_same_content_is_accepted_and_is_not_a_change() {
    let plain = domain("<metadata><m:a xmlns:m='u' b='1' c='2'>x &lt; y</m:a></metadata>");
    let same = [
        plain.replace("b='1' c='2'", "c = \"2\"\n b='&#49;'"),
        plain.replace("x &lt; y", "x<![CDATA[ < ]]>y"),
        plain.replace("x &lt; y", "x &#x3c;<!-- and --><?so on?> y"),
        plain.replace("<metadata>", "\n  <!-- mine --><?mine?>\r\n\t<metadata >"),
        format!("<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n<!-- a --><?b?>{plain}<!-- c -->\n"),
        format!("<?xml version=\"1.0\" encoding=\"US-ASCII\"?>{plain}"),
        format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{plain}"),
        format!("\u{FEFF}{plain}"),
        format!("\u{FEFF}<?xml version='1.0'?>{plain}"),
    ];
    for document in &same {
        assert_eq!(crate::changed(&plain, document), Vec::<String>::new(), "{document}");
    }
}

#[test]
fn a_document_of_another_guest_is_rejected() {
    let table = [
        (
            "<network/>".to_owned(),
            "line 1, column 1: found the root element 'network', expected the root element 'domain'",
        ),
        (format!("<domain>{ID}</domain>"), "line 1, column 1: found no type, expected one of: qemu, kvm, hvf, hyperv"),
        (
            format!("<domain type='xen'>{ID}</domain>"),
            "line 1, column 1: found type 'xen', expected one of: qemu, kvm, hvf, hyperv",
        ),
        (
            format!("<domain xmlns='x' type='kvm'>{ID}</domain>"),
            "line 1, column 1: found a default namespace on the root element, expected <domain> in no namespace",
        ),
        (
            format!("<domain type='kvm' id='3'>{ID}</domain>"),
            "line 1, column 1: found id '3', expected none, as before",
        ),
        (domain("").replace("vm1", "vm2"), "line 1, column 21: found name 'vm2', expected 'vm1', as before"),
        (domain("").replace("vm1", " vm1"), "line 1, column 21: found name ' vm1', expected 'vm1', as before"),
        (domain("").replace("<name>vm1</name>", ""), "line 1, column 1: found no name, expected 'vm1', as before"),
        (
            domain("").replace("vm1", "v<b>m</b>1"),
            "line 1, column 21: found elements inside <name> or <uuid>, expected text",
        ),
        (
            domain("").replace("<name>", "<name xmlns='u'>"),
            "line 1, column 1: found no name, expected 'vm1', as before",
        ),
        (
            domain("").replace("10c0", "10c1"),
            "line 1, column 37: found uuid '10c1bd7f-882e-4954-b586-d5c75cebcf54', expected \
             '10c0bd7f-882e-4954-b586-d5c75cebcf54', as before",
        ),
    ];
    for (document, expected) in table {
        assert_eq!(sentence(&document), expected, "{document}");
    }
}

#[test]
fn a_name_may_be_written_in_any_xml_syntax() {
    for name in ["v&#109;1", "<![CDATA[vm1]]>", "v<!-- m -->m1"] {
        assert_eq!(sentence(domain("").replace("vm1", name)), "fine: ");
    }
}

#[test]
fn a_uuid_may_be_written_in_each_way_that_libvirt_reads_and_in_no_other() {
    let uuid = "10c0bd7f-882e-4954-b586-d5c75cebcf54";
    let same = [
        "10C0BD7F882E-4954-b586-d5c75cebcf54",
        " \n10c0bd7f-882e-4954-b586-d5c75cebcf54\t",
        "10-c0 bd7f--882e-4954-b586-d5c75cebcf54",
    ];
    let others = [
        "10c0bd7f-882e-4954-b586-d5c75cebcf5",
        "10c0bd7f-882e-4954-b586-d5c75cebcf545",
        "1-0c0bd7f-882e-4954-b586-d5c75cebcf54",
        "10c0bd7f\n-882e-4954-b586-d5c75cebcf54",
        "10c0bd7f\u{a0}882e-4954-b586-d5c75cebcf54",
        "\u{2003}10c0bd7f-882e-4954-b586-d5c75cebcf54",
        "10c0bd7f-882e-4954-b586-d5c75cebcf54-",
    ];
    for text in same {
        assert!(sentence(domain("").replace(uuid, text)).starts_with("fine: /domain/uuid: "), "{text}");
    }
    for text in others {
        let found = sentence(domain("").replace(uuid, text));
        assert!(found.ends_with(&format!("expected '{uuid}', as before")), "{found}");
    }
}

#[test]
fn each_driver_has_its_types() {
    let types = ["qemu", "kvm", "hvf", "hyperv", "lxc", "xen", "bhyve", "test", ""];
    let fitting = |driver: &str| -> Vec<&str> {
        let fits = |kind: &&str| {
            let after = domain("").replace("'qemu'", &format!("'{kind}'"));
            check(domain("").as_bytes(), after.as_bytes(), Guest { driver, object: b"vm1" }, &Policy::default()).is_ok()
        };
        types
            .iter()
            .copied()
            .filter(|kind| domain("") == domain("").replace("'qemu'", &format!("'{kind}'")) || fits(kind))
            .collect()
    };
    assert_eq!(fitting("qemu"), ["qemu", "kvm", "hvf", "hyperv"]);
    assert_eq!(fitting("lxc"), ["qemu", "lxc"], "unchanged bytes are not looked at");
    assert_eq!(fitting("libxl"), ["qemu", "xen"]);
    assert_eq!(fitting("bhyve"), ["qemu", "bhyve"]);
    assert_eq!(fitting("ch"), types, "an unknown driver");
}

#[test]
fn a_document_that_is_made_from_nothing_must_have_the_guests_name() {
    let from_nothing = |after: &str| {
        let guest = Guest { driver: "libxl", object: b"vm1" };
        check(b"", after.as_bytes(), guest, &Policy::default())
            .map(|changes| changes.to_string())
            .map_err(|fault| fault.to_string())
    };
    let xen = domain("").replace("qemu", "xen");
    assert_eq!(from_nothing(&xen), Ok("/domain: added\n".to_owned()));
    assert_eq!(
        from_nothing(&xen.replace("vm1", "vm2")),
        Err("line 1, column 20: found name 'vm2', expected 'vm1', as before".to_owned())
    );
}

#[test]
fn a_fault_of_the_input_is_not_blamed_on_the_filter() {
    let fault = check(b"<domain>\n<x", domain("").as_bytes(), GUEST, &Policy::default()).unwrap_err();
    assert_eq!(fault.document, Which::Before);
    assert_eq!(
        fault.to_string(),
        "in the document before the filter, line 2, column 1: found a tag without an end, expected '>'"
    );
}

#[test]
fn nesting_attributes_prefixes_and_elements_have_limits() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    let attributes = |count: usize| (0..count).fold("<a".to_owned(), |tag, n| tag + &format!(" a{n}=''")) + "/>";
    let prefixes = |count: usize| (0..count).fold("<a".to_owned(), |tag, n| tag + &format!(" xmlns:a{n}='u'")) + "/>";
    let elements = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count));
    let table = [
        (nested(256), nested(257), "at most 256 elements inside each other"),
        (attributes(256), attributes(257), "at most 256 attributes in one tag"),
        (prefixes(64), prefixes(65), "at most 64 namespace prefixes at once"),
        (elements((1 << 20) - 1), elements(1 << 20), "at most 1048576 elements"),
    ];
    for (most, more, expected) in table {
        assert!(read(most.as_bytes(), Which::After).is_ok(), "{expected}");
        let sentence = read(more.as_bytes(), Which::After).map_err(|fault| fault.to_string()).unwrap_err();
        assert!(sentence.ends_with(expected), "{sentence}");
    }
}
