//! Documents say what is true.

use std::collections::BTreeSet;
use std::path::Path;

use crate::figures::TABLE;
use crate::named_commands::pages;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The names of the packages that the house takes from others.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let dependencies = manifest["workspace"]["dependencies"].as_table().unwrap();
    let names = dependencies.keys();
    names
        .filter(|name| !name.starts_with("bucketload-"))
        .cloned()
        .collect()
}

/// What the table of reasons names in its first column.
fn reasons(page: &str) -> BTreeSet<String> {
    let (_, table) = page.split_once("|---|---|---|\n").unwrap();
    let rows = table.lines().map_while(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let names = cells.flat_map(|cells| {
        assert_eq!(cells.len(), 3, "{cells:?}");
        assert!(cells[2].len() > 5, "{cells:?}");
        cells[0].split(", ").map(ToOwned::to_owned)
    });
    names.collect()
}

#[test]
fn every_dependency_has_its_reason_and_every_reason_its_dependency() {
    let reasons = reasons(&read("docs/DEPENDENCIES.md"));
    assert!(reasons.len() > 20);
    assert_eq!(reasons, dependencies());
}

/// What comes from elsewhere nobody looked at.
#[test]
fn every_package_comes_from_crates_io() {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 100);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let source = package.get("source").and_then(toml::Value::as_str);
        match source {
            None => assert!(name.split('-').next() == Some("bucketload"), "{name}"),
            Some(source) => {
                let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
                assert_eq!(source, crates_io, "{name}");
                assert!(package.get("checksum").is_some(), "{name}");
            }
        }
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if !target.starts_with("http") {
                let exists = folder.join(target).exists();
                assert!(exists, "{}: {target}", page.display());
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

/// Whoever measures gets the same table as the one that stands there, with other figures.
#[test]
fn the_table_of_figures_has_the_rows_of_the_benchmark() {
    let page = read("docs/BENCHMARKS.md");
    let (_, table) = page.split_once("<!-- figures").unwrap();
    let (table, _) = table.split_once("<!-- end of figures -->").unwrap();
    let lines = table.lines().filter_map(|line| line.strip_prefix("| "));
    let rows: Vec<Vec<&str>> = lines
        .skip(1)
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(
        rows.len(),
        TABLE.len(),
        "scripts/bench --write makes it anew"
    );
    for (row, figure) in rows.iter().zip(TABLE) {
        let [name, _, against, _, targets, _] = row[..] else {
            panic!("{row:?}");
        };
        assert_eq!(name, figure.name);
        assert!(
            against.starts_with(figure.against.unwrap_or_default()),
            "{row:?}"
        );
        assert_eq!(against.is_empty(), figure.against.is_none(), "{row:?}");
        let mut targets = targets.split("; ");
        for wanted in figure.targets {
            let target = targets.next().unwrap_or_default();
            let target = target.split(": ").next();
            assert_eq!(target, Some(wanted.text(figure.unit).as_str()), "{row:?}");
        }
        // The part before the colon is said what it is.
        let group = figure.name.split(':').next().unwrap();
        assert!(page.contains(&format!("\n| {group} | ")), "{group}");
    }
}
