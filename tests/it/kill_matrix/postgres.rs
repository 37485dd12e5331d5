//! Two workers and a database on a server: one of the workers is killed, or the server.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use bucketload_simulator::{RequestKind, SeedOptions};

use super::dice::{Dice, Seed, seeds, shared_out};
use super::life::Life;
use super::state::{Left, Row, rows_on_server, until_complete};
use crate::postgres::{Server, USER, server};
use crate::support::{Double, TOKEN, bare_command, files, run};

/// Each worker has its own, so that the log of requests tells them apart.
const TOKENS: [&str; 2] = [TOKEN, "simulator-access-token"];

/// What takes longer will never end. Half a minute is the pause after a failure.
const PATIENCE: Duration = Duration::from_secs(150);

fn world() -> SeedOptions {
    SeedOptions {
        repositories: 3,
        pull_requests: 20,
        comments: 6,
        members: 5,
        git_commits: 8,
        ..SeedOptions::default()
    }
}

/// A workspace of three repositories, and what they leave undisturbed.
struct Bench {
    double: Double,
    folder: tempfile::TempDir,
    expected: BTreeMap<String, Left>,
    requests: u64,
}

/// One seed's queue and its database.
struct Place<'a> {
    bench: &'a Bench,
    url: &'a str,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let double = Double::seeded(world());
        double.control().reset_log();
        let data_dir = folder.path().join("undisturbed");
        double.run(&data_dir, &["import", "seaside"]).expect(0);
        let names = std::fs::read_dir(data_dir.join("repositories/seaside")).unwrap();
        let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
        // That of a wiki goes with its repository.
        let names = names.filter(|name| !name.ends_with(".wiki.git"));
        let expected = names.map(|name| {
            let slug = name.strip_suffix(".git").unwrap();
            let left = Left::of(&data_dir, folder.path(), &format!("seaside/{slug}"));
            (slug.to_owned(), left)
        });
        Self {
            expected: expected.collect(),
            requests: double.control().requests().len() as u64,
            double,
            folder,
        }
    }
}

impl<'a> Place<'a> {
    /// The whole workspace is in the queue, and nobody works.
    fn new(bench: &'a Bench, url: &'a str) -> Self {
        let folder = tempfile::tempdir_in(bench.folder.path()).unwrap();
        let place = Self { bench, url, folder };
        let mut command = bench.double.command(&place.data_dir());
        let queued = place.with_database(&mut command);
        run(queued.args(["import", "seaside", "--queue"])).expect(0);
        bench.double.control().reset_log();
        place
    }

    fn data_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn with_database<'b>(&self, command: &'b mut Command) -> &'b mut Command {
        command.env("BUCKETLOAD_DATABASE_URL", self.url)
    }

    fn worker(&self, token: &str) -> Life {
        let mut command = self.bench.double.command(&self.data_dir());
        self.with_database(&mut command)
            .env("BUCKETLOAD_BITBUCKET_TOKEN", token)
            .env("BUCKETLOAD_WORKER_CONCURRENCY", "2");
        Life::start(&mut command)
    }

    fn rows_now(&self) -> Vec<Row> {
        self.bench.double.runtime.block_on(rows_on_server(self.url))
    }

    /// Until so many requests have come in, or there is nothing left to do.
    fn until_request(&self, number: u64) {
        let control = self.bench.double.control();
        self.bench.double.runtime.block_on(async {
            tokio::select! {
                () = control.wait_for_request(number) => {}
                () = self.until_complete() => {}
            }
        });
    }

    async fn until_complete(&self) {
        until_complete(self.url, PATIENCE).await;
    }

    /// How often another worker than before asked about a repository.
    fn changes_of_worker(&self, slug: &str) -> usize {
        let part = format!("/repositories/seaside/{slug}");
        let log = self.bench.double.control().requests();
        let mut credentials: Vec<_> = log
            .into_iter()
            .filter(|request| request.kind == RequestKind::Rest && request.target.contains(&part))
            .map(|request| request.credential)
            .collect();
        credentials.dedup();
        credentials.len() - 1
    }

    fn assert_as_undisturbed(&self) {
        for (slug, expected) in &self.bench.expected {
            let name = format!("seaside/{slug}");
            let output = self.folder.path().join("export");
            let mut command = bare_command(&self.data_dir());
            run(self
                .with_database(&mut command)
                .args(["export", &name, "--format", "jsonl", "--output"])
                .arg(&output))
            .expect(0);
            let export = files(&output.join(&name));
            let left = Left::with_export(export, &self.data_dir(), &name);
            left.assert_same_as(expected, &self.data_dir(), &name);
        }
    }
}

/// Which of the imports somebody was in the middle of.
fn hits(rows: &[Row], process: u32) -> impl Iterator<Item = &str> {
    rows.iter()
        .filter(move |row| row.is_run_by(process))
        .map(|row| row.slug.as_str())
}

fn kill_a_worker(bench: &Bench, server: &'static Server, seed: u64) -> bool {
    let mut dice = Dice::new(seed);
    let number = 1 + dice.below(bench.requests * 7 / 10);
    let (victim, replaced) = (dice.index(2), dice.below(2) == 0);
    let _seed = Seed {
        number: seed,
        plan: format!("worker {victim} at request {number}, replaced: {replaced}"),
    };
    let database = server.database_with("");
    let url = database.url();
    let place = Place::new(bench, &url);
    let mut workers = TOKENS.map(|token| Some(place.worker(token)));
    place.until_request(number);
    let killed = workers[victim].take().unwrap();
    let process = killed.process();
    killed.kill();
    let rows = place.rows_now();
    let hits: Vec<&str> = hits(&rows, process).collect();
    if replaced {
        workers[victim] = Some(place.worker(TOKENS[victim]));
    }
    bench.double.runtime.block_on(place.until_complete());
    for row in place.rows_now() {
        // Claimed, taken away from the dead one, and claimed for the last time. Where no hit
        // was seen, the server may have written the dead one's last words after we looked,
        // or the other worker may have seen to it before.
        let is_hit = hits.contains(&row.slug.as_str());
        assert!(
            row.fence == 3 || (row.fence == 1 && !is_hit),
            "{row:?}, hit: {is_hit}"
        );
        let changes = i64::try_from(place.changes_of_worker(&row.slug)).unwrap();
        assert!(changes <= row.fence / 2, "{row:?}: {changes} changes");
    }
    for worker in workers.into_iter().flatten() {
        worker.kill();
    }
    place.assert_as_undisturbed();
    !hits.is_empty()
}

#[test]
fn one_of_two_workers_killed_is_followed_by_the_other() {
    let Some(server) = server() else { return };
    let seeds = seeds(12);
    let hits = Mutex::new(0);
    shared_out(&seeds, 6, |share| {
        let bench = Bench::new();
        for seed in share {
            *hits.lock().unwrap() += usize::from(kill_a_worker(&bench, server, *seed));
        }
    });
    let hits = hits.into_inner().unwrap();
    println!("{hits} of {} came in the middle of a run", seeds.len());
    assert!(hits * 2 >= seeds.len(), "{hits}");
}

/// Whether the server went away while somebody ran an import.
fn kill_the_server(bench: &Bench, server: &Server, seed: u64) -> bool {
    let mut dice = Dice::new(seed);
    let number = 1 + dice.below(bench.requests * 7 / 10);
    let away = dice.milliseconds_below(4_000);
    let _seed = Seed {
        number: seed,
        plan: format!("at request {number}, back after {away:?}"),
    };
    server.sql(&format!("create database outage owner {USER}"));
    let url = server.url("outage");
    let place = Place::new(bench, &url);
    let workers = TOKENS.map(|token| place.worker(token));
    place.until_request(number);
    if seed.is_multiple_of(2) {
        server.crash();
    } else {
        server.kill();
    }
    std::thread::sleep(away);
    server.start_again();
    let is_hit = place.rows_now().iter().any(|row| row.state == "running");
    bench.double.runtime.block_on(place.until_complete());
    for row in place.rows_now() {
        // Who began it again had claimed it before: each claim is counted.
        let changes = i64::try_from(place.changes_of_worker(&row.slug)).unwrap();
        assert!(changes < row.fence, "{row:?}: {changes} changes");
    }
    for worker in workers {
        worker.kill();
    }
    place.assert_as_undisturbed();
    is_hit
}

#[test]
fn a_database_server_killed_is_waited_for() {
    if server().is_none() {
        return;
    }
    let seeds = seeds(6);
    let hits = Mutex::new(0);
    // All at once: most of it is the pause after a failure.
    shared_out(&seeds, seeds.len(), |share| {
        let bench = Bench::new();
        for seed in share {
            let server = Server::start().unwrap();
            let is_hit = kill_the_server(&bench, &server, *seed);
            *hits.lock().unwrap() += usize::from(is_hit);
        }
    });
    let hits = hits.into_inner().unwrap();
    println!("{hits} of {} came in the middle of a run", seeds.len());
    assert!(hits * 2 >= seeds.len(), "{hits}");
}
