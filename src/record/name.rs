//! A name or path in a record: text if it is text, else its bytes. In and out: an `OsString`. Pure.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A guest's name, a path, or another word that may be any bytes. In JSON a string; where it is not UTF-8 an array of
/// the bytes' numbers, as `journalctl -o json` has it, so that nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(pub OsString);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_seq(self.0.as_bytes()),
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Bytes(Vec<u8>),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Text(text) => text.into(),
            Written::Bytes(bytes) => OsString::from_vec(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_survives_the_way_to_json_and_back() {
        let names: [(&[u8], &str); 5] = [
            (b"vm1", "\"vm1\""),
            (b"", "\"\""),
            (b"a\"b\n\\", r#""a\"b\n\\""#),
            ("ü\u{2028}".as_bytes(), "\"ü\u{2028}\""),
            (b"v\xff", "[118,255]"),
        ];
        for (bytes, json) in names {
            let name = Name(OsString::from_vec(bytes.to_vec()));
            assert_eq!(serde_json::to_string(&name).unwrap(), json);
            assert_eq!(serde_json::from_str::<Name>(json).unwrap(), name);
        }
    }
}
