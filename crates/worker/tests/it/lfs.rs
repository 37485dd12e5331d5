//! Large files: found in the history, brought where `git lfs` looks for them.

mod hosts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bucketload_archive::LfsStore;
use bucketload_archive::verify::{ProblemKind, VerifyOptions, verify};
use bucketload_auth::Credential;
use bucketload_model::{GapReason, ImportReport, ImportState, LfsObject, Stage};
use bucketload_simulator::{Effect, Fault, RequestKind, SeedOptions};
use bucketload_worker::{ImportOutcome, Selection};

use crate::support::{
    Kind, Local, NAME, Remote, TOKEN, git, only_gap, remote, small, stage, status,
};

const BATCH: &str = "/info/lfs/objects/batch";

/// A repository on the disk whose history has pointers, and the simulator that serves it.
struct Bench {
    _folder: tempfile::TempDir,
    git: PathBuf,
    remote: Remote,
    local: Local,
}

fn selection() -> Selection {
    Selection::new(&[Stage::Git, Stage::Lfs], &[]).unwrap()
}

/// Content that differs from that of every other number.
fn content(number: u8, bytes: usize) -> Vec<u8> {
    let mut state = u64::from(number) + 0x2545_f491_4f6c_dd1d;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    })
    .flatten()
    .take(bytes)
    .collect()
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git_folder = folder.path().join("work");
        std::fs::create_dir(&git_folder).unwrap();
        git(&git_folder, &["init", "-q", "--initial-branch=main"]);
        git(
            &git_folder,
            &["commit", "-q", "--allow-empty", "-m", "first"],
        );
        let remote = remote(SeedOptions {
            git: [(NAME.to_owned(), git_folder.join(".git"))].into(),
            wiki: false,
            ..small()
        })
        .await;
        let local = Local::new(&remote).await;
        Self {
            _folder: folder,
            git: git_folder,
            remote,
            local,
        }
    }

    /// Commits a file, on the branch that is checked out.
    fn commit(&self, path: &str, text: &str) {
        let file = self.git.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        git(&self.git, &["add", "."]);
        git(&self.git, &["commit", "-q", "-m", path]);
    }

    /// Commits a pointer to an object that the simulator has. Returns the object.
    fn add(&self, path: &str, content: &[u8]) -> LfsObject {
        let pointer = self.remote.control.put_lfs_object(NAME, content).unwrap();
        self.commit(path, &pointer);
        object(&pointer)
    }

    /// The simulator loses an object.
    fn lose(&self, object: &LfsObject) {
        let folder = self.remote.control.lfs_folder(NAME).unwrap();
        std::fs::remove_file(folder.join(object.oid.as_str())).unwrap();
    }

    async fn try_import(&self) -> ImportOutcome {
        self.local.try_import(NAME, &selection()).await
    }

    async fn import(&self) -> ImportReport {
        let outcome = self.try_import().await;
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
        outcome.report
    }

    fn mirror(&self) -> PathBuf {
        self.local.importer.data_dir.mirror(&NAME.parse().unwrap())
    }

    fn store(&self) -> LfsStore {
        LfsStore::of(&self.mirror())
    }

    fn asked(&self, kind: RequestKind) -> usize {
        let log = self.remote.control.requests().into_iter();
        log.filter(|one| one.kind == kind).count()
    }

    fn batches(&self) -> usize {
        self.asked(RequestKind::Lfs)
    }

    fn downloads(&self) -> usize {
        self.asked(RequestKind::Storage)
    }
}

fn object(pointer: &str) -> LfsObject {
    let line = |name: &str| {
        let found = pointer.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap().to_owned()
    };
    LfsObject {
        oid: line("oid sha256:").parse().unwrap(),
        size_bytes: line("size ").parse().unwrap(),
    }
}

/// Nothing is missing, whatever else was left out.
#[track_caller]
fn assert_whole(report: &ImportReport) {
    assert_eq!(report.gaps, []);
    assert_eq!(report.state, ImportState::Complete, "{report:#?}");
    assert_eq!(report.missing(), 0);
}

fn counts(report: &ImportReport) -> (Option<u64>, u64, u64) {
    let lfs = stage(report, Stage::Lfs);
    (lfs.expected, lfs.stored, lfs.missing)
}

#[tokio::test]
async fn objects_of_all_refs_come_home_and_an_update_asks_for_what_is_new() {
    let bench = Bench::new().await;
    // Overwritten, deleted, on a branch, behind a tag: all of it is history.
    let mut objects = vec![bench.add("a.bin", &content(1, 100_000))];
    objects.push(bench.add("a.bin", &content(2, 1)));
    objects.push(bench.add("dir/b.bin", &content(3, 70_000)));
    std::fs::remove_file(bench.git.join("dir/b.bin")).unwrap();
    bench.commit(
        "README.md",
        "version https://git-lfs.github.com/spec/v1 it is not\n",
    );
    git(&bench.git, &["checkout", "-q", "-b", "side"]);
    objects.push(bench.add("side.bin", &content(4, 5_000)));
    git(&bench.git, &["checkout", "-q", "main"]);
    let report = bench.import().await;
    assert_whole(&report);
    assert_eq!(counts(&report), (Some(4), 4, 0));
    for object in &objects {
        assert!(bench.store().has(object).unwrap());
    }
    let path = bench.store().path(&objects[0].oid);
    assert_eq!(std::fs::read(path).unwrap(), content(1, 100_000));
    assert_eq!((bench.batches(), bench.downloads()), (1, 4));
    assert_eq!(report.requests.by_endpoint["lfs/batch"], 1);

    bench.remote.control.reset_log();
    let report = bench.import().await;
    assert_whole(&report);
    assert_eq!((bench.batches(), bench.downloads()), (0, 0));
    assert_eq!(counts(&report), (Some(4), 4, 0));

    let new = bench.add("new.bin", &content(5, 10));
    let report = bench.import().await;
    assert_whole(&report);
    assert_eq!((bench.batches(), bench.downloads()), (1, 1));
    assert!(bench.store().has(&new).unwrap());
}

#[tokio::test]
async fn both_databases_keep_what_is_there() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let mut bench = Bench::new().await;
        let Some(local) = Local::on(kind, &bench.remote).await else {
            continue;
        };
        bench.local = local;
        let here = bench.add("a.bin", &content(1, 1_000));
        let lost = bench.add("b.bin", &content(2, 1_000));
        bench.lose(&lost);
        let report = bench.import().await;
        assert_eq!(counts(&report), (Some(2), 1, 1));
        assert!(bench.store().has(&here).unwrap());
        let files = bench.local.export_tree(NAME).await;
        assert_eq!(files[&format!("lfs/{}", here.oid)], content(1, 1_000));
        assert!(!files.contains_key(&format!("lfs/{}", lost.oid)));
    }
}

#[tokio::test]
async fn an_object_that_is_gone_is_named_and_comes_when_it_is_back() {
    let bench = Bench::new().await;
    let lost = bench.add("deep/er/a.bin", &content(1, 12_345));
    let here = bench.add("b.bin", &content(2, 10));
    bench.lose(&lost);
    let report = bench.import().await;
    let gap = only_gap(&report);
    assert_eq!((gap.stage, gap.reason), (Stage::Lfs, GapReason::NotFound));
    assert_eq!(gap.object, format!("LFS object {}", lost.oid));
    for part in ["404", "12345 bytes", "deep/er/a.bin"] {
        assert!(gap.detail.contains(part), "{}", gap.detail);
    }
    assert_eq!(counts(&report), (Some(2), 1, 1));
    assert!(bench.store().has(&here).unwrap());
    bench
        .remote
        .control
        .put_lfs_object(NAME, &content(1, 12_345))
        .unwrap();
    bench.remote.control.reset_log();
    assert_whole(&bench.import().await);
    assert_eq!((bench.batches(), bench.downloads()), (1, 1));
    // The host that has it may lose it, too.
    let other = bench.add("c.bin", &content(3, 10));
    bench.remote.on_path(other.oid.as_str(), status(404));
    let report = bench.import().await;
    assert_eq!(only_gap(&report).reason, GapReason::NotFound);
}

#[tokio::test]
async fn what_breaks_off_goes_on_in_its_middle() {
    for ranges in [true, false] {
        let bench = Bench::new().await;
        bench.remote.control.set_lfs_ranges(ranges);
        let object = bench.add("a.bin", &content(1, 400_000));
        let fault = Fault::on_path(object.oid.as_str(), Effect::Truncate).times(2);
        bench.remote.control.add_fault(fault);
        assert_whole(&bench.import().await);
        assert!(bench.store().has(&object).unwrap());
        assert_eq!(bench.downloads(), 3);
    }
}

#[tokio::test]
async fn an_import_that_was_stopped_goes_on_in_the_middle_of_an_object() {
    let bench = Bench::new().await;
    let object = bench.add("a.bin", &content(1, 400_000));
    let stall = Effect::Stall {
        after_bytes: 150_000,
    };
    let fault = Fault::on_path(object.oid.as_str(), stall).times(1);
    bench.remote.control.add_fault(fault);
    let part = bench
        .mirror()
        .join(format!("lfs/incomplete/{}-400000.part", object.oid));
    let cancel = bench.local.importer.cancel.clone();
    let watch = async {
        let arrived = || std::fs::metadata(&part).is_ok_and(|it| it.len() == 150_000);
        while !arrived() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(bench.try_import(), watch);
    assert_eq!(outcome.report.state, ImportState::Cancelled);
    let mut bench = bench;
    bench.local.importer.cancel = tokio_util::sync::CancellationToken::new();
    bench.remote.control.reset_log();
    // Damaged meanwhile, it would not do: the hash is of all of it.
    assert_whole(&bench.import().await);
    assert_eq!(bench.downloads(), 1);
    assert!(bench.store().has(&object).unwrap());
    assert!(!part.exists());
}

#[tokio::test]
async fn a_part_that_was_damaged_begins_anew() {
    let bench = Bench::new().await;
    let object = bench.add("a.bin", &content(1, 1_000));
    let folder = bench.mirror().join("lfs/incomplete");
    bench
        .local
        .try_import(NAME, &Selection::new(&[Stage::Git], &[]).unwrap())
        .await;
    std::fs::create_dir_all(&folder).unwrap();
    let part = folder.join(format!("{}-1000.part", object.oid));
    std::fs::write(&part, [7; 500]).unwrap();
    assert_whole(&bench.import().await);
    assert!(bench.store().has(&object).unwrap());
    assert_eq!(bench.downloads(), 2);
}

#[tokio::test]
async fn another_content_than_the_pointer_says_is_not_kept() {
    let bench = Bench::new().await;
    let object = bench.add("a.bin", &content(1, 1_000));
    let folder = bench.remote.control.lfs_folder(NAME).unwrap();
    std::fs::write(folder.join(object.oid.as_str()), content(9, 1_000)).unwrap();
    let report = bench.import().await;
    let gap = only_gap(&report);
    assert_eq!(gap.reason, GapReason::Unreadable);
    assert!(gap.detail.contains("SHA-256"), "{}", gap.detail);
    assert!(!bench.store().has(&object).unwrap());
    let left = std::fs::read_dir(bench.mirror().join("lfs/incomplete")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_pointer_that_lies_about_the_size_costs_nobody_the_object() {
    let bench = Bench::new().await;
    let object = bench.add("a.bin", &content(1, 1_000));
    for (name, size) in [("less.bin", 1), ("huge.bin", i64::MAX)] {
        let text = format!(
            "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {size}\n",
            object.oid
        );
        bench.commit(name, &text);
    }
    let report = bench.import().await;
    assert_eq!(counts(&report), (Some(3), 1, 2));
    assert!(bench.store().has(&object).unwrap());
    assert!(
        report
            .gaps
            .iter()
            .all(|gap| gap.reason == GapReason::Unreadable)
    );
}

#[tokio::test]
async fn more_than_a_batch_and_a_server_that_wants_smaller_ones() {
    let bench = Bench::new().await;
    for number in 0..130_u8 {
        let content = [number; 3];
        let pointer = bench.remote.control.put_lfs_object(NAME, &content).unwrap();
        std::fs::write(bench.git.join(format!("{number}.bin")), pointer).unwrap();
    }
    git(&bench.git, &["add", "."]);
    git(&bench.git, &["commit", "-q", "-m", "many"]);
    let report = bench.import().await;
    assert_whole(&report);
    assert_eq!(counts(&report), (Some(130), 130, 0));
    assert_eq!((bench.batches(), bench.downloads()), (2, 130));
    // All of it once more, from a server that takes forty.
    std::fs::remove_dir_all(bench.mirror().join("lfs")).unwrap();
    bench.remote.control.set_lfs_batch(40);
    bench.remote.control.reset_log();
    let report = bench.import().await;
    assert_whole(&report);
    // 100 and 50 are refused, 25 are not.
    assert_eq!((bench.batches(), bench.downloads()), (2 + 6, 130));
    assert_eq!(report.requests.by_endpoint["lfs/batch"], 8);
}

#[tokio::test]
async fn an_address_that_ended_is_asked_for_again() {
    let bench = Bench::new().await;
    let object = bench.add("a.bin", &content(1, 1_000));
    let fault = Fault::on_path(object.oid.as_str(), status(403)).times(1);
    bench.remote.control.add_fault(fault);
    assert_whole(&bench.import().await);
    assert_eq!((bench.batches(), bench.downloads()), (2, 2));
    let object = bench.add("b.bin", &content(2, 1_000));
    bench.remote.on_path(object.oid.as_str(), status(401));
    let report = bench.import().await;
    assert_eq!(only_gap(&report).reason, GapReason::NotPermitted);
}

#[tokio::test]
async fn a_whole_question_that_is_refused_is_one_gap() {
    for (code, reason) in [
        (401, GapReason::NotPermitted),
        (403, GapReason::NotPermitted),
        (404, GapReason::NotFound),
        (410, GapReason::RemovedByAtlassian),
    ] {
        let bench = Bench::new().await;
        bench.add("a.bin", &content(1, 10));
        bench.add("b.bin", &content(2, 10));
        bench.remote.on_path(BATCH, status(code));
        let report = bench.import().await;
        let gap = only_gap(&report);
        assert_eq!((gap.object.as_str(), gap.reason), ("LFS objects", reason));
        assert!(gap.detail.contains("2 objects"), "{}", gap.detail);
        assert_eq!(counts(&report), (Some(2), 0, 2));
        assert!(!gap.detail.contains(TOKEN));
        bench.remote.control.clear_faults();
        assert_whole(&bench.import().await);
    }
}

#[tokio::test]
async fn a_host_that_fails_for_one_object_after_the_other_is_an_outage() {
    let bench = Bench::new().await;
    for number in 0..12 {
        bench.add(&format!("{number}.bin"), &content(number, 10));
    }
    bench.remote.on_path("/lfs/seaside/", status(503));
    let outcome = bench.try_import().await;
    assert_eq!(outcome.failure.unwrap().stage, Stage::Lfs);
    assert_eq!(outcome.report.state, ImportState::Failed);
    bench.remote.control.clear_faults();
    let report = bench.import().await;
    assert_eq!(report.id, outcome.report.id, "the same import goes on");
    assert_whole(&report);
}

#[tokio::test]
async fn stopped_at_any_request_nothing_is_lost_and_little_is_repeated() {
    let bench = Bench::new().await;
    let mut objects = Vec::new();
    for number in 0..3 {
        objects.push(bench.add(&format!("{number}.bin"), &content(number, 50_000)));
    }
    bench.import().await;
    let all = bench.remote.control.requests().len() as u64;
    for number in 1..=all {
        let mut local = Local::new(&bench.remote).await;
        bench.remote.control.reset_log();
        let hang = Fault::on_request(number, Effect::Hang);
        bench.remote.control.add_fault(hang);
        let cancel = local.importer.cancel.clone();
        let selection = selection();
        let stop = async {
            bench.remote.control.wait_for_request(number).await;
            cancel.cancel();
        };
        let (outcome, ()) = tokio::join!(local.try_import(NAME, &selection), stop);
        bench.remote.control.clear_faults();
        assert_eq!(outcome.report.state, ImportState::Cancelled, "{number}");
        local.importer.cancel = tokio_util::sync::CancellationToken::new();
        let outcome = local.try_import(NAME, &selection).await;
        assert_whole(&outcome.report);
        let mirror = local.importer.data_dir.mirror(&NAME.parse().unwrap());
        let store = LfsStore::of(&mirror);
        assert!(
            objects.iter().all(|object| store.has(object).unwrap()),
            "{number}"
        );
        // What was under way, once more; and a question about what is left.
        let asked = bench.remote.control.requests().len() as u64;
        assert!(asked <= all + 6, "{number}: {asked} of {all}");
    }
}

#[tokio::test]
async fn objects_that_were_removed_here_come_again() {
    let bench = Bench::new().await;
    let object = bench.add("a.bin", &content(1, 1_000));
    bench.import().await;
    std::fs::remove_file(bench.store().path(&object.oid)).unwrap();
    assert_whole(&bench.import().await);
    assert!(bench.store().has(&object).unwrap());
}

#[tokio::test]
async fn a_proof_reads_objects_and_names_one_that_was_altered() {
    let bench = Bench::new().await;
    let altered = bench.add("a.bin", &content(1, 1_000));
    let gone = bench.add("b.bin", &content(2, 1_000));
    bench.import().await;
    let importer = &bench.local.importer;
    let options = VerifyOptions {
        sample: 1.0,
        deadline: None,
        cancel: Arc::default(),
        now: importer.clock.now(),
    };
    let name = NAME.parse().unwrap();
    let repository = importer.archive.repository(&name).await.unwrap().unwrap();
    let prove = async || {
        let proof = verify(&importer.archive, &importer.data_dir, &repository, &options);
        proof.await.unwrap()
    };
    let proof = prove().await;
    assert_eq!((proof.files.read, &proof.problems[..]), (2, &[][..]));
    let path = bench.store().path(&altered.oid);
    std::fs::write(path, content(3, 1_000)).unwrap();
    std::fs::remove_file(bench.store().path(&gone.oid)).unwrap();
    let problems = prove().await.problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    for (object, kind) in [
        (altered, ProblemKind::Damaged),
        (gone, ProblemKind::Missing),
    ] {
        let name = format!("LFS object {}", object.oid);
        let problem = problems.iter().find(|one| one.object == name).unwrap();
        assert_eq!((problem.kind, problem.stage), (kind, Stage::Lfs));
    }
}

#[tokio::test]
async fn without_a_credential_public_objects_come_too() {
    let mut bench = Bench::new().await;
    let object = bench.add("a.bin", &content(1, 1_000));
    bench.local = Local::with(&bench.remote, Credential::Anonymous).await;
    assert_whole(&bench.import().await);
    assert!(bench.store().has(&object).unwrap());
}

/// The `git lfs` program, if it is here.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn git_lfs(folder: &Path, arguments: &[&str]) -> Option<String> {
    let is_here = Command::new("git-lfs").arg("version").output();
    if !is_here.is_ok_and(|ran| ran.status.success()) {
        eprintln!("skipped: git-lfs is not installed");
        return None;
    }
    Some(git(folder, &[&["lfs"], arguments].concat()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_git_lfs_pushed_git_lfs_gets_from_the_archive() {
    let bench = Bench::new().await;
    if git_lfs(&bench.git, &["install", "--local", "--skip-smudge"]).is_none() {
        return;
    }
    git_lfs(&bench.git, &["track", "*.psd"]);
    let mut files = BTreeMap::new();
    for (name, number, bytes) in [("one.psd", 1, 300_000), ("dir/two.psd", 2, 5)] {
        let file = bench.git.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content(number, bytes)).unwrap();
        files.insert(name, content(number, bytes));
    }
    git(&bench.git, &["add", "."]);
    git(&bench.git, &["commit", "-q", "-m", "pictures"]);
    let web = bench.remote.simulator.web_url();
    let url =
        format!("{web}/{NAME}.git").replace("http://", &format!("http://x-token-auth:{TOKEN}@"));
    git(&bench.git, &["remote", "add", "origin", &url]);
    git_lfs(&bench.git, &["push", "--all", "origin"]);
    let pushed = bench.remote.control.lfs_folder(NAME).unwrap();
    assert_eq!(std::fs::read_dir(pushed).unwrap().count(), 2);

    let report = bench.import().await;
    assert_whole(&report);
    assert_eq!(counts(&report), (Some(2), 2, 0));

    // From a clone of the mirror, without the simulator.
    let folder = tempfile::tempdir().unwrap();
    let mirror = bench.mirror();
    bench.remote.simulator.stop().await;
    let clone = folder.path().join("clone");
    git(
        folder.path(),
        &[
            "clone",
            "-q",
            &format!("file://{}", mirror.display()),
            "clone",
        ],
    );
    git_lfs(&clone, &["install", "--local"]);
    git_lfs(&clone, &["fetch", "--all"]);
    git_lfs(&clone, &["checkout"]);
    for (name, content) in files {
        assert_eq!(std::fs::read(clone.join(name)).unwrap(), content, "{name}");
    }
    git_lfs(&clone, &["fsck"]);
    git_lfs(&mirror, &["fsck"]);
}
