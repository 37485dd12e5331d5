//! What `scripts/fuzz` looks at with invented bytes, looked at with what stands in the project:
//! its seeds, texts that mean harm, and recordings where there are some.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bucketload_archive::parse_lfs_pointer;
use bucketload_fuzzing::{SEED_OF_A_POINTER, TARGETS, Target, models, text};

use crate::support::shared;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn names(folder: &Path) -> BTreeSet<String> {
    let files = files(folder).into_iter();
    let stem = |file: PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(stem).collect()
}

/// Runs a target, and says what it was given where it fails.
fn run(target: Target, bytes: &[u8], name: &str) {
    let result = std::panic::catch_unwind(|| target(bytes));
    assert!(result.is_ok(), "see above: {name}");
}

#[test]
fn the_seeds_of_every_target_hold() {
    for (name, target) in TARGETS {
        let seeds = files(&root().join("fuzz/seeds").join(name));
        assert!(seeds.len() > 5, "{name}");
        for seed in seeds {
            run(
                target,
                &fs::read(&seed).unwrap(),
                &seed.display().to_string(),
            );
        }
    }
}

/// A target without a program is never run, a program without a target does not build.
#[test]
fn every_target_has_its_program_and_its_seeds() {
    let targets: BTreeSet<_> = TARGETS.map(|(name, _)| name.to_owned()).into();
    let fuzz = root().join("fuzz");
    assert_eq!(names(&fuzz.join("fuzz_targets")), targets);
    assert_eq!(names(&fuzz.join("seeds")), targets);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let readme = fs::read_to_string(root().join("crates/fuzzing/README.md")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
        let program = fuzz.join("fuzz_targets").join(name).with_extension("rs");
        let program = fs::read_to_string(program).unwrap();
        assert!(program.contains(&format!("bucketload_fuzzing::{name}(")));
    }
}

#[test]
fn no_text_that_means_harm_comes_alive() {
    let corpus = include_str!("../../crates/server/tests/it/corpus.txt").lines();
    for line in corpus.filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        for around in [
            line.to_owned(),
            format!("[a]({line})"),
            format!("![a]({line})"),
            format!("[a]: {line}\n\n[a]"),
        ] {
            run(text, around.as_bytes(), line);
        }
    }
}

/// What git LFS itself takes for a pointer, we do, too.
#[test]
fn git_lfs_and_we_know_the_same_pointers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pointer");
    let mut pointers = 0;
    for seed in files(&root().join("fuzz/seeds/lfs_pointer")) {
        let bytes = fs::read(&seed).unwrap();
        let bytes = bytes.strip_prefix(SEED_OF_A_POINTER).unwrap_or(&bytes);
        fs::write(&file, bytes).unwrap();
        let mut check = Command::new("git");
        check
            .args(["lfs", "pointer", "--check", "--file"])
            .arg(&file);
        let is_pointer = check.output().unwrap().status.success();
        pointers += usize::from(is_pointer);
        let ours = parse_lfs_pointer(bytes);
        assert_eq!(ours.is_some(), is_pointer, "{}", seed.display());
    }
    assert!(pointers > 5, "{pointers}");
}

#[test]
fn recorded_answers_hold() {
    let Some(folder) = shared("recorded") else {
        eprintln!("skipped: no recordings on this machine");
        return;
    };
    let mut folders = vec![folder];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for file in files(&folder) {
            if file.is_dir() {
                folders.push(file);
            } else if file
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                count += 1;
                run(
                    models,
                    &fs::read(&file).unwrap(),
                    &file.display().to_string(),
                );
            }
        }
    }
    assert!(count > 10, "{count}");
}
