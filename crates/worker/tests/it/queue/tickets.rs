//! What the queue library does with tickets when something goes wrong, done to them on
//! purpose: it takes half a minute by itself, and a heavy load.

use std::time::{Duration, Instant};

use bucketload_archive::Enqueued;
use bucketload_model::{ImportState, ProgressEvent, Stage};
use bucketload_simulator::Effect;
use bucketload_worker::Selection;
use sqlx::Executor as _;

use super::support::{
    Background, enqueue, gate, options, queue, report, runs, until, until_state, wish,
};
use crate::support::{Local, NAME, bench};

/// Every ticket is there to be taken, as those are whose worker gives no sign of life: one
/// that forgot it while it had a batch of them, or one that drains.
async fn orphan_all(local: &Local) {
    let mut side = local.side().await;
    let orphan = "update jobs set status = 'Pending', lock_by = null, lock_at = null,
                      done_at = null, attempts = 0";
    let orphaned = side.execute(orphan).await.unwrap();
    assert!(orphaned.rows_affected() > 0);
}

async fn count(local: &Local, status: &str) -> i64 {
    sqlx::query_scalar("select count(*) from jobs where status = ?")
        .bind(status)
        .fetch_one(&mut local.side().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_ticket_that_comes_twice_begins_nothing_twice() {
    let (remote, local) = bench().await;
    remote.on_path("/comments", Effect::Hang);
    let (_queue, import) = enqueue(&local).await;
    let mut no_reconciler = options();
    no_reconciler.reconcile = Duration::from_hours(1);
    let one = Background::with(&local, no_reconciler.clone()).await;
    until(async || remote.asked("/comments") > 0).await;
    let other = Background::with(&local, no_reconciler).await;
    for _ in 0..3 {
        orphan_all(&local).await;
        // Somebody took it once more, and had nothing to do.
        until(async || count(&local, "Done").await > 0).await;
    }
    assert_eq!(runs(&local.sink), 1);
    let lease = local.importer.archive.leases().await.unwrap().remove(0);
    assert_eq!(lease.fence.0, 1, "claimed once");
    assert_eq!(report(&local, import).await.state, ImportState::Running);
    remote.control.clear_faults();
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_worker_runs_that_is_about_to_end_is_begun_by_nobody_else() {
    let (_remote, local) = bench().await;
    let (sink, keeper) = gate(|event| {
        matches!(
            event,
            ProgressEvent::StageAdvanced {
                stage: Stage::PullRequests,
                ..
            }
        )
    });
    // One list alone: while it stands still, nobody is in the middle of a transaction.
    let mut list = wish(NAME);
    list.stages = Selection::new(&[Stage::PullRequests], &[])
        .unwrap()
        .stages()
        .to_vec();
    let import = queue(&local).await.enqueue(&[list]).await.unwrap()[0].import();
    let mut draining = local.importer.clone();
    draining.sink = sink;
    let draining = Background::of(draining, local.finish, options()).await;
    keeper.wait();
    // It is told to end, and its run stands still.
    let ended = tokio::spawn(draining.stop());
    let other = Background::start(&local).await;
    orphan_all(&local).await;
    until(async || count(&local, "Done").await > 0).await;
    assert_eq!(runs(&local.sink), 0);
    let lease = local.importer.archive.leases().await.unwrap().remove(0);
    assert_eq!((lease.import, lease.fence.0), (import, 1));
    keeper.let_go();
    ended.await.unwrap();
    until_state(&local, import, ImportState::Complete).await;
    other.stop().await;
    assert_eq!(runs(&local.sink), 1, "handed back, and then begun");
}

#[tokio::test]
async fn a_pause_after_a_failure_ends_by_itself() {
    let (remote, local) = bench().await;
    remote.on_path("/comments", Effect::Html { status: 503 });
    let (_queue, import) = enqueue(&local).await;
    let mut by_ticket_alone = options();
    by_ticket_alone.reconcile = Duration::from_hours(1);
    by_ticket_alone.retry.backoff = vec![Duration::from_millis(1_200)];
    let worker = Background::with(&local, by_ticket_alone).await;
    until(async || report(&local, import).await.waits_until.is_some()).await;
    let pause_ends = report(&local, import).await.waits_until.unwrap();
    assert_eq!(runs(&local.sink), 1, "not at once");
    remote.control.clear_faults();
    until_state(&local, import, ImportState::Complete).await;
    let finished = report(&local, import).await.finished_at.unwrap();
    assert!(finished >= pause_ends);
    worker.stop().await;
    assert_eq!(runs(&local.sink), 2);
}

#[tokio::test]
async fn a_ticket_is_used_up_whatever_comes_of_it() {
    let (remote, local) = bench().await;
    remote.on_path("/2.0/repositories/", crate::support::status(401));
    let (_queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Failed).await;
    // Neither failed, which is tried again at once, nor running for ever.
    until(async || count(&local, "Done").await > 0).await;
    worker.stop().await;
    for status in ["Running", "Failed", "Killed", "Pending", "Queued"] {
        assert_eq!(count(&local, status).await, 0, "{status}");
    }
}

#[tokio::test]
async fn what_is_asked_for_begins_at_once_and_can_be_asked_for_again() {
    let (_remote, local) = bench().await;
    let mut by_ticket_alone = options();
    by_ticket_alone.reconcile = Duration::from_hours(1);
    let worker = Background::with(&local, by_ticket_alone).await;
    let queue = queue(&local).await;
    for round in 1..=2 {
        // It has nothing to do, and looks at the clock three times a minute.
        let asked = Instant::now();
        let answer = queue.enqueue(&[wish(NAME)]).await.unwrap()[0];
        assert!(matches!(answer, Enqueued::Added(_)), "round {round}");
        until(async || runs(&local.sink) == round).await;
        assert!(asked.elapsed() < Duration::from_secs(5));
        until_state(&local, answer.import(), ImportState::Complete).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_with_nothing_to_do_never_stops_looking() {
    let (_remote, local) = bench().await;
    let mut by_ticket_alone = options();
    by_ticket_alone.reconcile = Duration::from_hours(1);
    // Thousands of looks, of which none may be the last.
    by_ticket_alone.poll = Duration::from_millis(1);
    let worker = Background::with(&local, by_ticket_alone).await;
    let queue = queue(&local).await;
    let mut quick = wish(NAME);
    quick.stages = vec![Stage::Repository, Stage::Users, Stage::Finish];
    for round in 1..=8 {
        // For a while there is nothing.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let asked = Instant::now();
        let answer = queue.enqueue(std::slice::from_ref(&quick)).await.unwrap()[0];
        until_state(&local, answer.import(), ImportState::Complete).await;
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(5), "round {round}: {took:?}");
    }
    worker.stop().await;
}
