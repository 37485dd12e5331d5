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

/// The object that a file points to, if the file is a pointer. Lines that are not known are
/// those of extensions.
pub(crate) fn parse(content: &[u8]) -> Option<LfsObject> {
    if content.len() as u64 > LONGEST_BYTES {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?.trim();
    let mut lines = text.lines();
    let version = lines.next()?.strip_prefix("version ")?.trim();
    if !VERSIONS.contains(&version) {
        return None;
    }
    let (mut oid, mut size_bytes) = (None, None);
    for line in lines {
        let (key, value) = line.split_once(' ')?;
        match key {
            "oid" => oid = value.strip_prefix("sha256:")?.parse().ok(),
            // More than a signed number of 64 bits holds is no size in git LFS either.
            "size" => size_bytes = value.parse::<i64>().ok()?.try_into().ok(),
            _ => {}
        }
    }
    Some(LfsObject {
        oid: oid?,
        size_bytes: size_bytes?,
    })
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
