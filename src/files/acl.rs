//! The users and groups that may write to a file by its POSIX ACL. In: the extended attribute. Out: users and groups.
//! Pure, except for `writers`, which reads.
//!
//! With an ACL, the group bits of a mode are its mask: they no longer state what the group may do, and the mode does not
//! show what the named users and groups may do. The layout is the kernel's (`include/uapi/linux/posix_acl_xattr.h`).

use std::path::Path;

use nix::errno::Errno;
use rustix::io::Errno as Error;

const NAME: &str = "system.posix_acl_access";

/// The longest value that the kernel returns for an extended attribute, in bytes (`XATTR_SIZE_MAX`).
const LONGEST: usize = 1 << 16;

/// Bytes for an ACL of 127 entries. More are read into memory of their own.
const USUAL: usize = 1 << 10;

const VERSION: u32 = 2;
const HEADER: usize = 4;
const ENTRY: usize = 8;
const WRITE: u16 = 2;

const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// A user or group that an ACL names and that may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AclWriter {
    User(u32),
    Group(u32),
}

/// Reads which users and groups the ACL of a file lets write to it; none if it has no ACL.
///
/// # Errors
/// Those of reading the attribute; EINVAL for one that is not understood.
pub(crate) fn writers(path: &Path) -> Result<Vec<AclWriter>, Errno> {
    let mut usual = [0; USUAL];
    let read = match rustix::fs::lgetxattr(path, NAME, &mut usual) {
        Err(Error::RANGE) => {
            let mut longest = vec![0; LONGEST];
            rustix::fs::lgetxattr(path, NAME, longest.as_mut_slice()).map(|length| parse(longest.get(..length)?))
        }
        length => length.map(|length| parse(usual.get(..length)?)),
    };
    match read {
        Ok(writers) => writers.ok_or(Errno::EINVAL),
        Err(Error::NODATA | Error::OPNOTSUPP) => Ok(Vec::new()),
        Err(error) => Err(Errno::from_raw(error.raw_os_error())),
    }
}

/// Returns the named users and groups that may write; `None` for what is not an ACL as the kernel writes it.
fn parse(value: &[u8]) -> Option<Vec<AclWriter>> {
    let (version, entries) = value.split_first_chunk::<HEADER>()?;
    if u32::from_le_bytes(*version) != VERSION || entries.len() % ENTRY != 0 {
        return None;
    }
    let entries = entries.chunks_exact(ENTRY).map(|entry| match *entry {
        [tag, tag_high, permissions, permissions_high, a, b, c, d] => {
            let (tag, permissions) =
                (u16::from_le_bytes([tag, tag_high]), u16::from_le_bytes([permissions, permissions_high]));
            [USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER].contains(&tag).then_some((
                tag,
                permissions & WRITE != 0,
                u32::from_le_bytes([a, b, c, d]),
            ))
        }
        _ => None,
    });
    let entries: Vec<(u16, bool, u32)> = entries.collect::<Option<_>>()?;
    let is_masked = entries.iter().any(|(tag, writes, _)| *tag == MASK && !writes);
    let writers = entries.into_iter().filter(|(_, writes, _)| *writes && !is_masked);
    let writers = writers.filter_map(|(tag, _, id)| match tag {
        USER => Some(AclWriter::User(id)),
        GROUP => Some(AclWriter::Group(id)),
        _ => None,
    });
    Some(writers.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNDEFINED: u32 = u32::MAX;

    fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let entry = |(tag, permissions, id): &(u16, u16, u32)| {
            [tag.to_le_bytes().as_slice(), &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        [VERSION.to_le_bytes().to_vec()].into_iter().chain(entries.iter().map(entry)).collect::<Vec<_>>().concat()
    }

    #[test]
    fn named_users_and_groups_that_may_write_are_found_unless_the_mask_forbids_it() {
        let base = [(USER_OBJ, 7, UNDEFINED), (GROUP_OBJ, 7, UNDEFINED), (OTHER, 5, UNDEFINED)];
        let with = |more: &[(u16, u16, u32)]| parse(&acl(&[&base, more].concat()));
        assert_eq!(with(&[]), Some(vec![]));
        assert_eq!(with(&[(USER, 7, 9), (MASK, 7, UNDEFINED)]), Some(vec![AclWriter::User(9)]));
        assert_eq!(with(&[(GROUP, 2, 9), (MASK, 7, UNDEFINED)]), Some(vec![AclWriter::Group(9)]));
        assert_eq!(with(&[(USER, 5, 9), (GROUP, 4, 9), (MASK, 7, UNDEFINED)]), Some(vec![]));
        assert_eq!(with(&[(USER, 7, 9), (MASK, 5, UNDEFINED)]), Some(vec![]));
    }

    #[test]
    fn an_attribute_that_the_kernel_would_not_write_is_invalid() {
        let good = acl(&[(USER_OBJ, 7, UNDEFINED)]);
        let other_version = [&[3, 0, 0, 0], good.get(4..).unwrap()].concat();
        for bad in [&b""[..], b"\x02", good.get(..11).unwrap(), &other_version, &acl(&[(0x40, 7, 0)])] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
