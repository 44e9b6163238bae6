//! Names of users and groups. In: a number. Out: the name, quoted, or the number. Reads /etc/passwd and /etc/group.
//!
//! getpwuid is not used: in a static binary with glibc it loads shared objects of the host, and all this is for a message.

use std::fs;

pub(crate) fn user(uid: u32) -> String {
    quoted(user_name(uid), uid)
}

pub(crate) fn group(gid: u32) -> String {
    let lines = fs::read_to_string("/etc/group").unwrap_or_default();
    quoted(find(&lines, gid).map(str::to_owned), gid)
}

/// Returns the name of a user as it is, if it has one.
pub(crate) fn user_name(uid: u32) -> Option<String> {
    find(&fs::read_to_string("/etc/passwd").ok()?, uid).map(str::to_owned)
}

fn quoted(name: Option<String>, number: u32) -> String {
    name.map_or_else(|| number.to_string(), |name| format!("'{name}'"))
}

/// Finds the name for a number: in both files, the name is the first field of a line, and the number the third.
fn find(lines: &str, number: u32) -> Option<&str> {
    lines.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_number() {
        let group = "root:x:0:\n# note\nstaff:x:50:alice,bob\nbroken\nx:y:z\n";
        assert_eq!([find(group, 50), find(group, 0), find(group, 5)], [Some("staff"), Some("root"), None]);
    }
}
