//! One recording script in each place where a driver's scripts may lie: libvirt's own directory, hookmux's, a guest's.
//! In: a host, a driver, the calls that are to come. Out: the lines that its records must be. Does.

use support::host::Host;

/// A call that a scenario makes: its words, and what its stdin is about (see [`support::recorder`]).
pub(crate) type Call<'a> = (&'a str, &'a str);

/// Scripts in the order in which they must run: hookmux's steps by name, then what libvirt runs by itself.
const IN_ORDER: [&str; 3] = ["20-hookmuxs", "30-guests", "10-libvirts"];

/// Links hookmux as the driver's hook, and puts a recording script into all three places.
pub(crate) fn put_scripts(host: &Host, driver: &str, calls: &[Call]) {
    host.link_hookmux(&[driver]);
    host.script(&format!("/etc/libvirt/hooks/{driver}.d/10-libvirts"), "");
    host.script(&format!("/etc/hookmux/{driver}.d/20-hookmuxs"), "");
    for (words, _) in calls {
        let [object, operation, sub_operation, _] = words.split(' ').collect::<Vec<_>>()[..] else {
            panic!("four words: {words}")
        };
        host.script(&format!("/etc/hookmux/{driver}.d/{object}/{operation}/{sub_operation}/30-guests"), "");
    }
}

/// The records when every script has run exactly once in each call, with the same words and the same document.
pub(crate) fn each_once(calls: &[Call]) -> Vec<String> {
    let lines = |(words, document): &Call| IN_ORDER.map(|script| format!("{words} {document} {script}"));
    calls.iter().flat_map(lines).collect()
}
