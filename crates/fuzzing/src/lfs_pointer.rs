//! Pointers of git LFS, which anybody who pushes can write.

use bucketload_archive::parse_lfs_pointer;

/// The first line of a seed, which is not looked at: a file of this repository that began as
/// pointers do would be one, and name an object that is nowhere.
pub const SEED_OF_A_POINTER: &[u8] = b"# a seed\n";

/// A pointer that is read says what the file says, and is read again when it is written as git
/// LFS writes it.
///
/// # Panics
///
/// Where that does not hold.
pub fn lfs_pointer(bytes: &[u8]) {
    let bytes = bytes.strip_prefix(SEED_OF_A_POINTER).unwrap_or(bytes);
    let Some(object) = parse_lfs_pointer(bytes) else {
        return;
    };
    let text = std::str::from_utf8(bytes).unwrap();
    let oid = format!("\noid sha256:{}", object.oid);
    assert!(format!("\n{text}").contains(&oid), "{object:?}");
    let size = object.size_bytes.to_string();
    assert!(text.contains(&size), "{object:?}");

    let url = "https://git-lfs.github.com/spec/v1";
    let canonical = format!("version {url}\noid sha256:{}\nsize {size}\n", object.oid);
    assert_eq!(parse_lfs_pointer(canonical.as_bytes()), Some(object));
}
