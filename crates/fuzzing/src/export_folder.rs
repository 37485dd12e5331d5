//! Exports of our own, which somebody may have changed.

use std::fs;
use std::path::{Component, Path};
use std::sync::atomic::AtomicBool;

use bucketload_archive::ExportFolder;
use tempfile::TempDir;

use crate::support::head_and_body;

/// A file of an export lies in its folder, whatever its manifest says.
///
/// # Panics
///
/// Where it does not.
pub fn export_folder(bytes: &[u8]) {
    let (manifest, lines) = head_and_body(bytes);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("manifest.json"), manifest).unwrap();
    let Ok(export) = ExportFolder::open(folder.path()) else {
        return;
    };
    for name in export.manifest().files.keys() {
        let mut parts = Path::new(name).components();
        assert!(
            parts.all(|part| matches!(part, Component::Normal(_))),
            "{name}"
        );
        let path = export.file(name).unwrap();
        assert!(path.starts_with(folder.path()), "{name}");
        // One file is enough to read.
        if name == "pull_requests.jsonl" {
            fs::write(&path, lines).unwrap();
            read(&export, name);
        }
    }
    let _ = export.check(&AtomicBool::new(false));
    assert!(export.settings().all(|name| !name.contains(['/', '.'])));
    assert!(export.diffs().all(|(file, ..)| export.file(file).is_some()));
    assert!(export.blobs().all(|hash| hash.len() == 64));
    assert!(export.lfs_objects().all(|oid| oid.as_str().len() == 64));
}

/// What is read of a line is what stands there, and reading ends.
fn read(export: &ExportFolder, name: &str) {
    let path = export.file(name).unwrap();
    let content = fs::read(path).unwrap();
    let longest = content.split(|byte| *byte == b'\n').count();
    let lines = export.lines(name).unwrap();
    for (count, line) in lines.enumerate() {
        assert!(count < longest, "more lines than there are");
        if let Ok(line) = line {
            let source = line.source.get().as_bytes();
            let is_there = content.windows(source.len()).any(|part| part == source);
            assert!(is_there, "{}", line.source);
        }
    }
}
