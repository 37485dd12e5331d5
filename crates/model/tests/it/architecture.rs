//! Arrows point down only, and every outside library stays in its room.
//!
//! Development dependencies are free: tests may use what they test with.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate of the house may build on, without the name they share.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "server",
            "worker",
            "archive",
            "bitbucket",
            "notify",
            "auth",
            "model",
            "simulator",
        ],
    ),
    (
        "server",
        &["worker", "archive", "bitbucket", "auth", "model"],
    ),
    (
        "worker",
        &["archive", "bitbucket", "notify", "auth", "model"],
    ),
    ("archive", &["auth", "model"]),
    ("bitbucket", &["auth", "model"]),
    ("notify", &["model"]),
    ("auth", &["model"]),
    ("model", &[]),
    ("simulator", &[]),
    // Not of the program: what tests by chance look at.
    (
        "fuzzing",
        &["server", "worker", "archive", "bitbucket", "auth", "model"],
    ),
];

/// Outside libraries that belong to some crates alone; `*` stands for any ending.
const ROOMS: &[(&str, &[&str])] = &[
    ("sqlx*", &["archive"]),
    ("axum*", &["server", "simulator"]),
    ("maud", &["server"]),
    ("prometheus*", &["server"]),
    ("indicatif", &["cli"]),
    ("clap*", &["cli"]),
    ("apalis*", &["worker"]),
    ("git2", &["archive"]),
    ("gix*", &["archive"]),
    ("oauth2", &["auth"]),
    ("ring", &["auth", "notify", "server"]),
    ("lettre", &["notify"]),
];

/// The normal and build dependencies of every crate of the house. The end-to-end tests stand
/// outside of it and may use all.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let house = format!("{}/crates/", metadata["workspace_root"].as_str().unwrap());
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .filter(|package| {
            let manifest = package["manifest_path"].as_str();
            manifest.is_some_and(|manifest| manifest.starts_with(&house))
        })
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let names = dependencies
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| short(&dependency["name"]));
            (short(&package["name"]), names.collect())
        })
        .collect()
}

/// The name of a crate of the house without what all share; the command has no other.
fn short(name: &Value) -> String {
    let name = name.as_str().unwrap();
    match name {
        "bucketload" => "cli".to_owned(),
        _ => name.strip_prefix("bucketload-").unwrap_or(name).to_owned(),
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// What breaks the rules, in words.
fn offences(dependencies: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut offences = Vec::new();
    for (krate, uses) in dependencies {
        let allowed = arrows.get(krate.as_str()).copied().unwrap_or_default();
        for used in uses {
            let is_ours = dependencies.contains_key(used);
            if is_ours && !allowed.contains(&used.as_str()) {
                offences.push(format!("{krate} must not build on {used}"));
            }
            for (library, rooms) in ROOMS {
                if fits(library, used) && !rooms.contains(&krate.as_str()) {
                    offences.push(format!("{used} belongs in {rooms:?}, not in {krate}"));
                }
            }
        }
    }
    offences
}

#[test]
fn arrows_point_down_and_libraries_stay_in_their_rooms() {
    let dependencies = dependencies();
    for krate in [
        "cli",
        "server",
        "worker",
        "archive",
        "bitbucket",
        "notify",
        "auth",
        "model",
    ] {
        assert!(dependencies.contains_key(krate), "{krate} is not there");
    }
    assert_eq!(offences(&dependencies), [""; 0]);
}

#[test]
fn every_crate_of_the_house_has_its_place() {
    for krate in dependencies().keys() {
        let is_known = ARROWS.iter().any(|(known, _)| known == krate);
        assert!(is_known, "{krate} has no place in ARROWS");
    }
}

#[test]
fn the_simulator_is_known_to_the_command_alone() {
    for (krate, uses) in dependencies() {
        assert!(!uses.contains("simulator") || krate == "cli", "{krate}");
    }
}

/// The rules hold nothing up unless breaking them shows.
#[test]
fn every_rule_can_be_broken() {
    for (krate, library, offence) in [
        ("model", "auth", "model must not build on auth"),
        (
            "bitbucket",
            "archive",
            "bitbucket must not build on archive",
        ),
        ("worker", "simulator", "worker must not build on simulator"),
        ("simulator", "model", "simulator must not build on model"),
        ("auth", "archive", "auth must not build on archive"),
        ("worker", "sqlx", "sqlx belongs in"),
        ("cli", "axum", "axum belongs in"),
        ("cli", "maud", "maud belongs in"),
        ("worker", "server", "worker must not build on server"),
        ("worker", "indicatif", "indicatif belongs in"),
        ("archive", "clap", "clap belongs in"),
        ("cli", "apalis-sqlite", "apalis-sqlite belongs in"),
        ("worker", "gix-hash", "gix-hash belongs in"),
        ("cli", "git2", "git2 belongs in"),
        ("notify", "archive", "notify must not build on archive"),
        ("worker", "lettre", "lettre belongs in"),
    ] {
        let mut broken = dependencies();
        broken
            .entry(krate.to_owned())
            .or_default()
            .insert(library.to_owned());
        let offences = offences(&broken);
        assert_eq!(offences.len(), 1, "{krate} on {library}: {offences:?}");
        assert!(offences[0].starts_with(offence), "{offences:?}");
    }
}
