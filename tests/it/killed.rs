//! Killed at every request of a small world, each time once resumed.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;

use bucketload_simulator::{Effect, Fault, LoggedRequest, RequestKind, SeedOptions};
use serde_json::Value;

use crate::support::{Double, assert_same, export, files, run};

const NAME: &str = "seaside/lighthouse";

/// Two pages of pull requests, and discussions of up to two pages.
fn world() -> SeedOptions {
    SeedOptions {
        pull_requests: 52,
        comments: 45,
        members: 5,
        git_commits: 8,
        ..SeedOptions::default()
    }
}

/// What an undisturbed import leaves and costs.
struct Undisturbed {
    files: BTreeMap<String, Vec<u8>>,
    requests: Value,
    rest: u64,
    log: Vec<LoggedRequest>,
}

fn rest(log: &[LoggedRequest]) -> impl Iterator<Item = &LoggedRequest> {
    log.iter()
        .filter(|request| request.kind == RequestKind::Rest)
}

fn undisturbed(double: &Double, folder: &Path) -> Undisturbed {
    let control = double.control();
    control.reset_log();
    let data_dir = folder.join("undisturbed");
    let report = double
        .run(&data_dir, &["import", NAME, "--json"])
        .expect(0)
        .report();
    let log = control.requests();
    Undisturbed {
        files: files(&export(&data_dir, &folder.join("export"), NAME)),
        requests: report["requests"].clone(),
        rest: rest(&log).count() as u64,
        log,
    }
}

/// Requests whose answer was stored before the kill, by the archive's own account.
fn stored_requests(double: &Double, data_dir: &Path) -> u64 {
    let database = data_dir.join("bucketload.db");
    if !database.exists() {
        return 0;
    }
    double.runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        // Killed before the tables were made: nothing is stored.
        let stored: i64 =
            sqlx::query_scalar("select coalesce(sum(requests), 0) from import_requests")
                .fetch_one(&pool)
                .await
                .unwrap_or_default();
        pool.close().await;
        u64::try_from(stored).unwrap()
    })
}

/// Kills an import when its `number`-th request has come in, and resumes it once.
fn kill_and_resume(double: &Double, folder: &Path, number: u64, expected: &Undisturbed) {
    let control = double.control();
    let data_dir = folder.join(format!("killed-{number}"));
    control.reset_log();
    control.add_fault(Fault::on_request(number, Effect::Hang));
    let mut child = double
        .command(&data_dir)
        .args(["import", NAME, "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    double.runtime.block_on(control.wait_for_request(number));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let before = control.requests();
    control.clear_faults();
    let stored = stored_requests(double, &data_dir);

    control.reset_log();
    // With another token: what the killed process sent last may come in only now, and
    // must not be taken for requests of this one.
    let ran = run(double
        .command(&data_dir)
        .env("BUCKETLOAD_BITBUCKET_TOKEN", "simulator-access-token")
        .args(["import", NAME, "--json"]));
    let report = ran.expect(0).report();
    let mut after = control.requests();
    after.retain(|request| request.credential.as_deref() == Some("access_token"));

    // Every request that was stored stays unrepeated; what was under way, at most
    // eight requests, is asked for again.
    let asked_again = rest(&after).count() as u64;
    assert_eq!(
        asked_again,
        expected.rest - stored,
        "killed at request {number}: {stored} answers were stored of {} requests",
        rest(&before).count()
    );
    let known: Vec<&str> = rest(&before)
        .map(|request| request.target.as_str())
        .collect();
    let repeated = rest(&after)
        .filter(|request| known.contains(&request.target.as_str()))
        .count();
    // Beside them stand the first pages of up to four discussions, read to compare them
    // with the activity and stored when the list of pull requests comes to them; the
    // variables of three environments, which are stored together; and up to four files, whose
    // requests are over long before they are whole.
    assert!(
        repeated <= 8 + 1 + 4 + 3 + 4,
        "killed at {number}: {repeated} requests repeated"
    );
    assert_eq!(report["state"], "complete", "killed at {number}");
    assert_eq!(report["requests"], expected.requests, "killed at {number}");

    let output = folder.join(format!("export-{number}"));
    assert_same(&files(&export(&data_dir, &output, NAME)), &expected.files);
    std::fs::remove_dir_all(data_dir).unwrap();
    std::fs::remove_dir_all(output).unwrap();
}

#[test]
fn an_import_killed_at_any_request_ends_like_an_undisturbed_one() {
    // Every request, shared out between as many simulators as there are cores to
    // serve: each has its own port, and so its own links in every object.
    const SHARES: u64 = 2;
    std::thread::scope(|scope| {
        for share in 0..SHARES {
            scope.spawn(move || {
                let folder = tempfile::tempdir().unwrap();
                let double = Double::seeded(world());
                let expected = undisturbed(&double, folder.path());
                let all = expected.log.len() as u64;
                assert!(
                    expected.rest > 40,
                    "the world is too small to tell anything"
                );
                assert!(all > expected.rest, "git was not asked");
                let pages = rest(&expected.log)
                    .filter(|request| request.target.contains("page=2"))
                    .count();
                assert!(pages > 3, "too few discussions have a second page");
                for number in (1..=all).filter(|number| number % SHARES == share) {
                    kill_and_resume(&double, folder.path(), number, &expected);
                }
            });
        }
    });
}
