//! What a pointer in git's history names (git LFS).

use std::fmt;
use std::str::FromStr;

use crate::ParseIdError;

/// The SHA-256 of an object's content, in 64 lower-case hexadecimal digits: no path, and
/// safe as a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LfsOid(String);

impl LfsOid {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LfsOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LfsOid {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError {
                kind: "hash of an LFS object",
                text: text.chars().take(100).collect(),
                rule: "64 hexadecimal digits in lower case",
            })
        }
    }
}

/// An object, as its pointer has it. The size is part of it: a pointer may lie about it, and
/// then it names something that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LfsObject {
    /// The SHA-256 of its content.
    pub oid: LfsOid,
    /// Its size.
    pub size_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hash_is_an_oid() {
        let hash = "0123456789abcdef".repeat(4);
        assert_eq!(hash.parse::<LfsOid>().unwrap().as_str(), hash);
        for text in [
            "",
            &hash[1..],
            &hash.to_uppercase(),
            &format!("../{}", &hash[3..]),
        ] {
            text.parse::<LfsOid>().unwrap_err();
        }
    }
}
