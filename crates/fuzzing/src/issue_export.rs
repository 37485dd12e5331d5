//! Exports of issues, which somebody made and anybody may have changed.

use std::fmt::Write as _;
use std::fs;

use bucketload_archive::DataDir;
use bucketload_worker::fuzzing::unpack;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Attachments larger than this are refused here: small enough to be met.
const LARGEST_BYTES: u64 = 64 * 1024;

/// What is taken from an export is what stood in it.
///
/// # Panics
///
/// Where that does not hold.
pub fn issue_export(bytes: &[u8]) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("export");
    fs::write(&path, bytes).unwrap();
    let data = folder.path().join("data");
    let store = DataDir::new(&data).blobs(LARGEST_BYTES);
    let Ok(unpacked) = unpack(&path, &store, &CancellationToken::new()) else {
        return;
    };
    assert_eq!(unpacked.sha256, hash(bytes));
    if !bytes.starts_with(b"PK") {
        let text = std::str::from_utf8(bytes).unwrap();
        assert_eq!(unpacked.text, text.trim_start_matches('\u{feff}'));
    }
    for (name, blob) in &unpacked.blobs {
        assert!(name.starts_with("attachments/"), "{name}");
        let stored = store.path(&blob.sha256);
        assert!(stored.starts_with(&data), "{}", stored.display());
        let content = fs::read(stored).unwrap();
        assert_eq!(hash(&content), blob.sha256, "{name}");
        assert_eq!(content.len() as u64, blob.size_bytes, "{name}");
        assert!(blob.size_bytes <= LARGEST_BYTES, "{name}");
    }
    let strangers = fs::read_dir(folder.path()).unwrap().count();
    assert!(strangers <= 2, "something lies beside the data directory");
}

fn hash(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}
