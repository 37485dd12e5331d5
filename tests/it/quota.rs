//! The quota, kept by every process that uses it.

use std::path::Path;
use std::process::{Child, Output, Stdio};

use bucketload_simulator::{RateLimit, RetryHint, SeedOptions};

use crate::postgres::Database;
use crate::support::{Double, Ran, stage};

/// Requests in a window of two seconds; five in a hundred are kept back.
const LIMIT: u64 = 100;

fn world(repositories: usize, pull_requests: u64) -> SeedOptions {
    SeedOptions {
        repositories,
        pull_requests,
        comments: 2,
        git_commits: 4,
        ..SeedOptions::default()
    }
}

fn import(double: &Double, folder: &Path, repository: &str) -> Child {
    let database = format!("sqlite://{}", folder.join("shared.db").display());
    import_into(double, folder, repository, &database)
}

fn import_into(double: &Double, folder: &Path, repository: &str, database: &str) -> Child {
    double
        .command(&folder.join(repository))
        .env("BUCKETLOAD_DATABASE_URL", database)
        .env("BUCKETLOAD_REST_QUOTA", LIMIT.to_string())
        .env("BUCKETLOAD_QUOTA_WINDOW_SECONDS", "2")
        .args(["import", &format!("seaside/{repository}"), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(child: Child) -> Ran {
    let output: Output = child.wait_with_output().unwrap();
    Ran::from(output).expect(0)
}

/// The simulator refuses what is too much, so a refusal would show in its log.
fn limited(options: SeedOptions) -> Double {
    let double = Double::seeded(options);
    double.control().set_rate_limit(Some(RateLimit {
        anonymous: LIMIT,
        credential: LIMIT,
        window_seconds: 2,
        hint: RetryHint::None,
    }));
    double
}

#[track_caller]
fn assert_never_refused(double: &Double) -> usize {
    let log = double.control().requests();
    let refused = log.iter().filter(|one| one.status == Some(429));
    let refused: Vec<_> = refused.map(|one| (one.kind, &one.target)).collect();
    assert!(refused.is_empty(), "of {} requests: {refused:?}", log.len());
    log.len()
}

#[test]
fn a_thousand_requests_with_a_quota_of_a_hundred() {
    let folder = tempfile::tempdir().unwrap();
    let double = limited(world(1, 1_450));
    let ran = end(import(&double, folder.path(), "lighthouse"));
    let requests = assert_never_refused(&double);
    assert!(requests > 950, "{requests}");
    assert_eq!(ran.report()["state"], "complete");
    assert_eq!(stage(&ran.report(), "pull_requests")["stored"], 1_450);
    // Nobody has to guess why nothing moves.
    assert!(
        ran.stderr.contains("waits for quota until"),
        "{}",
        ran.stderr
    );
}

#[test]
fn two_processes_share_one_quota() {
    let folder = tempfile::tempdir().unwrap();
    let double = limited(world(2, 400));
    let both = ["lighthouse", "harbour"].map(|name| import(&double, folder.path(), name));
    for ran in both.map(end) {
        assert_eq!(ran.report()["state"], "complete");
    }
    let requests = assert_never_refused(&double);
    assert!(requests > 400, "{requests}");
}

#[test]
fn two_processes_share_one_quota_on_a_server() {
    let Some(database) = Database::new() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let double = limited(world(2, 200));
    let both = ["lighthouse", "harbour"]
        .map(|name| import_into(&double, folder.path(), name, &database.url()));
    for ran in both.map(end) {
        assert_eq!(ran.report()["state"], "complete");
    }
    let requests = assert_never_refused(&double);
    assert!(requests > 200, "{requests}");
}
