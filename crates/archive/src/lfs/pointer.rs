//! Pointers: the small files that stand in git's history for large ones.
//!
//! <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>

use bucketload_model::LfsObject;

/// A pointer has less than 1,024 bytes, by its specification.
pub(crate) const LONGEST_BYTES: u64 = 1_023;

/// The first line: today's, and those of the time before the first release, which
/// `git lfs` still reads.
const VERSIONS: [&str; 3] = [
    "https://git-lfs.github.com/spec/v1",
    "https://hawser.github.com/spec/v1",
    "http://git-media.io/v/2",
];

/// The lines that every pointer has, in their order.
const KEYS: [&str; 3] = ["version", "oid", "size"];

/// The object that a file points to, if the file is a pointer: to `git lfs`, which is lenient
/// about empty lines and spaces, or by the specification, which has room for lines that are not
/// known yet. Those and the lines of extensions are not looked at.
///
/// To `git lfs` an empty file is one as well, and points to nothing.
pub fn parse(content: &[u8]) -> Option<LfsObject> {
    if content.len() as u64 > LONGEST_BYTES {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?.trim();
    let mut values = [""; KEYS.len()];
    let mut known = 0;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once(' ')?;
        if KEYS.get(known) == Some(&key) {
            values[known] = value;
            known += 1;
        } else if KEYS.contains(&key) || !(is_extension(key) || known > 0 && may_be_key(key)) {
            return None;
        }
    }
    let [version, oid, size] = values;
    if !VERSIONS.contains(&version) {
        return None;
    }
    // More than a signed number of 64 bits holds is no size in git LFS either.
    let size: i64 = size.parse().ok()?;
    Some(LfsObject {
        oid: oid.strip_prefix("sha256:")?.parse().ok()?,
        size_bytes: size.try_into().ok()?,
    })
}

/// Their names are freer than those of other lines, and `git lfs` takes them in any place.
fn is_extension(key: &str) -> bool {
    key.starts_with("ext-")
}

fn may_be_key(key: &str) -> bool {
    let is_letter = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    !key.is_empty() && key.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    fn size(text: &str) -> Option<u64> {
        parse(text.as_bytes()).map(|object| object.size_bytes)
    }

    #[test]
    fn pointers_of_all_ages_are_read() {
        for version in VERSIONS {
            let text = format!("version {version}\noid sha256:{OID}\nsize 12345\n");
            let object = parse(text.as_bytes()).unwrap();
            assert_eq!((object.oid.as_str(), object.size_bytes), (OID, 12_345));
        }
        let [version, ..] = VERSIONS;
        let extended =
            format!("version {version}\next-0-foo sha256:{OID}\noid sha256:{OID}\nsize 7\n");
        assert_eq!(size(&extended), Some(7));
        let windows = format!("version {version}\r\noid sha256:{OID}\r\nsize 7\r\n");
        assert_eq!(size(&windows), Some(7));
        let without_end = format!("version {version}\noid sha256:{OID}\nsize 7");
        assert_eq!(size(&without_end), Some(7));
        for as_git_lfs_reads_it in [
            format!("\n version {version}\n\noid sha256:{OID}\n\nsize +7 \n\n"),
            format!("ext-0-Foo_1 sha256:{OID}\nversion {version}\noid sha256:{OID}\nsize 7\n"),
        ] {
            assert_eq!(size(&as_git_lfs_reads_it), Some(7));
        }
        let of_tomorrow = format!("version {version}\nmedia image/png\noid sha256:{OID}\nsize 7\n");
        assert_eq!(size(&of_tomorrow), Some(7));
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        let [version, ..] = VERSIONS;
        for text in [
            String::new(),
            format!("oid sha256:{OID}\nsize 7\nversion {version}\n"),
            format!("version https://example.com/\noid sha256:{OID}\nsize 7\n"),
            format!("version {version}\noid sha256:{}\nsize 7\n", &OID[1..]),
            format!(
                "version {version}\noid sha256:../../{}\nsize 7\n",
                &OID[6..]
            ),
            format!("version {version}\noid md5:{OID}\nsize 7\n"),
            format!("version {version}\noid sha256:{OID}\n"),
            format!("version {version}\noid sha256:{OID}\nsize -7\n"),
            format!("version {version}\nsize 7\noid sha256:{OID}\n"),
            format!("version {version}\noid sha256:{OID}\noid sha256:{OID}\nsize 7\n"),
            format!("media image/png\nversion {version}\noid sha256:{OID}\nsize 7\n"),
            format!("version {version}\n# sha256:{OID}\noid sha256:{OID}\nsize 7\n"),
            format!("version {version}\nalone\noid sha256:{OID}\nsize 7\n"),
            format!("version  {version}\noid sha256:{OID}\nsize 7\n"),
            format!("version {version}\noid sha256:{OID}\nsize  7\n"),
            format!("version {version}\noid sha256:{OID}\nsize 9223372036854775808\n"),
            format!(
                "version {version}\noid sha256:{OID}\nsize 7\n{}",
                " x".repeat(600)
            ),
        ] {
            assert_eq!(size(&text), None, "{text}");
        }
        let largest = format!("version {version}\noid sha256:{OID}\nsize {}\n", i64::MAX);
        assert_eq!(size(&largest), Some(i64::MAX.unsigned_abs()));
    }
}
