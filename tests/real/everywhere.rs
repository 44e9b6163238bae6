//! One recording script in each place for a driver's scripts: libvirt's own directory, hookmux's, a guest's. In: a host, a
//! driver, the expected calls. Out: the expected lines of its records. Does.

use support::host::Host;

/// A call of a scenario: its arguments, and the kind of its stdin (see [`support::recorder`]).
pub(crate) type Call<'a> = (&'a str, &'a str);

/// Scripts in the order in which they must run: hookmux's steps by name, then the one that libvirt runs itself.
const IN_ORDER: [&str; 3] = ["20-hookmuxs", "30-guests", "10-libvirts"];

/// Links hookmux as the driver's hook, and puts a recording script into all three places.
pub(crate) fn put_scripts(host: &Host, driver: &str, calls: &[Call]) {
    host.link_hookmux(&[driver]);
    host.script(&format!("/etc/libvirt/hooks/{driver}.d/10-libvirts"), "");
    host.script(&format!("/etc/hookmux/{driver}.d/20-hookmuxs"), "");
    for (args, _) in calls {
        let [object, operation, sub_operation, _] = args.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not four arguments: {args}")
        };
        host.script(&format!("/etc/hookmux/{driver}.d/{object}/{operation}/{sub_operation}/30-guests"), "");
    }
}

/// Returns the records if every script runs exactly once in each call, with the same arguments and document.
pub(crate) fn each_once(calls: &[Call]) -> Vec<String> {
    let lines = |(args, document): &Call| IN_ORDER.map(|script| format!("{args} {document} {script}"));
    calls.iter().flat_map(lines).collect()
}
