//! How imports go, for people who look at them: lines, filters, the log.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{
    Claim, Claimed, ImportFilter, ImportLine, ImportStart, NewImport, Release, StageAdvance,
    Transferred,
};
use bucketload_model::{
    Gap, GapReason, Happening, ImportEvent, ImportId, ImportState, LeaseOwner, Priority, Stage,
    StageState,
};

use super::store;
use crate::support::{Store, at};

const STAGES: &[Stage] = &[Stage::Repository, Stage::Git, Stage::Finish];

async fn add(store: &Store, name: &str, second: i64) -> ImportId {
    let mut transaction = store.begin().await;
    let new = NewImport {
        name: &name.parse().unwrap(),
        stages: STAGES,
        whole_lists: false,
        priority: Priority::default(),
        not_before: None,
        asked_by: Some("ada"),
        credential: None,
        now: at(second),
    };
    let import = transaction.enqueue(&new).await.unwrap().import();
    transaction.commit().await.unwrap();
    import
}

async fn claim(store: &Store, import: ImportId, second: i64) -> Claimed {
    let mut transaction = store.begin().await;
    let claim = Claim {
        owner: &LeaseOwner::new(),
        now: at(second),
        until: at(second + 15),
        is_foreground: false,
    };
    let claimed = transaction.claim(import, &claim).await.unwrap();
    transaction.commit().await.unwrap();
    claimed.unwrap()
}

async fn release(store: &Store, claimed: &Claimed, event: ImportEvent, second: i64) {
    let mut transaction = store.begin().await;
    let release = Release {
        event,
        error: None,
        wait_until: None,
        counts: false,
        now: at(second),
    };
    transaction.release(&claimed.lease, &release).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn line(store: &Store, import: ImportId) -> ImportLine {
    let summaries = store.archive.import_summaries(&[import]).await.unwrap();
    let mut lines = store.archive.import_lines(summaries).await.unwrap();
    lines.pop().unwrap()
}

async fn found(store: &Store, filter: &ImportFilter) -> Vec<ImportId> {
    let found = store.archive.imports(filter).await.unwrap();
    found.into_iter().map(|import| import.id).collect()
}

#[tokio::test]
async fn a_stage_tells_how_far_it_is_until_it_has_ended() {
    let Some(store) = store().await else { return };
    let import = add(&store, "team/one", 1).await;
    assert!(line(&store, import).await.stages.is_empty());
    claim(&store, import, 2).await;
    let advance = StageAdvance {
        stage: Stage::Git,
        stored_before: 4,
        stored: 10,
        expected: Some(20),
        transfer: Some(Transferred {
            objects: 7,
            of: Some(9),
            bytes: 1_000,
        }),
    };
    let write = async |stored| {
        let mut transaction = store.begin().await;
        let advance = StageAdvance { stored, ..advance };
        transaction.advance_stage(import, &advance).await.unwrap();
        transaction.commit().await.unwrap();
    };
    // It has not begun.
    write(10).await;
    let mut transaction = store.begin().await;
    transaction
        .start_stage(import, Stage::Git, at(3))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let git = async || {
        let line = line(&store, import).await;
        let mut stages = line.stages.into_iter();
        stages
            .find(|stage| stage.report.name == Stage::Git)
            .unwrap()
    };
    let begun = git().await;
    assert_eq!((begun.report.stored, begun.transfer), (0, None));
    assert_eq!((begun.started_at, begun.ended_at), (Some(at(3)), None));
    write(11).await;
    let under_way = git().await;
    assert_eq!(under_way.report.stored, 11);
    assert_eq!(under_way.report.expected, Some(20));
    assert_eq!(under_way.stored_before, 4);
    assert_eq!(under_way.transfer, advance.transfer);
    // Who is late says nothing any more.
    let mut transaction = store.begin().await;
    let report = bucketload_model::StageReport {
        state: StageState::Complete,
        stored: 20,
        ..under_way.report
    };
    let took = std::time::Duration::from_secs(1);
    transaction
        .finish_stage(import, &report, took)
        .await
        .unwrap();
    transaction
        .log_stage_end(import, at(5), Stage::Git, "20 stored")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    write(12).await;
    let ended = git().await;
    assert_eq!((ended.report.stored, ended.ended_at), (20, Some(at(5))));
}

#[tokio::test]
async fn only_the_latest_import_of_a_repository_counts() {
    let Some(store) = store().await else { return };
    let first = add(&store, "team/one", 1).await;
    let claimed = claim(&store, first, 2).await;
    release(&store, &claimed, ImportEvent::Completed, 3).await;
    let second = add(&store, "team/one", 4).await;
    let other = add(&store, "crew/two_x", 5).await;
    // One that is read back from an export is the latest, too.
    let restored = ImportId::new(at(6));
    let mut transaction = store.begin().await;
    let start = ImportStart {
        id: restored,
        name: &"crew/two_x".parse().unwrap(),
        stages: STAGES,
        now: at(6),
    };
    transaction.start_import(&start).await.unwrap();
    transaction.commit().await.unwrap();
    let latest = ImportFilter {
        only_latest: true,
        ..ImportFilter::default()
    };
    assert_eq!(found(&store, &latest).await, [restored, second]);
    let everything = found(&store, &ImportFilter::default()).await;
    assert_eq!(everything, [restored, other, second, first]);
    let counts = store.archive.count_by_state(&latest).await.unwrap();
    assert_eq!(counts[&ImportState::Queued], 1);
    assert_eq!(counts[&ImportState::Running], 1);
    let of_one = "team/one".parse().unwrap();
    let imports = store.archive.imports_of(&of_one, 10).await.unwrap();
    let ids: Vec<_> = imports.iter().map(|import| import.id).collect();
    assert_eq!(ids, [second, first]);
    let workspaces = store.archive.imported_workspaces().await.unwrap();
    assert_eq!(workspaces, ["crew", "team"]);
    // What is special in patterns is none.
    for (text, expected) in [
        ("two_X", vec![restored]),
        ("m/ONE", vec![second]),
        ("o%e", vec![]),
        ("n_", vec![]),
        ("!", vec![]),
        ("", vec![restored, second]),
    ] {
        let filter = ImportFilter {
            text: Some(text.to_owned()),
            ..latest.clone()
        };
        assert_eq!(found(&store, &filter).await, expected, "{text}");
    }
}

#[tokio::test]
async fn imports_stand_where_they_are_and_not_where_they_are_written() {
    let Some(store) = store().await else { return };
    let runs = add(&store, "team/runs", 1).await;
    let lost = add(&store, "team/lost", 2).await;
    for import in [runs, lost] {
        claim(&store, import, 3).await;
    }
    let filter = |state| ImportFilter {
        states: vec![state],
        lost: [(lost, ImportState::Queued)].into(),
        ..ImportFilter::default()
    };
    assert_eq!(found(&store, &filter(ImportState::Running)).await, [runs]);
    assert_eq!(found(&store, &filter(ImportState::Queued)).await, [lost]);
    assert!(found(&store, &filter(ImportState::Failed)).await.is_empty());
    let leased = store.archive.leased_imports().await.unwrap();
    assert_eq!(leased.len(), 2);
}

#[tokio::test]
async fn the_log_has_what_happened_in_order() {
    let Some(store) = store().await else { return };
    let import = add(&store, "team/one", 1).await;
    let mut transaction = store.begin().await;
    transaction.ask_to_pause(import, at(2)).await.unwrap();
    // In the same moment, and told apart all the same.
    transaction
        .resume(import, ImportEvent::Resumed, at(2))
        .await
        .unwrap();
    // What is not done is not noted.
    transaction
        .resume(import, ImportEvent::Retried, at(2))
        .await
        .unwrap_err();
    transaction.commit().await.unwrap();
    let claimed = claim(&store, import, 3).await;
    let mut transaction = store.begin().await;
    transaction
        .log_gap(import, at(4), Stage::Git, "a ref")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let dropped = store.begin().await;
    drop(dropped);
    let mut transaction = store.begin().await;
    transaction.bury(&claimed.lease, at(5)).await.unwrap();
    // It was buried already.
    transaction.bury(&claimed.lease, at(5)).await.unwrap();
    transaction.commit().await.unwrap();
    let claimed = claim(&store, import, 6).await;
    release(&store, &claimed, ImportEvent::Completed, 7).await;
    let log = store.archive.import_log(import, None, 100).await.unwrap();
    let what: Vec<_> = log.iter().rev().map(|entry| entry.what).collect();
    let event = Happening::Event;
    assert_eq!(
        what,
        [
            Happening::Asked,
            event(ImportEvent::PauseAsked),
            event(ImportEvent::Resumed),
            event(ImportEvent::Claimed),
            Happening::GapFound,
            Happening::Lost,
            event(ImportEvent::Claimed),
            event(ImportEvent::Completed),
        ]
    );
    assert_eq!(log[7].detail, "by ada");
    assert_eq!(log[3].stage, Some(Stage::Git));
    assert_eq!(log[0].happened_at, at(7));
    let before = store.archive.import_log(import, Some(&log[5].id), 1).await;
    assert_eq!(before.unwrap(), log[6..7]);
    let since = store.archive.logged_since(at(6)).await.unwrap();
    let ids: Vec<_> = since.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids, [log[1].id.clone(), log[0].id.clone()]);
    assert!(since.iter().all(|(_, of)| *of == import));
}

#[tokio::test]
async fn an_old_log_loses_its_beginning() {
    let Some(store) = store().await else { return };
    let import = add(&store, "team/one", 1).await;
    let mut transaction = store.begin().await;
    for second in 0..450 {
        transaction
            .log_gap(import, at(second), Stage::Git, &second.to_string())
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    claim(&store, import, 500).await;
    let log = store.archive.import_log(import, None, 1_000).await.unwrap();
    assert_eq!(log.len(), 401);
    assert_eq!(log[1].detail, "449");
    assert_eq!(log[400].detail, "50");
}

#[tokio::test]
async fn gaps_are_counted_by_reason() {
    let Some(store) = store().await else { return };
    let import = add(&store, "team/one", 1).await;
    let mut transaction = store.begin().await;
    for (object, reason) in [
        ("a", GapReason::NotFound),
        ("b", GapReason::NotPermitted),
        ("c", GapReason::NotFound),
    ] {
        let gap = Gap {
            stage: Stage::Git,
            object: object.to_owned(),
            reason,
            detail: String::new(),
            url: None,
        };
        transaction.add_gap(import, &gap).await.unwrap();
    }
    transaction.add_requests(import, "refs", 3).await.unwrap();
    transaction.commit().await.unwrap();
    let counts = store.archive.count_gaps(import).await.unwrap();
    assert_eq!(
        counts,
        [(GapReason::NotFound, 2), (GapReason::NotPermitted, 1)]
    );
    let first = store
        .archive
        .gaps_of_reason(import, GapReason::NotFound, 1)
        .await
        .unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].object, "a");
    assert_eq!(line(&store, import).await.gaps, 3);
    let requests = store.archive.requests_of(import).await.unwrap();
    assert_eq!(requests["refs"], 3);
}
