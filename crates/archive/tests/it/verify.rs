//! Proofs: what is there and right is proven, and everything that is not is named.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::Mirror;
use bucketload_archive::verify::{Problem, ProblemKind, Proof, ProofState, VerifyOptions, verify};
use bucketload_archive::{
    AttachmentRecord, Blob, ChangeRecord, IssueCommentRecord, IssueExportRecord, IssueOrigin,
    IssueRecord, ObjectKey, ObjectRecord,
};
use bucketload_model::{CommentId, IssueChangeId, IssueId, Stage};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::export::{commit_to_mirror, filled};
use crate::support::{Store, at, name, repository_uuid};

fn options(now: DateTime<Utc>) -> VerifyOptions {
    VerifyOptions {
        sample: 1.0,
        deadline: None,
        cancel: Arc::new(AtomicBool::new(false)),
        now,
    }
}

async fn prove_with(store: &Store, options: &VerifyOptions) -> Proof {
    let repository = store.archive.repository(&name()).await.unwrap().unwrap();
    verify(&store.archive, &store.data_dir, &repository, options)
        .await
        .unwrap()
}

async fn prove(store: &Store, second: i64) -> Proof {
    prove_with(store, &options(at(second))).await
}

/// Kind, stage and object of what is wrong.
fn found(proof: &Proof) -> Vec<(ProblemKind, Stage, &str)> {
    let problems = proof.problems.iter();
    problems
        .map(|problem: &Problem| (problem.kind, problem.stage, problem.object.as_str()))
        .collect()
}

/// Puts files into the store, each an attachment of issue 1, which is there too.
async fn attach(store: &Store, contents: &[&str]) -> Vec<PathBuf> {
    let blobs = store.data_dir.blobs(1_000);
    let stored: Vec<Blob> = contents
        .iter()
        .map(|content| blobs.store(content.as_bytes()).unwrap())
        .collect();
    let names: Vec<String> = contents.iter().map(|it| format!("{it}.txt")).collect();
    let records: Vec<_> = stored
        .iter()
        .zip(&names)
        .map(|(blob, name)| AttachmentRecord {
            issue: IssueId(1),
            name,
            blob: Some(&blob.sha256),
            source: "{}",
        })
        .collect();
    let issue = IssueRecord {
        id: IssueId(1),
        title: None,
        state: None,
        kind: None,
        priority: None,
        reporter: None,
        created_on: None,
        updated_on: None,
        source: "{}",
    };
    let mut transaction = store.begin().await;
    transaction
        .put_issues(&repository_uuid(1), IssueOrigin::Bitbucket, &[issue])
        .await
        .unwrap();
    for blob in &stored {
        transaction.put_blob(blob).await.unwrap();
    }
    transaction
        .put_issue_attachments(&repository_uuid(1), IssueOrigin::Bitbucket, &records)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    stored.iter().map(|blob| blobs.path(&blob.sha256)).collect()
}

fn overwrite(path: &PathBuf, content: &str) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

#[tokio::test]
async fn what_is_whole_is_proven_and_that_is_noted() {
    let store = filled(&[1, 2, 3]).await;
    attach(&store, &["tea", "coffee"]).await;
    let proof = prove(&store, 10).await;
    assert_eq!(found(&proof), []);
    assert_eq!(proof.state, ProofState::Proven);
    // The repository, 3 pull requests, 6 comments, 6 people, an issue, 2 attachments.
    assert_eq!(proof.objects, 19);
    assert_eq!(
        (proof.files.total, proof.files.read, proof.files.bytes),
        (2, 2, 9)
    );
    assert_eq!(proof.proven_at, Some(at(10)));
    let noted = store.archive.proof(&repository_uuid(1)).await.unwrap();
    let noted = noted.unwrap();
    assert_eq!((noted.proven_at, noted.problems), (Some(at(10)), 0));
    assert_eq!(noted.manifest["pull_requests.jsonl"].objects, 3);
    // It is what an export would write.
    let export = crate::export::export(&store).await.unwrap();
    // Settings have a file each there.
    for (file, list) in noted
        .manifest
        .iter()
        .filter(|(file, _)| *file != "settings")
    {
        assert_eq!(export.manifest.files[file].sha256, list.sha256, "{file}");
    }
}

#[tokio::test]
async fn a_row_that_is_gone_is_missed_and_what_belongs_to_it_named() {
    let store = filled(&[1, 2, 3]).await;
    prove(&store, 10).await;
    let mut side = store.side().await;
    side.run("delete from pull_requests where id = 2").await;
    let proof = prove(&store, 20).await;
    assert_eq!(proof.state, ProofState::Problems);
    let (missing, damaged) = (ProblemKind::Missing, ProblemKind::Damaged);
    let comments = Stage::PullRequestComments;
    assert_eq!(
        found(&proof),
        [
            (damaged, Stage::PullRequests, "pull_requests.jsonl"),
            (missing, comments, "pull request #2"),
            (missing, comments, "pull request #2"),
        ]
    );
    // It was proven before, and is not now.
    assert_eq!(proof.proven_at, Some(at(10)));
    let noted = store.archive.proof(&repository_uuid(1)).await.unwrap();
    let noted = noted.unwrap();
    assert_eq!(noted.proven_at, Some(at(10)));
    assert_eq!((noted.tried_at, noted.problems), (at(20), 3));
}

#[tokio::test]
async fn what_the_last_import_stored_has_to_be_there() {
    let store = filled(&[1, 2, 3]).await;
    let import = store.start_import(1, &name()).await;
    let mut transaction = store.begin().await;
    let mut report = store.archive.report(import).await.unwrap().unwrap();
    for stage in &mut report.stages {
        if stage.name == Stage::PullRequests {
            stage.stored = 4;
            let took = std::time::Duration::ZERO;
            transaction.finish_stage(import, stage, took).await.unwrap();
        }
    }
    transaction.commit().await.unwrap();
    // It runs, as far as anybody knows: nothing is held against it yet.
    let mut side = store.side().await;
    side.run("update imports set state = 'complete', finished_at_ms = 5")
        .await;
    let proof = prove(&store, 10).await;
    let missing = (ProblemKind::Missing, Stage::PullRequests, "pull requests");
    assert_eq!(found(&proof), [missing]);
    assert!(proof.problems[0].detail.contains("4 were stored"));
}

#[tokio::test]
async fn an_object_that_is_another_or_no_json_is_damaged() {
    let store = filled(&[1, 2]).await;
    let mut side = store.side().await;
    side.run("update pull_requests set source = '{\"id\":3}' where id = 2")
        .await;
    side.run("update pull_request_comments set source = '{' where id = 98")
        .await;
    let proof = prove(&store, 10).await;
    let damaged = ProblemKind::Damaged;
    assert_eq!(
        found(&proof),
        [
            (
                damaged,
                Stage::PullRequests,
                "{\"pull_request\":2} in pull_requests.jsonl"
            ),
            (
                damaged,
                Stage::PullRequestComments,
                "{\"comment\":98,\"pull_request\":2} in pull_request_comments.jsonl"
            ),
        ]
    );
}

#[tokio::test]
async fn without_an_import_that_ended_it_is_incomplete_by_whatever_name() {
    let store = filled(&[1, 2]).await;
    let before = "teapots/old-kettle".parse().unwrap();
    let first = store.start_import(1, &before).await;
    store.start_import(2, &name()).await;
    let mut side = store.side().await;
    side.run("update imports set state = 'failed', finished_at_ms = 5")
        .await;
    let proof = prove(&store, 10).await;
    assert_eq!(proof.state, ProofState::Incomplete);
    assert_eq!(proof.proven_at, None);
    let mut transaction = store.begin().await;
    transaction
        .set_import_repository(first, &repository_uuid(1))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    side.run("update imports set state = 'complete_with_gaps' where slug = 'old-kettle'")
        .await;
    assert_eq!(prove(&store, 20).await.state, ProofState::Proven);
}

#[tokio::test]
async fn a_change_by_an_import_or_an_export_is_none_behind_its_back() {
    let store = filled(&[1, 2]).await;
    prove(&store, 10).await;
    let mut transaction = store.begin().await;
    let changed = crate::support::pull_request(2, Some(1), "{\"id\":2,\"new\":1}");
    transaction
        .put_pull_requests(&repository_uuid(1), &[changed])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(prove(&store, 20).await.problems.len(), 1);
    // A proof that found something is nothing to compare with.
    assert_eq!(found(&prove(&store, 30).await), []);
    let mut transaction = store.begin().await;
    let taken = IssueExportRecord {
        sha256: "x".to_owned(),
        taken_at: at(40),
        counts: bucketload_archive::IssueCounts::default(),
    };
    transaction
        .put_issue_export(&repository_uuid(1), &taken)
        .await
        .unwrap();
    let changed = crate::support::pull_request(2, Some(1), "{\"id\":2,\"new\":2}");
    transaction
        .put_pull_requests(&repository_uuid(1), &[changed])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(found(&prove(&store, 50).await), []);
}

#[tokio::test]
async fn a_file_that_is_gone_or_altered_is_named_by_what_it_belongs_to() {
    let store = filled(&[1]).await;
    let paths = attach(&store, &["tea", "coffee", "milk"]).await;
    fs::remove_file(&paths[0]).unwrap();
    overwrite(&paths[1], "COFFEE");
    let proof = prove(&store, 10).await;
    let mut found = found(&proof);
    found.sort_by_key(|(_, _, object)| *object);
    let stage = proof.problems[0].stage;
    assert_eq!(
        found,
        [
            (ProblemKind::Damaged, stage, "coffee.txt of issue #1"),
            (ProblemKind::Missing, stage, "tea.txt of issue #1"),
        ]
    );
    assert_eq!(proof.files.read, 3);
    overwrite(&paths[1], "coffe");
    let proof = prove(&store, 20).await;
    let mut details = proof.problems.iter().map(|problem| problem.detail.as_str());
    assert!(details.any(|detail| detail.contains("5 bytes and had 6")));
}

#[tokio::test]
async fn samples_get_around_to_every_file() {
    let store = filled(&[1]).await;
    let paths = attach(&store, &["tea", "coffee", "milk", "sugar"]).await;
    for path in &paths {
        overwrite(path, "water");
    }
    let mut seen = std::collections::BTreeSet::new();
    for second in 0..4_i64 {
        let mut options = options(at(10 + second));
        options.sample = 0.2;
        let proof = prove_with(&store, &options).await;
        assert!(proof.is_sample);
        assert_eq!((proof.files.total, proof.files.read), (4, 1));
        // The damaged one is repaired, and is the latest proven then.
        let object = proof.problems[0].object.clone();
        let (content, _) = object.split_once('.').unwrap();
        let store_of_files = store.data_dir.blobs(100);
        let blob = paths.iter().find(|path| {
            let sha256 = path.file_name().unwrap().to_str().unwrap();
            sha256 == sha256_of(content)
        });
        fs::remove_file(blob.unwrap()).unwrap();
        store_of_files.store(content.as_bytes()).unwrap();
        assert_eq!(prove_with(&store, &options).await.problems, []);
        seen.insert(object);
    }
    assert_eq!(seen.len(), 4);
}

fn sha256_of(content: &str) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in sha2::Sha256::digest(content.as_bytes()) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

#[tokio::test]
async fn a_mirror_that_lost_an_object_is_damaged() {
    let store = filled(&[1]).await;
    commit_to_mirror(&store);
    let proof = prove(&store, 10).await;
    assert_eq!(found(&proof), []);
    assert!(proof.git.as_ref().unwrap().refs > 0);
    let mirror = store.data_dir.mirror(&name());
    let mut removed = 0;
    for folder in fs::read_dir(mirror.join("objects")).unwrap() {
        let folder = folder.unwrap().path();
        if folder.file_name().unwrap().len() == 2 && removed == 0 {
            fs::remove_dir_all(folder).unwrap();
            removed += 1;
        }
    }
    assert_eq!(removed, 1);
    for sample in [1.0, 0.5] {
        let mut options = options(at(20));
        options.sample = sample;
        let proof = prove_with(&store, &options).await;
        assert_eq!(proof.state, ProofState::Problems);
        assert!(
            proof
                .problems
                .iter()
                .all(|it| it.stage == Stage::Git && it.kind == ProblemKind::Damaged),
            "{proof:?}"
        );
    }
    fs::remove_file(mirror.join("HEAD")).unwrap();
    assert!(!matches!(Mirror::open(&mirror), Ok(Some(_))));
    let proof = prove(&store, 30).await;
    assert_eq!(found(&proof).len(), 1, "{proof:?}");
    assert_eq!(proof.problems[0].stage, Stage::Git);
}

#[tokio::test]
async fn when_time_is_up_nothing_is_proven() {
    let store = filled(&[1]).await;
    attach(&store, &["tea"]).await;
    let mut options = options(at(10));
    options.deadline = Some(Instant::now());
    let proof = prove_with(&store, &options).await;
    assert_eq!(proof.state, ProofState::Unfinished);
    assert_eq!((proof.files.read, proof.proven_at), (0, None));
}

#[tokio::test]
async fn an_object_of_a_pull_request_that_is_not_there_is_named() {
    let store = filled(&[1]).await;
    let object = ObjectRecord {
        key: ObjectKey {
            parent: 7,
            id: 70,
            key: "",
        },
        created_on: None,
        updated_on: None,
        source: "{\"id\":70}",
    };
    let mut transaction = store.begin().await;
    transaction
        .put_objects(&repository_uuid(1), Stage::PullRequestComments, &[object])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let proof = prove(&store, 10).await;
    assert_eq!(
        found(&proof),
        [(ProblemKind::Missing, Stage::Repository, "pull request #7")]
    );
}

#[tokio::test]
async fn what_belongs_to_an_issue_that_is_gone_is_named() {
    let store = filled(&[1]).await;
    attach(&store, &["tea"]).await;
    let comment = IssueCommentRecord {
        id: CommentId(50),
        issue: IssueId(1),
        author: None,
        created_on: None,
        updated_on: None,
        source: "{}",
    };
    let change = ChangeRecord {
        id: IssueChangeId(50),
        issue: IssueId(1),
        field: "",
        created_on: None,
        source: "{}",
    };
    let (uuid, origin) = (repository_uuid(1), IssueOrigin::IssueExport);
    let mut transaction = store.begin().await;
    let (comments, changes) = ([comment], [change]);
    let put = transaction.put_issue_comments(&uuid, origin, &comments);
    put.await.unwrap();
    let put = transaction.put_issue_changes(&uuid, origin, &changes);
    put.await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(found(&prove(&store, 10).await), []);
    let mut side = store.side().await;
    side.run("delete from issues").await;
    let proof = prove(&store, 20).await;
    let missing = found(&proof).into_iter();
    let missing: Vec<_> = missing
        .filter(|(kind, ..)| *kind == ProblemKind::Missing)
        .map(|(_, stage, object)| (stage, object))
        .collect();
    assert_eq!(
        missing,
        [
            (Stage::IssueComments, "issue #1"),
            (Stage::IssueChanges, "issue #1"),
            (Stage::IssueAttachments, "issue #1"),
        ]
    );
}
