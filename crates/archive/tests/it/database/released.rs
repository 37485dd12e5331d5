//! Migrations that were released stay as they are: databases were made with them.
//!
//! `migrations/checksums.sha256` lists them all; `sha256sum -c` reads it, too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

fn checksum(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn no_migration_is_ever_changed_or_removed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let list = folder.join("checksums.sha256");
    let listed = std::fs::read_to_string(&list).unwrap_or_default();
    let listed: BTreeMap<String, String> = listed
        .lines()
        .map(|line| {
            let (checksum, file) = line.split_once("  ").unwrap();
            (file.to_owned(), checksum.to_owned())
        })
        .collect();
    for (file, checksum_then) in &listed {
        let path = folder.join(file);
        assert!(path.exists(), "{file} was released and is gone");
        assert_eq!(
            checksum(&std::fs::read(path).unwrap()),
            *checksum_then,
            "{file} was released: databases out there were made with it. What it should have \
             done is for a new migration to do"
        );
    }
    let mut all = listed.clone();
    for database in ["postgres", "sqlite"] {
        for file in std::fs::read_dir(folder.join(database)).unwrap() {
            let file = file.unwrap();
            let name = format!("{database}/{}", file.file_name().display());
            all.insert(name, checksum(&std::fs::read(file.path()).unwrap()));
        }
    }
    assert!(all.len() >= 44, "{all:?}");
    if all != listed {
        let lines = all.iter().fold(String::new(), |mut lines, (file, sum)| {
            let _ = writeln!(lines, "{sum}  {file}");
            lines
        });
        std::fs::write(&list, lines).unwrap();
        panic!("migrations/checksums.sha256 lacked a migration; it is written anew, commit it");
    }
}
