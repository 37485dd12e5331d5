//! What breaks is tried again, later and not for ever.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bucketload_model::{ImportState, ProgressEvent};
use bucketload_simulator::Effect;

use super::KIND;
use crate::queue::support::{
    Background, Panicking, bench, enqueue, options, report, runs, until, until_state,
};
use crate::support::assert_complete;

fn is_git(event: &ProgressEvent) -> bool {
    matches!(
        event,
        ProgressEvent::StageStarted {
            stage: bucketload_model::Stage::Git,
            ..
        }
    )
}

#[tokio::test]
async fn a_panic_costs_an_attempt_and_nothing_else() {
    let Some((_remote, mut local)) = bench(KIND).await else {
        return;
    };
    local.importer.sink = Arc::new(Panicking {
        fits: is_git,
        times: Mutex::new(2),
    });
    let (_queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    assert_complete(&report(&local, import).await);
    worker.stop().await;
}

#[tokio::test]
async fn what_panics_again_and_again_is_given_up_with_words() {
    let Some((_remote, mut local)) = bench(KIND).await else {
        return;
    };
    local.importer.sink = Arc::new(Panicking {
        fits: is_git,
        times: Mutex::new(u32::MAX),
    });
    let (_queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Failed).await;
    let error = report(&local, import).await.error.unwrap();
    for part in ["defect in bucketload", "3 attempts in a row", "What to do"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(local.importer.archive.leases().await.unwrap(), []);
    worker.stop().await;
}

#[tokio::test]
async fn what_failed_waits_before_it_is_tried_again() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    remote.on_path("/comments", Effect::Html { status: 503 });
    let (_queue, import) = enqueue(&local).await;
    let mut patient = options();
    patient.retry.backoff = vec![Duration::from_hours(1)];
    let worker = Background::with(&local, patient).await;
    until(async || {
        let report = report(&local, import).await;
        report.state == ImportState::Queued && report.error.is_some()
    })
    .await;
    let waiting = report(&local, import).await;
    let left = waiting.waits_until.unwrap() - local.importer.clock.now();
    assert!(left > chrono::Duration::minutes(59), "{left}");
    let (ready, next) = local
        .importer
        .archive
        .queue_depth(local.importer.clock.now())
        .await
        .unwrap();
    // To the millisecond, as the database has it.
    assert_eq!((ready, next), (0, waiting.waits_until));
    worker.stop().await;
    assert_eq!(runs(&local.sink), 1);
}

#[tokio::test]
async fn a_wrong_credential_is_not_tried_again() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    remote.on_path("/2.0/repositories/", crate::support::status(401));
    let (_queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Failed).await;
    worker.stop().await;
    let error = report(&local, import).await.error.unwrap();
    assert!(error.contains("give a credential that is valid"), "{error}");
    assert_eq!(runs(&local.sink), 1);
}
