//! The queue: what comes next, who has it, and who has lost it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{
    Claim, Claimed, Enqueued, ImportFilter, MoveError, NewImport, Release, Schedule, Wanted,
};
use bucketload_model::{
    Checkpoint, ImportEvent, ImportId, ImportState, LeaseOwner, Limits, Priority, RepositoryName,
    Stage,
};
use chrono::{DateTime, Utc};

use super::store;
use crate::support::{Store, at};

const STAGES: &[Stage] = &[Stage::Repository, Stage::Git, Stage::Finish];

fn named(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

fn new(name: &RepositoryName, now: DateTime<Utc>) -> NewImport<'_> {
    NewImport {
        name,
        stages: STAGES,
        whole_lists: false,
        priority: Priority::default(),
        not_before: None,
        asked_by: Some("a test"),
        credential: None,
        now,
    }
}

async fn enqueue(store: &Store, new: &NewImport<'_>) -> Enqueued {
    let mut transaction = store.begin().await;
    let enqueued = transaction.enqueue(new).await.unwrap();
    transaction.commit().await.unwrap();
    enqueued
}

async fn add(store: &Store, name: &str, second: i64) -> ImportId {
    let name = named(name);
    let Enqueued::Added(import) = enqueue(store, &new(&name, at(second))).await else {
        panic!("{name} was there");
    };
    import
}

async fn next(store: &Store, second: i64, limits: Limits) -> Option<ImportId> {
    let mut transaction = store.begin().await;
    transaction.next_import(at(second), limits).await.unwrap()
}

async fn claim(store: &Store, import: ImportId, second: i64) -> Option<Claimed> {
    let owner = LeaseOwner::new();
    let mut transaction = store.begin().await;
    let claim = Claim {
        owner: &owner,
        now: at(second),
        until: at(second + 15),
        is_foreground: false,
    };
    let claimed = transaction.claim(import, &claim).await.unwrap();
    transaction.commit().await.unwrap();
    claimed
}

async fn release(store: &Store, claimed: &Claimed, event: ImportEvent) -> Option<ImportState> {
    let mut transaction = store.begin().await;
    let release = Release {
        event,
        error: None,
        wait_until: (event == ImportEvent::WaitBegan).then(|| at(1_000)),
        counts: true,
        now: at(50),
    };
    let state = transaction.release(&claimed.lease, &release).await.unwrap();
    transaction.commit().await.unwrap();
    state
}

#[tokio::test]
async fn priority_comes_first_and_then_age() {
    let Some(store) = store().await else { return };
    let old = add(&store, "team/old", 1).await;
    let young = add(&store, "team/young", 2).await;
    let urgent = add(&store, "team/urgent", 3).await;
    let mut transaction = store.begin().await;
    let ten = Priority::new(10);
    assert!(transaction.set_priority(urgent, ten).await.unwrap());
    transaction.commit().await.unwrap();
    for expected in [urgent, old, young] {
        let import = next(&store, 10, Limits::default()).await.unwrap();
        assert_eq!(import, expected);
        let claimed = claim(&store, import, 10).await.unwrap();
        assert!(!claimed.is_resumed);
        assert_eq!(claimed.stages, STAGES);
    }
    assert_eq!(next(&store, 10, Limits::default()).await, None);
    // When their leases end, they come again.
    assert_eq!(next(&store, 26, Limits::default()).await, Some(urgent));
}

#[tokio::test]
async fn imports_of_one_moment_come_in_the_order_of_the_request() {
    let Some(store) = store().await else { return };
    let mut asked = Vec::new();
    for name in ["team/m", "team/z", "team/a", "team/k", "team/b", "team/x"] {
        asked.push(add(&store, name, 1).await);
    }
    let mut came = Vec::new();
    while let Some(import) = next(&store, 10, Limits::default()).await {
        came.push(import);
        let claimed = claim(&store, import, 10).await.unwrap();
        release(&store, &claimed, ImportEvent::Completed).await;
    }
    assert_eq!(came, asked);
}

#[tokio::test]
async fn limits_count_those_who_run() {
    let Some(store) = store().await else { return };
    for (name, second) in [("a/one", 1), ("a/two", 2), ("b/one", 3)] {
        add(&store, name, second).await;
    }
    let first = next(&store, 10, Limits::default()).await.unwrap();
    claim(&store, first, 10).await.unwrap();
    let one_each = Limits {
        per_workspace: 1,
        ..Limits::default()
    };
    let import = next(&store, 10, one_each).await.unwrap();
    let summary = store.archive.import_summary(import).await.unwrap();
    assert_eq!(summary.unwrap().name, named("b/one"));
    for limits in [
        Limits {
            at_once: 1,
            ..Limits::default()
        },
        Limits {
            per_credential: 1,
            ..Limits::default()
        },
    ] {
        assert_eq!(next(&store, 10, limits).await, None, "{limits:?}");
    }
}

#[tokio::test]
async fn what_is_for_later_waits() {
    let Some(store) = store().await else { return };
    let name = named("team/later");
    let later = NewImport {
        not_before: Some(at(100)),
        ..new(&name, at(1))
    };
    let import = enqueue(&store, &later).await.import();
    assert_eq!(next(&store, 99, Limits::default()).await, None);
    let depth = store.archive.queue_depth(at(99)).await.unwrap();
    assert_eq!(depth, (0, Some(at(100))));
    let depth = store.archive.queue_depth(at(100)).await.unwrap();
    assert_eq!(depth, (1, None));
    assert_eq!(next(&store, 100, Limits::default()).await, Some(import));
    // Somebody else is in more of a hurry.
    let joined = enqueue(&store, &new(&name, at(2))).await;
    assert_eq!(joined, Enqueued::Joined(import, ImportState::Queued));
    assert_eq!(next(&store, 3, Limits::default()).await, Some(import));
}

#[tokio::test]
async fn who_was_buried_writes_nothing_and_ends_nothing() {
    let Some(store) = store().await else { return };
    let import = add(&store, "team/one", 1).await;
    let lost = claim(&store, import, 10).await.unwrap();
    let mut transaction = store.begin().await;
    let fence = lost.lease.fence;
    assert!(transaction.check_fence(import, fence, true).await.unwrap());
    transaction.bury(&lost.lease, at(11)).await.unwrap();
    transaction.commit().await.unwrap();
    let found = claim(&store, import, 12).await.unwrap();
    assert!(found.is_resumed && found.lease.fence > fence);
    let mut transaction = store.begin().await;
    assert!(!transaction.check_fence(import, fence, true).await.unwrap());
    assert!(!transaction.renew(&lost.lease, at(99)).await.unwrap());
    drop(transaction);
    assert_eq!(store.archive.wanted(&lost.lease).await.unwrap(), None);
    assert_eq!(release(&store, &lost, ImportEvent::Completed).await, None);
    let leases = store.archive.leases().await.unwrap();
    assert_eq!(leases, std::slice::from_ref(&found.lease));
    let ended = release(&store, &found, ImportEvent::Completed).await;
    assert_eq!(ended, Some(ImportState::Complete));
    let mut transaction = store.begin().await;
    let is_ours = transaction
        .check_fence(import, found.lease.fence, true)
        .await;
    assert!(!is_ours.unwrap(), "who has let go writes nothing more");
}

#[tokio::test]
async fn what_people_want_reaches_the_run() {
    let Some(store) = store().await else { return };
    let import = add(&store, "team/one", 1).await;
    let run = claim(&store, import, 10).await.unwrap();
    let wanted = async || store.archive.wanted(&run.lease).await.unwrap();
    assert_eq!(wanted().await, Some(None));
    let mut transaction = store.begin().await;
    let state = transaction.ask_to_pause(import, at(11)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(state, ImportState::Running);
    assert_eq!(wanted().await, Some(Some(Wanted::Pause)));
    let mut transaction = store.begin().await;
    let state = transaction.ask_to_cancel(import, at(12)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(state, ImportState::Cancelling);
    assert_eq!(wanted().await, Some(Some(Wanted::Cancel)));
    let ended = release(&store, &run, ImportEvent::HandedBack).await;
    assert_eq!(ended, Some(ImportState::Cancelled));
    let mut transaction = store.begin().await;
    let refused = transaction.ask_to_pause(import, at(13)).await.unwrap_err();
    assert!(matches!(refused, MoveError::Wrong(_)), "{refused:?}");
    let unknown = transaction
        .ask_to_cancel(ImportId::new(at(0)), at(13))
        .await;
    assert!(matches!(unknown, Err(MoveError::Unknown(_))));
}

#[tokio::test]
async fn attempts_that_bring_nothing_forward_are_counted() {
    let Some(store) = store().await else { return };
    let import = add(&store, "team/one", 1).await;
    let attempt = async |checkpoint: Option<&str>| {
        let run = claim(&store, import, 10).await.unwrap();
        if let Some(page) = checkpoint {
            let mut transaction = store.begin().await;
            let page = Checkpoint::NextPage(page.to_owned());
            transaction
                .save_checkpoint(import, Stage::Git, &page, None)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        }
        release(&store, &run, ImportEvent::HandedBack).await;
        run.stalled_attempts
    };
    assert_eq!(attempt(None).await, 0);
    assert_eq!(attempt(None).await, 1);
    assert_eq!(attempt(Some("one")).await, 2);
    // The same place again is no progress, another is.
    assert_eq!(attempt(Some("one")).await, 0);
    assert_eq!(attempt(Some("two")).await, 1);
    assert_eq!(attempt(None).await, 0);
}

#[tokio::test]
async fn a_wait_has_an_end_that_everybody_sees() {
    let Some(store) = store().await else { return };
    let import = add(&store, "team/one", 1).await;
    let run = claim(&store, import, 10).await.unwrap();
    let state = release(&store, &run, ImportEvent::WaitBegan).await;
    assert_eq!(state, Some(ImportState::Waiting));
    let report = store.archive.report(import).await.unwrap().unwrap();
    assert_eq!(report.waits_until, Some(at(1_000)));
    assert_eq!(next(&store, 999, Limits::default()).await, None);
    assert_eq!(next(&store, 1_000, Limits::default()).await, Some(import));
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let Some(store) = store().await else { return };
    let mut imports = Vec::new();
    for second in 1..=5 {
        imports.push(add(&store, &format!("team/{second}"), second).await);
    }
    imports.push(add(&store, "other/one", 6).await);
    claim(&store, imports[2], 10).await.unwrap();
    let ids = async |filter: ImportFilter| -> Vec<ImportId> {
        let found = store.archive.imports(&filter).await.unwrap();
        found.into_iter().map(|import| import.id).collect()
    };
    imports.reverse();
    assert_eq!(ids(ImportFilter::default()).await, imports);
    let page = ImportFilter {
        before: Some(imports[1]),
        limit: Some(2),
        ..ImportFilter::default()
    };
    assert_eq!(ids(page).await, imports[2..4]);
    let running = ImportFilter {
        states: vec![ImportState::Running, ImportState::Failed],
        workspace: Some("team".parse().unwrap()),
        ..ImportFilter::default()
    };
    assert_eq!(ids(running).await, [imports[3]]);
    let mut counts = store.archive.count_imports().await.unwrap();
    counts.sort_by_key(|(state, _)| state.name());
    assert_eq!(
        counts,
        [(ImportState::Queued, 5), (ImportState::Running, 1)]
    );
}

#[tokio::test]
async fn schedules_are_due_once() {
    let Some(store) = store().await else { return };
    let schedule = Schedule {
        name: named("team/one"),
        stages: STAGES.to_vec(),
        cron: "0 3 * * *".to_owned(),
        next_at: at(100),
        scheduled_at: at(50),
        priority: Priority::new(-1),
        asked_by: None,
        credential: None,
    };
    let mut transaction = store.begin().await;
    transaction.put_schedule(&schedule).await.unwrap();
    assert!(transaction.due_schedules(at(99)).await.unwrap().is_empty());
    let due = transaction.due_schedules(at(100)).await.unwrap();
    assert_eq!(due, std::slice::from_ref(&schedule));
    let later = Schedule {
        next_at: at(200),
        ..schedule
    };
    transaction.put_schedule(&later).await.unwrap();
    assert!(transaction.due_schedules(at(100)).await.unwrap().is_empty());
    transaction.commit().await.unwrap();
    assert_eq!(store.archive.schedules().await.unwrap(), [later]);
    let mut transaction = store.begin().await;
    let removed = transaction.remove_schedules(&named("team/one")).await;
    assert_eq!(removed.unwrap(), 1);
}

#[tokio::test]
async fn what_failed_goes_on_with_the_credential_of_whoever_asks_for_it_again() {
    let Some(store) = store().await else { return };
    let name = named("team/kettle");
    let asked = |credential, second| NewImport {
        credential,
        ..new(&name, at(second))
    };
    let import = enqueue(&store, &asked(Some("ada's"), 1)).await.import();
    for (credential, expected) in [
        (Some("bob's"), Some("bob's")),
        // It is not kept any more: whoever names none gets that of the configuration.
        (None, None),
    ] {
        let claimed = claim(&store, import, 2).await.unwrap();
        release(&store, &claimed, ImportEvent::Failed).await;
        let again = enqueue(&store, &asked(credential, 3)).await;
        assert_eq!(again, Enqueued::Resumed(import));
        let claimed = claim(&store, import, 4).await.unwrap();
        assert_eq!(claimed.credential.as_deref(), expected);
        release(&store, &claimed, ImportEvent::HandedBack).await;
    }
}
