//! Machines that share a database, and a folder for their files.

use std::path::PathBuf;
use std::process::Command;

use bucketload_simulator::{IssueTracker, SeedOptions};
use tempfile::TempDir;

use crate::postgres::Database;
use crate::support::{Double, Ran, assert_same, bare_command, files, git, run, small};

const NAME: &str = "seaside/lighthouse";

/// Machines of one archive.
struct Machines {
    folder: TempDir,
    database: Database,
}

impl Machines {
    fn new() -> Option<Self> {
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
            database: Database::new()?,
        })
    }

    fn data_dir(&self, machine: &str) -> PathBuf {
        self.folder.path().join(machine)
    }

    fn run(&self, mut command: Command, arguments: &[&str]) -> Ran {
        let store = self.folder.path().join("store");
        run(command
            .env("BUCKETLOAD_DATABASE_URL", self.database.url())
            .env(
                "BUCKETLOAD_OBJECT_STORE_URL",
                format!("file://{}", store.display()),
            )
            .args(arguments))
    }

    /// Exports on a machine.
    fn export(&self, machine: &str) -> PathBuf {
        let output = self.data_dir(&format!("export of {machine}"));
        let command = bare_command(&self.data_dir(machine));
        let path = output.to_str().unwrap();
        let arguments = ["export", NAME, "--format", "jsonl", "--output", path];
        self.run(command, &arguments).expect(0);
        output.join(NAME)
    }
}

/// Taken before Bitbucket had said what the repository is called for good, on one machine, it
/// is the repository's on the others.
#[test]
fn a_wiki_that_one_machine_took_the_others_have() {
    let Some(machines) = Machines::new() else {
        return;
    };
    let copy = machines.folder.path().join("kept");
    git(machines.folder.path(), &["init", "-q", "kept"]);
    git(&copy, &["commit", "-q", "--allow-empty", "-m", "Home"]);
    let offline = bare_command(&machines.data_dir("one"));
    let path = copy.to_str().unwrap();
    let arguments = ["import", NAME, "--offline", "--wiki", path];
    machines.run(offline, &arguments).expect(0);

    let double = Double::seeded(SeedOptions {
        wiki: false,
        ..small()
    });
    let online = double.command(&machines.data_dir("other"));
    machines.run(online, &["import", NAME]).expect(0);
    let [one, other] = ["one", "other"].map(|machine| machines.export(machine));
    assert!(one.join("wiki.bundle").exists());
    assert_same(&files(&one), &files(&other));
    for machine in ["one", "other", "fresh"] {
        let command = bare_command(&machines.data_dir(machine));
        machines.run(command, &["verify"]).expect(0);
    }
}

#[test]
fn what_is_read_back_on_one_machine_the_others_have() {
    let (Some(before), Some(after)) = (Machines::new(), Machines::new()) else {
        return;
    };
    let double = Double::seeded(SeedOptions {
        issue_tracker: IssueTracker::Answers,
        ..small()
    });
    let online = double.command(&before.data_dir("one"));
    before.run(online, &["import", NAME]).expect(0);
    let exported = before.export("one");
    let command = bare_command(&after.data_dir("one"));
    let path = exported.to_str().unwrap();
    after
        .run(command, &["import", "--from-export", path])
        .expect(0);
    let again = after.export("other");
    assert_same(&files(&exported), &files(&again));
    assert!(!after.data_dir("one").join("blobs/sha256").exists());
    // What the store loses is named.
    let blobs = after.folder.path().join("store/blobs");
    let lost = blobs.with_file_name("lost");
    std::fs::rename(&blobs, &lost).unwrap();
    let command = bare_command(&after.data_dir("other"));
    let proof = after.run(command, &["verify"]).expect(3);
    assert!(proof.stdout.contains("/blobs/sha256/"), "{}", proof.stdout);
    assert!(
        proof.stdout.contains("there is no such file"),
        "{}",
        proof.stdout
    );
    std::fs::rename(&lost, &blobs).unwrap();
    // It goes on from there.
    let online = double.command(&after.data_dir("third"));
    let report = after.run(online, &["import", NAME, "--json"]).expect(0);
    assert_eq!(report.report()["state"], "complete");
}
