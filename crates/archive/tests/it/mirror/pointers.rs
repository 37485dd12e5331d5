//! Pointers of git LFS, searched for in the packs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bucketload_archive::mirror::{Mirror, MirrorError, PointerSearch};
use tempfile::TempDir;

use super::fixture::{git, git_with};

fn text(number: usize) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{number:064x}\nsize {number}\n")
}

/// One pack with a file that holds a pointer for each of `numbers`, and sources beside it.
fn packed(folder: &Path, numbers: std::ops::Range<usize>, sources: usize) -> PathBuf {
    let path = folder.join("mirror.git");
    if !path.exists() {
        Mirror::open_or_init(&path).unwrap();
    }
    let first = numbers.start;
    let mut script = String::new();
    for number in numbers {
        let (pointer, source) = (text(number), "line\n".repeat(number % 300 + 250));
        write!(
            script,
            "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\ndata 1\nx\n",
            1_700_000_000 + number
        )
        .unwrap();
        if number > 0 && number == first {
            script.push_str("from refs/heads/main^0\n");
        }
        // One path: the next pointer is kept as the difference to the last.
        write!(
            script,
            "M 100644 inline big.bin\ndata {}\n{pointer}\n",
            pointer.len()
        )
        .unwrap();
        for source_number in 0..sources {
            let content = format!("{number} {source_number}\n{source}");
            write!(
                script,
                "M 100644 inline src/{}/{source_number}.txt\ndata {}\n{content}\n",
                number % 50,
                content.len()
            )
            .unwrap();
        }
    }
    git_with(
        &path,
        &[
            "-c",
            "fastimport.unpackLimit=0",
            "fast-import",
            "--quiet",
            "--force",
        ],
        script.as_bytes(),
    );
    path
}

fn search(path: &Path, searched: &BTreeSet<String>) -> PointerSearch {
    let mirror = Mirror::open(path).unwrap().unwrap();
    mirror.pointers(searched, &AtomicBool::new(false)).unwrap()
}

#[test]
fn every_pointer_is_found_however_it_is_packed_and_only_new_packs_are_searched() {
    let folder = TempDir::new().unwrap();
    let path = packed(folder.path(), 0..200, 1);
    let first = search(&path, &BTreeSet::new());
    assert_eq!(first.pointers.len(), 200);
    assert_eq!(first.packs.len(), 1);
    assert_eq!(search(&path, &first.packs).objects, 0);
    packed(folder.path(), 200..210, 0);
    let second = search(&path, &first.packs);
    assert_eq!(second.pointers.len(), 10);
    assert_eq!(second.packs.len(), 2);
    // Packed anew, pointers are kept as differences to each other.
    git(
        &path,
        &[
            "repack",
            "-q",
            "-a",
            "-d",
            "-f",
            "--depth=50",
            "--window=50",
        ],
    );
    let deltas = git(
        &path,
        &[
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(deltabase)",
        ],
    );
    let deltas = deltas.lines().filter(|base| !base.starts_with("0000"));
    assert!(deltas.count() > 150);
    let all = search(&path, &second.packs);
    assert_eq!(all.pointers.len(), 210);
    for pointer in &all.pointers {
        let content = git(&path, &["cat-file", "blob", &pointer.id.to_string()]);
        let number = usize::try_from(pointer.object.size_bytes).unwrap();
        assert_eq!(content, text(number).trim());
        assert_eq!(pointer.object.oid.as_str(), format!("{number:064x}"));
    }
}

#[test]
fn the_path_of_a_pointer_is_found_in_merges_and_roots_too() {
    let folder = TempDir::new().unwrap();
    let path = packed(folder.path(), 0..3, 0);
    let found = search(&path, &BTreeSet::new()).pointers;
    let ids: Vec<String> = found.iter().map(|one| one.id.to_string()).collect();
    let mirror = Mirror::open(&path).unwrap().unwrap();
    let paths = mirror.paths_of(&ids, &AtomicBool::new(false)).unwrap();
    assert_eq!(paths.len(), 3);
    assert!(paths.values().all(|path| path == "big.bin"));
    let unknown = ["0".repeat(39) + "1"];
    let nothing = mirror.paths_of(&unknown, &AtomicBool::new(false)).unwrap();
    assert!(nothing.is_empty());
}

#[test]
fn a_search_can_be_stopped_and_a_damaged_pack_is_noticed() {
    let folder = TempDir::new().unwrap();
    let path = packed(folder.path(), 0..3, 0);
    let mirror = Mirror::open(&path).unwrap().unwrap();
    let stopped = mirror.pointers(&BTreeSet::new(), &AtomicBool::new(true));
    assert!(matches!(stopped, Err(MirrorError::Cancelled)));
    for entry in fs::read_dir(path.join("objects/pack")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "idx") {
            fs::remove_file(&file).unwrap();
            fs::write(&file, "not an index").unwrap();
        }
    }
    let damaged = mirror.pointers(&BTreeSet::new(), &AtomicBool::new(false));
    assert!(
        matches!(damaged, Err(MirrorError::Corrupt { .. })),
        "{damaged:?}"
    );
}

/// Figures for the documentation, not a test:
/// `cargo test -p bucketload-archive --test it -- --ignored --nocapture measure_pointers`
#[test]
#[ignore = "takes minutes, and says figures"]
fn measure_pointers() {
    let folder = TempDir::new().unwrap();
    let path = packed(folder.path(), 0..60_000, 2);
    git(&path, &["repack", "-q", "-a", "-d", "-f", "--threads=2"]);
    for _ in 0..3 {
        let began = Instant::now();
        let found = search(&path, &BTreeSet::new());
        println!(
            "{} objects, {} pointers: searched in {:.2} s",
            found.objects,
            found.pointers.len(),
            began.elapsed().as_secs_f64()
        );
    }
    let began = Instant::now();
    git(&path, &["rev-list", "--objects", "--all", "--quiet"]);
    println!(
        "git rev-list --objects: {:.2} s",
        began.elapsed().as_secs_f64()
    );
}
