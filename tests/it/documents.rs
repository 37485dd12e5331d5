//! Documents say what is true.

use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let reasons = read("docs/DEPENDENCIES.md");
    let mut count = 0;
    for line in section.lines() {
        let Some((name, _)) = line.split_once(" = ") else {
            continue;
        };
        if name.starts_with("bucketload-") || name.starts_with('#') {
            continue;
        }
        count += 1;
        let named = reasons
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
            .any(|cell| cell.split(", ").any(|one| one == name));
        assert!(
            named,
            "docs/DEPENDENCIES.md does not say why {name} is there"
        );
    }
    assert!(count > 20);
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/DECISIONS.md",
        "docs/ARCHITECTURE.md",
        "docs/CREDENTIALS.md",
        "docs/SERVER.md",
        "docs/METRICS.md",
        "docs/OPERATIONS.md",
    ] {
        let text = read(page);
        let folder = root.join(page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if !target.starts_with("http") {
                assert!(folder.join(target).exists(), "{page}: {target}");
            }
        }
    }
}

#[test]
fn the_schema_in_the_documents_names_every_table() {
    let page = read("docs/ARCHIVE.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let schema = std::fs::read_dir(folder)
        .unwrap()
        .fold(String::new(), |all, entry| {
            all + &std::fs::read_to_string(entry.unwrap().path()).unwrap()
        });
    for line in schema.lines() {
        if let Some(rest) = line.strip_prefix("create table ") {
            let table = rest.split(' ').next().unwrap();
            assert!(page.contains(&format!("`{table}`")), "{table}");
        }
    }
}
