//! Imports: their reports, their gaps, and which one is the latest.

use std::time::Duration;

use bucketload_archive::{DataDir, ImportStart, StageProgress, Transaction};
use bucketload_model::{
    Checkpoint, Gap, GapReason, GitReport, ImportId, ImportState, RepositoryName, RequestEstimate,
    Stage, StageReport, StageState,
};

use super::store;
use crate::support::{at, import_id, name, repository_uuid};

fn gap(stage: Stage, object: &str, reason: GapReason) -> Gap {
    Gap {
        stage,
        object: object.to_owned(),
        reason,
        detail: "403 Forbidden".to_owned(),
        url: None,
    }
}

/// Five to nine requests, noted twice, and three that were one to three before.
#[expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
async fn estimate(transaction: &mut Transaction, import: ImportId) {
    for (stage, min, max) in [
        (Stage::PullRequests, 1, 9),
        (Stage::PullRequests, 5, 9),
        (Stage::Users, 1, 3),
    ] {
        let estimate = RequestEstimate { min, max };
        transaction
            .set_estimate(import, stage, estimate)
            .await
            .unwrap();
    }
    transaction.expect_most(import, Stage::Users).await.unwrap();
}

#[tokio::test]
async fn a_report_is_read_as_it_was_written() {
    let Some(store) = store().await else { return };
    let import = import_id(0);
    let stages = [Stage::Repository, Stage::PullRequests, Stage::Finish];
    let mut transaction = store.begin().await;
    let start = ImportStart {
        id: import,
        name: &name(),
        stages: &stages,
        now: at(0),
    };
    transaction.start_import(&start).await.unwrap();
    for (endpoint, requests) in [("pullrequests", 3), ("repository", 1), ("pullrequests", 4)] {
        transaction
            .add_requests(import, endpoint, requests)
            .await
            .unwrap();
    }
    transaction.add_requests(import, "", 0).await.unwrap();
    for (refs, bytes_received) in [(5, 1000), (7, 500)] {
        let git = GitReport {
            refs,
            commits: Some(refs * 10),
            bytes_received,
        };
        transaction.add_git_result(import, git).await.unwrap();
    }
    let report = StageReport {
        name: Stage::PullRequests,
        state: StageState::CompleteWithGaps,
        expected: Some(10),
        stored: 9,
        missing: 1,
        left_out: 0,
        seconds: 0.0,
        requests_estimated: Some(RequestEstimate { min: 5, max: 9 }),
    };
    estimate(&mut transaction, import).await;
    for took in [1500, 250] {
        transaction
            .finish_stage(import, &report, Duration::from_millis(took))
            .await
            .unwrap();
    }
    let named = gap(
        Stage::PullRequests,
        "pull request #3",
        GapReason::Unreadable,
    );
    transaction.add_gap(import, &named).await.unwrap();
    transaction
        .set_import_state(import, ImportState::Failed, Some("because"), Some(at(60)))
        .await
        .unwrap();
    transaction.commit().await.unwrap();

    let stored = store.archive.report(import).await.unwrap().unwrap();
    assert_eq!(stored.id, import);
    assert_eq!(stored.source, "teapots/kettle");
    assert_eq!(stored.state, ImportState::Failed);
    assert_eq!(stored.error.as_deref(), Some("because"));
    assert_eq!(stored.requests.total, 8);
    assert_eq!(
        stored.requests.estimated,
        Some(RequestEstimate { min: 8, max: 12 })
    );
    assert_eq!(stored.requests.by_endpoint.len(), 2);
    assert_eq!(stored.requests.by_endpoint["pullrequests"], 7);
    assert_eq!((stored.git.refs, stored.git.bytes_received), (7, 1500));
    assert_eq!(stored.git.commits, Some(70));
    assert_eq!(stored.gaps, [named]);
    assert_eq!(
        (stored.started_at, stored.finished_at),
        (at(0), Some(at(60)))
    );
    assert_eq!(stored.missing(), 1);
    let order: Vec<Stage> = stored.stages.iter().map(|stage| stage.name).collect();
    assert_eq!(order, Stage::ALL);
    for stage in &stored.stages {
        let expected = match stage.name {
            Stage::PullRequests => StageState::CompleteWithGaps,
            name if stages.contains(&name) => StageState::Pending,
            _ => StageState::Skipped,
        };
        assert_eq!(stage.state, expected, "{}", stage.name);
    }
    let mut all = stored.stages.iter();
    let pull_requests = all.find(|stage| stage.name == Stage::PullRequests).unwrap();
    assert!((pull_requests.seconds - 1.75).abs() < 1e-9);
    assert_eq!(
        StageReport {
            seconds: 0.0,
            ..pull_requests.clone()
        },
        report
    );
    assert!(store.archive.report(import_id(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_checkpoint_is_kept_with_the_last_size_that_was_told() {
    let Some(store) = store().await else { return };
    let import = store.start_import(0, &name()).await;
    let progress = async || {
        let progress = store.archive.stage_progress(import, Stage::PullRequests);
        progress.await.unwrap().unwrap()
    };
    let save = async |checkpoint: &Checkpoint, expected| {
        let mut transaction = store.begin().await;
        transaction
            .start_stage(import, Stage::PullRequests, at(0))
            .await
            .unwrap();
        transaction
            .save_checkpoint(import, Stage::PullRequests, checkpoint, expected)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    };
    assert_eq!(
        progress().await,
        StageProgress {
            state: StageState::Pending,
            checkpoint: None,
            expected: None
        }
    );
    let next = Checkpoint::NextPage("https://x/?page=2&q=\"ü\"".to_owned());
    save(&next, Some(120)).await;
    save(&Checkpoint::EndOfList, None).await;
    assert_eq!(
        progress().await,
        StageProgress {
            state: StageState::Running,
            checkpoint: Some(Checkpoint::EndOfList),
            expected: Some(120)
        }
    );
    save(&next, Some(119)).await;
    assert_eq!(progress().await.checkpoint, Some(next));
    assert_eq!(progress().await.expected, Some(119));
    let unknown = store.archive.stage_progress(import_id(9), Stage::Git).await;
    assert_eq!(unknown.unwrap(), None);
}

#[tokio::test]
async fn gaps_are_kept_once_replaced_and_cleared() {
    let Some(store) = store().await else { return };
    let import = store.start_import(0, &name()).await;
    let other = store.start_import(1, &name()).await;
    let comments = Stage::PullRequestComments;
    let mut transaction = store.begin().await;
    for gap in [
        gap(
            comments,
            "comments of pull request #7",
            GapReason::SourceError,
        ),
        gap(
            comments,
            "comments of pull request #70",
            GapReason::CountMismatch,
        ),
        gap(Stage::Users, "workspace members", GapReason::NotPermitted),
        // The same once more, for a better reason.
        gap(
            comments,
            "comments of pull request #7",
            GapReason::NotPermitted,
        ),
    ] {
        transaction.add_gap(import, &gap).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let objects = async || {
        let gaps = store.archive.gaps(import).await.unwrap();
        let objects = gaps.into_iter().map(|gap| (gap.object, gap.reason));
        objects.collect::<Vec<_>>()
    };
    let (seven, seventy, members) = (
        (
            "comments of pull request #7".to_owned(),
            GapReason::NotPermitted,
        ),
        (
            "comments of pull request #70".to_owned(),
            GapReason::CountMismatch,
        ),
        ("workspace members".to_owned(), GapReason::NotPermitted),
    );
    assert_eq!(objects().await, [members.clone(), seven, seventy.clone()]);

    let mut transaction = store.begin().await;
    transaction
        .clear_gap(import, comments, "comments of pull request #7")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(objects().await, [members.clone(), seventy]);

    let mut transaction = store.begin().await;
    let mismatch = GapReason::CountMismatch;
    transaction.clear_gaps(other, mismatch).await.unwrap();
    transaction.clear_gaps(import, mismatch).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(objects().await, [members]);
    assert!(store.archive.gaps(other).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_latest_import_is_the_one_that_began_last() {
    let Some(store) = store().await else { return };
    let other = "teapots/cosy".parse().unwrap();
    assert!(
        store
            .archive
            .latest_import(&name())
            .await
            .unwrap()
            .is_none()
    );
    // Stored in another order than they began.
    let late = store.start_import(5, &name()).await;
    store.start_import(1, &name()).await;
    let of_other = store.start_import(9, &other).await;
    let uuid = repository_uuid(1);
    let mut transaction = store.begin().await;
    transaction
        .set_import_repository(late, &uuid)
        .await
        .unwrap();
    transaction.commit().await.unwrap();

    let latest = store.archive.latest_import(&name()).await.unwrap().unwrap();
    assert_eq!((latest.id, latest.repository), (late, Some(uuid)));
    assert_eq!(latest.stages, Stage::ALL);
    assert_eq!(latest.state, ImportState::Running);
    let all = store.archive.latest_imports().await.unwrap();
    let ids: Vec<_> = all.iter().map(|import| import.id).collect();
    assert_eq!(ids, [of_other, late]);
}

#[tokio::test]
async fn a_value_that_nobody_wrote_is_named_with_its_place() {
    let Some(store) = store().await else { return };
    let import = store.start_import(0, &name()).await;
    let wrong = "update imports set state = 'dreaming'";
    store.side().await.run(wrong).await;
    let error = store.archive.report(import).await.unwrap_err().to_string();
    assert!(
        error.contains("imports.state") && error.contains("dreaming"),
        "{error}"
    );
}

#[tokio::test]
async fn an_overview_has_the_latest_of_each_and_tells_who_is_gone() {
    let Some(store) = store().await else { return };
    let other: RepositoryName = "team/other".parse().unwrap();
    let third: RepositoryName = "team/third".parse().unwrap();
    let old = store.start_import(1, &name()).await;
    let latest = store.start_import(5, &name()).await;
    let of_third = store.start_import(7, &third).await;
    let of_other = store.start_import(9, &other).await;
    let mut transaction = store.begin().await;
    for import in [old, of_other] {
        transaction
            .set_import_state(import, ImportState::Complete, None, Some(at(10)))
            .await
            .unwrap();
    }
    let missing = gap(Stage::Users, "members", GapReason::NotPermitted);
    transaction.add_gap(latest, &missing).await.unwrap();
    transaction
        .add_requests(latest, "members", 2)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    // One is run by somebody elsewhere until then; the other one by nobody.
    store
        .side()
        .await
        .run(&format!(
            "update imports set lease_owner = '1-elsewhere', lease_until_ms = {}, is_foreground = 0
             where id = '{latest}'",
            at(20).timestamp_millis()
        ))
        .await;
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path());
    let at_second = async |second, limit| {
        let overview = store.archive.overview(&data_dir, at(second), limit);
        overview.await.unwrap()
    };
    let overview = at_second(20, None).await;
    let ids: Vec<_> = overview.imports.iter().map(|import| import.id).collect();
    assert_eq!(ids, [of_other, of_third, latest]);
    assert_eq!(overview.total, 3);
    let whole = store.archive.report(latest).await.unwrap().unwrap();
    assert_eq!(overview.imports[2], whole);
    assert_eq!(overview.imports[2].gaps, [missing]);
    assert_eq!(overview.imports[2].requests.total, 2);
    assert_eq!(
        overview.by_state,
        [
            (ImportState::Running, 1),
            (ImportState::Complete, 1),
            (ImportState::Cancelled, 1),
        ]
    );
    assert_eq!(overview.imports[1].state, ImportState::Cancelled);
    // When the lease has run out, the next worker has it.
    let overview = at_second(21, Some(1)).await;
    assert_eq!((overview.imports.len(), overview.total), (1, 3));
    assert!(overview.by_state.contains(&(ImportState::Queued, 1)));
    let lost = store.archive.lost_imports(&data_dir, at(21)).await.unwrap();
    let lost: Vec<_> = lost.into_keys().collect();
    assert_eq!(lost, [latest, of_third]);
}
