//! A service and two workers on machines that share a database and an object store and no
//! file: one of the workers is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bucketload_simulator::{IssueTracker, RequestKind, SeedOptions};

use super::life::Life;
use super::state::{Left, rows_on_server, until_complete};
use crate::postgres::{Database, server};
use crate::s3::{Bucket, KEY};
use crate::serving::Serving;
use crate::support::{Double, TOKEN, bare_command, files, git, run};

/// Each worker has its own, so that the log of requests tells them apart.
const TOKENS: [&str; 2] = [TOKEN, "simulator-access-token"];

/// A lease lasts 15 seconds, and elsewhere nobody sees that its holder is gone.
const PATIENCE: Duration = Duration::from_mins(4);

/// The repository with large files, a wiki, and issues with attachments.
const LARGE: &str = "seaside/lighthouse";

struct Bench {
    double: Double,
    folder: tempfile::TempDir,
    database: Database,
    bucket: Bucket,
    expected: BTreeMap<String, Left>,
    requests: u64,
}

/// A history with two large files.
fn history(folder: &Path) -> PathBuf {
    let work = folder.join("work");
    std::fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q", "--initial-branch=main"]);
    git(&work, &["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&work, &["branch", "topic"]);
    work
}

impl Bench {
    fn new(database: Database, bucket: Bucket) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = history(folder.path());
        let double = Double::seeded(SeedOptions {
            repositories: 3,
            pull_requests: 15,
            comments: 5,
            members: 5,
            git_commits: 8,
            wiki: true,
            issue_tracker: IssueTracker::Answers,
            issues: 8,
            git: [(LARGE.to_owned(), work.join(".git"))].into(),
            ..SeedOptions::default()
        });
        for name in ["here.psd", "there.psd"] {
            let pointer = double.control().put_lfs_object(LARGE, name.as_bytes());
            std::fs::write(work.join(name), pointer.unwrap()).unwrap();
        }
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "pictures"]);
        double.control().reset_log();

        let alone = folder.path().join("alone");
        double.run(&alone, &["import", "seaside"]).expect(0);
        let expected = ["lighthouse", "harbour", "compass"].map(|slug| {
            let name = format!("seaside/{slug}");
            (name.clone(), Left::of(&alone, folder.path(), &name))
        });
        let requests = double.control().requests().len() as u64;
        double.control().reset_log();
        Self {
            double,
            folder,
            database,
            bucket,
            expected: expected.into(),
            requests,
        }
    }

    fn data_dir(&self, machine: &str) -> PathBuf {
        self.folder.path().join(machine)
    }

    /// What every machine is told.
    fn set_up(&self, command: &mut Command) {
        command
            .env("BUCKETLOAD_DATABASE_URL", self.database.url())
            .env("BUCKETLOAD_OBJECT_STORE_URL", self.bucket.url())
            .env("BUCKETLOAD_S3_ENDPOINT", self.bucket.endpoint())
            .env("BUCKETLOAD_S3_ACCESS_KEY_ID", KEY.0)
            .env("BUCKETLOAD_S3_SECRET_ACCESS_KEY", KEY.1);
    }

    fn command(&self, machine: &str) -> Command {
        let mut command = self.double.command(&self.data_dir(machine));
        self.set_up(&mut command);
        command
    }

    fn worker(&self, machine: &str, token: &str) -> Life {
        let mut command = self.command(machine);
        command
            .env("BUCKETLOAD_BITBUCKET_TOKEN", token)
            .env("BUCKETLOAD_WORKER_CONCURRENCY", "2");
        Life::start(&mut command)
    }

    /// What was asked of repositories more than once, and how often too often.
    fn repeated(&self) -> BTreeMap<String, usize> {
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        for request in self.double.control().requests() {
            let is_of_one = request.target.starts_with("/2.0/repositories/");
            if request.kind == RequestKind::Rest && is_of_one {
                *asked.entry(request.target).or_default() += 1;
            }
        }
        asked.retain(|_, times| {
            *times -= 1;
            *times > 0
        });
        asked
    }

    /// Exports from a machine that has nothing, and compares.
    fn assert_all_is_there(&self, machine: &str) {
        let data_dir = self.data_dir(machine);
        for (name, expected) in &self.expected {
            let output = self.folder.path().join("exports");
            let mut command = bare_command(&data_dir);
            self.set_up(&mut command);
            command.args(["export", name, "--format", "jsonl", "--output"]);
            run(command.arg(&output)).expect(0);
            let export = files(&output.join(name));
            let left = Left::with_export(export, &data_dir, name);
            left.assert_same_as(expected, &data_dir, name);
        }
    }
}

#[test]
fn what_a_killed_worker_began_another_machine_completes() {
    let (Some(_), Some(bucket)) = (server(), Bucket::new()) else {
        return;
    };
    let Some(database) = Database::new() else {
        return;
    };
    let bench = Bench::new(database, bucket);
    let service = Serving::of(bench.command("service"), |command| {
        command.arg("--no-worker");
    });
    run(bench
        .command("service")
        .args(["import", "seaside", "--queue"]))
    .expect(0);
    bench.double.control().reset_log();
    let first = bench.worker("first", TOKENS[0]);
    let second = bench.worker("second", TOKENS[1]);
    let middle = bench.requests / 2;
    bench.double.runtime.block_on(async {
        let control = bench.double.control();
        tokio::time::timeout(PATIENCE, control.wait_for_request(middle))
            .await
            .unwrap();
    });
    first.kill();
    let url = bench.database.url();
    let runtime = &bench.double.runtime;
    runtime.block_on(until_complete(&url, PATIENCE));
    let rows = runtime.block_on(rows_on_server(&url));
    let slugs: Vec<&str> = rows.iter().map(|row| row.slug.as_str()).collect();
    assert_eq!(slugs, ["compass", "harbour", "lighthouse"]);
    // What was under way is asked for once more, and nothing else: eight of each stage.
    let repeated = bench.repeated();
    assert!(repeated.values().all(|times| *times == 1), "{repeated:#?}");
    let most = usize::try_from(bench.requests).unwrap() / 3;
    assert!(repeated.len() <= most, "{} of {most}", repeated.len());
    println!(
        "{} of {} requests were repeated",
        repeated.len(),
        bench.requests
    );
    assert!(service.get("/readyz").starts_with("HTTP/1.1 200"));
    let complete = r#"bucketload_imports{state="complete"}"#;
    assert_eq!(service.figure(complete), Some(3.0));
    service.stop();
    second.kill();

    // Bundles of three repositories and a wiki; large files and attachments.
    let keys = bench.bucket.keys();
    let of = |prefix: &str| {
        let prefix = format!("loads/ours/{prefix}/");
        keys.iter().filter(|key| key.starts_with(&prefix)).count()
    };
    assert!(of("git") >= 4, "{keys:#?}");
    assert!(of("blobs") > 2, "{keys:#?}");
    for machine in ["service", "first", "second"] {
        assert!(!bench.data_dir(machine).join("blobs/sha256").exists());
    }
    bench.assert_all_is_there("fresh");
    let mut verify = bare_command(&bench.data_dir("another"));
    bench.set_up(&mut verify);
    run(verify.arg("verify")).expect(0);
    // A third machine brings all of it up to date, and finds nothing to do.
    bench.double.control().reset_log();
    let update = run(bench.command("third").args(["import", "seaside", "--json"])).expect(0);
    assert!(update.stdout.contains("complete"), "{}", update.stdout);
    bench.assert_all_is_there("service");
}
