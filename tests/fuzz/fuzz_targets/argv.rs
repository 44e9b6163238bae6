//! Arguments of any bytes, each ended by NUL, read as argv: nothing may panic, no argument is lost, a guest's name is in no
//! path, and a message is one line: `cargo +nightly fuzz run --fuzz-dir tests/fuzz argv`.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use hookmux::call::contract::{self, Failure};
use hookmux::call::invocation::{OWN_NAMES, Role, role};
use hookmux::files::paths;
use hookmux::plan::guest;
use hookmux::verdict::messages;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let argv: Vec<OsString> = bytes.split(|byte| *byte == 0).map(|arg| OsString::from_vec(arg.to_vec())).collect();
    let Role::Hook(call) = role(argv.iter().cloned()) else {
        let name = Path::new(&argv[0]).file_name();
        assert!(
            argv[0].is_empty()
                || argv[0].as_bytes().ends_with(b"/")
                || name.is_some_and(|name| OWN_NAMES.iter().any(|own| name == *own))
        );
        return;
    };
    assert!(
        !call.driver.is_empty()
            && !OWN_NAMES.iter().any(|own| call.driver == *own)
            && !call.driver.as_bytes().contains(&b'/')
    );
    assert_eq!(call.args, argv[1..]);

    // One row; the strictest one for an unknown operation.
    assert_eq!(call.row, contract::look_up(&call.driver, &call.operation));
    let known = contract::ROWS.iter().any(|row| call.driver == row.driver && row.is_called(&call.operation));
    assert!(known || call.row.failure == Failure::Aborts);

    for directory in paths::directories(Path::new("/"), &call.base, &call.driver) {
        let name = [call.driver.as_bytes(), b".d"].concat();
        assert!(directory.path.as_os_str().as_bytes().ends_with(&name), "{directory:?}");
    }
    assert!(!messages::call(&call).chars().any(char::is_control));
    assert_eq!(guest::fits(&call.object, &call.object), Some(guest::Fit::Exact));
});
