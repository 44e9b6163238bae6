//! Secrets never appear in a list of changes, not even in its `Debug` form.

use hookmux::guard::{Policy, Which, check, read};

use crate::{GUEST, domain};

/// The places where libvirt or its users keep a secret, here SECRET.
const PLACES: &[&str] = &[
    "<devices><graphics type='vnc' passwd='SECRET'/></devices>",
    "<devices><graphics type='spice' passwd='SECRET' passwdValidTo='SECRET'/></devices>",
    "<devices><disk><auth username='SECRET'><secret type='ceph' uuid='SECRET'/></auth></disk></devices>",
    "<devices><disk><encryption format='luks'><secret type='passphrase' uuid='SECRET'/></encryption></disk></devices>",
    "<devices><disk><source protocol='https' query='SECRET'><cookies><cookie name='c'>SECRET</cookie></cookies></source></disk></devices>",
    "<devices><hostdev><source protocol='iscsi'><auth username='SECRET'/></source></hostdev></devices>",
    "<devices><tpm><backend type='emulator'><encryption secret='SECRET'/></backend></tpm></devices>",
    "<launchSecurity type='sev'><dhCert>SECRET</dhCert><session>SECRET</session></launchSecurity>",
    "<sysinfo type='fwcfg'><entry name='opt/com.coreos/config'>SECRET</entry></sysinfo>",
    "<sysinfo type='smbios'><oemStrings><entry>io.systemd.credential:x=SECRET</entry></oemStrings></sysinfo>",
    "<q:commandline xmlns:q='u'><q:arg value='-object'/><q:arg value='secret,id=s,data=SECRET'/></q:commandline>",
    "<q:commandline xmlns:q='u'><q:env name='DB_PASSWORD' value='SECRET'/></q:commandline>",
    "<description>root / SECRET</description>",
    "<title>the password is SECRET</title>",
    "<os><cmdline>ro rootpw=SECRET</cmdline></os>",
    "<os><initarg>SECRET</initarg><initenv name='A'>SECRET</initenv></os>",
    "<bootloader_args>SECRET</bootloader_args>",
    "<devices><disk><source file='json:{\"url\":\"https://bob:SECRET@h\"}'/></disk></devices>",
    "<devices><disk><source file='json:{\"url\":\"https:\\/\\/bob:SECRET@h\"}'/></disk></devices>",
    "<devices><disk><source name='https://h/a?sig=SECRET'/></disk></devices>",
    "<devices><disk><source name='pool/i:id=admin:key=SECRET'/></disk></devices>",
    "<os><kernel>ftp://u:SECRET@h/vmlinuz</kernel></os>",
    "<q:commandline xmlns:q='u'><q:arg value='SECRET'/><q:env name='A' value='SECRET'/></q:commandline>",
    "<commandline xmlns='http://libvirt.org/schemas/domain/xen/1.0'><arg value='SECRET'/></commandline>",
    "<metadata><my:property xmlns:my='u'><my:name>dbPassword</my:name><my:value>SECRET</my:value></my:property></metadata>",
    "<metadata><a:b xmlns:a='u'>-----BEGIN PRIVATE KEY-----SECRET</a:b></metadata>",
    "<metadata><my:root-password xmlns:my='u'>SECRET</my:root-password></metadata>",
    "<metadata><my:entry xmlns:my='u' key='apiToken'><my:deep a='SECRET'>SECRET</my:deep></my:entry></metadata>",
    "<metadata><my:credentials xmlns:my='u'><a b='SECRET'>SECRET<![CDATA[SECRET]]></a></my:credentials></metadata>",
];

#[test]
fn a_changed_secret_is_reported_without_its_values() {
    for place in PLACES {
        let (before, after) =
            (domain(&place.replace("SECRET", "hunter2")), domain(&place.replace("SECRET", "hunter3")));
        let changes = check(before.as_bytes(), after.as_bytes(), GUEST, &Policy::default()).unwrap();
        let text = format!("{changes}{changes:?}");
        assert!(!changes.list.is_empty(), "{place}");
        assert!(!text.contains("hunter"), "{text}");
        assert!(changes.list.iter().all(|change| change.to_string().ends_with(": changed")), "{changes}");
    }
}

#[test]
fn an_added_or_removed_secret_is_not_shown_either() {
    for place in PLACES {
        let (without, with) = (domain(""), domain(&place.replace("SECRET", "hunter2")));
        for (before, after) in [(&without, &with), (&with, &without)] {
            let changes = check(before.as_bytes(), after.as_bytes(), GUEST, &Policy::default()).unwrap();
            assert!(!changes.list.is_empty());
            assert!(!format!("{changes}{changes:?}").contains("hunter"), "{changes:?}");
        }
    }
    let graphics = |more: &str| domain(&format!("<graphics type='vnc'{more}/>"));
    let changes =
        check(graphics("").as_bytes(), graphics(" passwd='hunter2'").as_bytes(), GUEST, &Policy::default()).unwrap();
    assert_eq!(changes.to_string(), "/domain/graphics/@passwd: added\n");
}

#[test]
fn a_fault_in_a_secret_does_not_quote_it() {
    for broken in ["hunter&hunter;", "hunter<hunter", "hunter&hunter", "hunter\u{1}"] {
        let after = domain(&format!("<graphics passwd='{broken}'/>"));
        let fault = check(domain("").as_bytes(), after.as_bytes(), GUEST, &Policy::default()).unwrap_err();
        assert!(!format!("{fault}{fault:?}").contains("hunter"), "{fault:?}");
    }
}

#[test]
fn a_document_does_not_show_its_text() {
    let document = domain("<graphics passwd='hunter2'/>");
    assert_eq!(
        format!("{:?}", read(document.as_bytes(), Which::After).unwrap()),
        format!("Document({} bytes, 6 nodes)", document.len())
    );
}
