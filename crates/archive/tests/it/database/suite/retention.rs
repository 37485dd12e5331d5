//! Old imports go, and never what somebody may miss.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_model::{Gap, GapReason, ImportId, ImportState, RepositoryName, Stage};

use super::store;
use crate::support::{Store, at, name};

/// An import that began and ended at a second, with these gaps.
async fn ended(
    store: &Store,
    name: &RepositoryName,
    second: i64,
    state: ImportState,
    gaps: &[&str],
) -> ImportId {
    let import = store.start_import(second, name).await;
    let mut transaction = store.begin().await;
    for object in gaps {
        let gap = Gap {
            stage: Stage::PullRequests,
            object: (*object).to_owned(),
            reason: GapReason::Unreadable,
            detail: String::new(),
            url: None,
        };
        transaction.add_gap(import, &gap).await.unwrap();
    }
    transaction
        .add_requests(import, "pullrequests", 1)
        .await
        .unwrap();
    transaction
        .set_import_state(import, state, None, Some(at(second)))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    import
}

async fn remove(store: &Store, before: i64, limit: u32) -> u64 {
    let mut transaction = store.begin().await;
    let removed = transaction.remove_old_imports(at(before), limit).await;
    transaction.commit().await.unwrap();
    removed.unwrap()
}

async fn is_there(store: &Store, import: ImportId) -> bool {
    store.archive.report(import).await.unwrap().is_some()
}

#[tokio::test]
async fn what_others_came_after_goes_with_all_that_hangs_on_it() {
    let Some(store) = store().await else { return };
    let complete = ImportState::Complete;
    let name = name();
    let first = ended(&store, &name, 1, complete, &["a pull request"]).await;
    let failed = ended(&store, &name, 2, ImportState::Failed, &[]).await;
    let second = ended(&store, &name, 3, complete, &[]).await;
    let last = ended(&store, &name, 4, complete, &[]).await;
    let of_other = ended(&store, &"team/other".parse().unwrap(), 1, complete, &[]).await;
    // Not old enough.
    assert_eq!(remove(&store, 1, 10).await, 0);
    // In batches, the oldest first.
    assert_eq!(remove(&store, 100, 2).await, 2);
    assert!(!is_there(&store, first).await && !is_there(&store, failed).await);
    assert!(is_there(&store, second).await);
    assert_eq!(remove(&store, 100, 2).await, 1);
    assert_eq!(remove(&store, 100, 2).await, 0);
    for latest in [last, of_other] {
        assert!(is_there(&store, latest).await);
    }
    assert!(store.archive.gaps(first).await.unwrap().is_empty());
    let states = store.archive.stage_states(first).await.unwrap();
    assert!(states.is_empty(), "{states:?}");
}

#[tokio::test]
async fn what_reached_its_end_last_stays_whatever_failed_since() {
    let Some(store) = store().await else { return };
    let name = name();
    let whole = ended(&store, &name, 1, ImportState::Complete, &[]).await;
    let failed = ended(&store, &name, 2, ImportState::Failed, &[]).await;
    let cancelled = ended(&store, &name, 3, ImportState::Cancelled, &[]).await;
    assert_eq!(remove(&store, 100, 10).await, 0);
    for import in [whole, failed, cancelled] {
        assert!(is_there(&store, import).await);
    }
}

#[tokio::test]
async fn a_gap_stays_known_until_later_imports_know_better() {
    let Some(store) = store().await else { return };
    let name = name();
    let with_gaps = ImportState::CompleteWithGaps;
    let first = ended(&store, &name, 1, with_gaps, &["one", "two"]).await;
    // It did not look at “two” again.
    let second = ended(&store, &name, 2, with_gaps, &["one"]).await;
    let third = ended(&store, &name, 3, with_gaps, &["one", "three"]).await;
    assert_eq!(remove(&store, 100, 10).await, 1);
    assert!(is_there(&store, first).await && !is_there(&store, second).await);
    // Both gaps of the first are known of others now.
    ended(&store, &name, 4, with_gaps, &["two"]).await;
    assert_eq!(remove(&store, 100, 10).await, 1);
    assert!(!is_there(&store, first).await && is_there(&store, third).await);
    // And nothing is missing any more.
    ended(&store, &name, 5, ImportState::Complete, &[]).await;
    assert_eq!(remove(&store, 100, 10).await, 2);
}
