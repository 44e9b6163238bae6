//! Any bytes as /proc/PID/maps: nothing may panic, the answer does not hang on how the bytes come, and it stands in a line
//! with the library's name: `cargo +nightly fuzz run --fuzz-dir tests/fuzz maps`.
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
    let said = text.split("/libvirt.so.0.").skip(1).map(|rest| rest.split(['.', '\n']).next().unwrap_or_default());
    assert!(said.map(str::parse::<u32>).any(|said| said == Ok(number)), "{version:?}");
    // The first line that says so counts, whatever comes after it.
    let longer = [bytes, b"\n1-2 r-xp 0 00:00 0 /x/libvirt.so.0.1002.0\n"].concat();
    assert_eq!(version_in_maps(&longer[..]).unwrap(), Some(version));
});
