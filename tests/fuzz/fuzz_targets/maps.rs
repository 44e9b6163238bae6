//! Any bytes as /proc/PID/maps: nothing may panic, the version does not depend on how the bytes are split, and it is in a
//! line with the library's name: `cargo +nightly fuzz run --fuzz-dir tests/fuzz maps`.
#![no_main]

use std::io::BufReader;

use hookmux::call::caller::version_in_maps;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let version = version_in_maps(bytes).unwrap();
    assert_eq!(version_in_maps(BufReader::with_capacity(1, bytes)).unwrap(), version);
    let Some(version) = version else { return };
    let number = version.major.checked_mul(1000).and_then(|thousands| thousands.checked_add(version.minor)).unwrap();
    assert!(version.minor < 1000);
    let text = String::from_utf8_lossy(bytes);
    let mut numbers =
    text.split("/libvirt.so.0.").skip(1).map(|rest| rest.split(['.', '\n']).next().unwrap_or_default());
    assert!(numbers.any(|text| text.parse::<u32>() == Ok(number)), "{version:?}");
    // The first line with a version counts, not a later one.
    let longer = [bytes, b"\n1-2 r-xp 0 00:00 0 /x/libvirt.so.0.1002.0\n"].concat();
    assert_eq!(version_in_maps(&longer[..]).unwrap(), Some(version));
});
