//! The defects of the queue library that were found, and that none of them shows.
//!
//! | what it does | where it is shown not to |
//! |---|---|
//! | starts long jobs twice with batches | `tickets::a_ticket_that_comes_twice_begins_nothing_twice` |
//! | starts those of a worker that drains | `tickets::what_a_worker_runs_that_is_about_to_end_is_begun_by_nobody_else` |
//! | keeps what a name had that is used again | `a_worker_that_is_killed_is_followed_by_one_at_once` |
//! | retries at once | `suite::broken::what_failed_waits_before_it_is_tried_again` |
//! | sticks with a delay | `tickets::a_pause_after_a_failure_ends_by_itself`, `a_ticket_for_later_is_used_then` |
//! | leaves a job that panicked as running | `suite::broken::a_panic_costs_an_attempt_and_nothing_else` |
//! | leaves or repeats one that failed | `tickets::a_ticket_is_used_up_whatever_comes_of_it` |
//! | lets new jobs wait for its next sign of life; takes a key once for ever | `tickets::what_is_asked_for_begins_at_once_and_can_be_asked_for_again` |
//! | stops looking for tickets until its next sign of life | `tickets::a_worker_with_nothing_to_do_never_stops_looking` |
//! | ends with success when the database is away | `an_outage_of_the_database_does_not_end_the_worker` |
//! | removes everything in its housekeeping | `housekeeping_removes_what_is_old_and_nothing_else` |
//! | `setup()` turns off syncing; its table of migrations is ours | `the_database_still_syncs` |

use std::time::Duration;

use bucketload_archive::Driver;
use bucketload_model::ImportState;
use sqlx::Executor as _;

use super::support::{Background, enqueue, options, queue, report, runs, until, until_state, wish};
use crate::support::{Local, NAME, bench, remote, small};

#[tokio::test]
async fn the_database_still_syncs() {
    let (_remote, local) = bench().await;
    queue(&local).await;
    let Driver::Sqlite(pool) = local.importer.archive.driver() else {
        panic!("it is no file");
    };
    let synchronous: i64 = sqlx::query_scalar("pragma synchronous")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(synchronous, 1, "NORMAL");
    // And the tables have migrations of their own.
    let ours: i64 = sqlx::query_scalar("select max(version) from _sqlx_migrations")
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(ours < 10_000, "{ours}");
}

#[tokio::test]
async fn tables_are_made_by_several_at_once() {
    let remote = remote(small()).await;
    let local = Local::new(&remote).await;
    let other = bucketload_archive::Archive::open(&local.importer.data_dir)
        .await
        .unwrap();
    let clock = local.importer.clock.clone();
    let (one, two) = tokio::join!(
        queue(&local),
        bucketload_worker::queue::Queue::open(other, clock)
    );
    two.unwrap();
    one.enqueue(&[wish(NAME)]).await.unwrap();
}

#[tokio::test]
async fn a_ticket_for_later_is_used_then() {
    let (_remote, local) = bench().await;
    let queue = queue(&local).await;
    let mut later = wish(NAME);
    let start = local.importer.clock.now() + chrono::Duration::milliseconds(1_200);
    later.not_before = Some(start);
    let import = queue.enqueue(&[later]).await.unwrap()[0].import();
    let mut no_reconciler = options();
    no_reconciler.reconcile = Duration::from_hours(1);
    let worker = Background::with(&local, no_reconciler).await;
    until_state(&local, import, ImportState::Complete).await;
    assert!(report(&local, import).await.started_at >= start);
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_killed_is_followed_by_one_at_once() {
    // The same process, the same machine, a second later: a name used twice would keep
    // what the dead one had.
    let (remote, local) = bench().await;
    remote.on_path("/comments", bucketload_simulator::Effect::Hang);
    let (_queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    until(async || remote.asked("/comments") > 0).await;
    worker.kill().await;
    remote.control.clear_faults();
    let next = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    next.stop().await;
}

#[tokio::test]
async fn an_outage_of_the_database_does_not_end_the_worker() {
    let (_remote, local) = bench().await;
    let worker = Background::start(&local).await;
    let workers = async || -> i64 {
        sqlx::query_scalar("select count(*) from workers")
            .fetch_one(&mut local.side().await)
            .await
            .unwrap()
    };
    until(async || workers().await == 1).await;
    local
        .side()
        .await
        .execute("alter table jobs rename to gone")
        .await
        .unwrap();
    // Long enough for it to look for tickets a few times.
    tokio::time::sleep(Duration::from_millis(300)).await;
    local
        .side()
        .await
        .execute("alter table gone rename to jobs")
        .await
        .unwrap();
    let (_queue, import) = enqueue(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
    // The first one stood still, and was followed by another.
    assert!(workers().await > 1);
}

#[tokio::test]
async fn lost_tickets_are_replaced() {
    let (_remote, local) = bench().await;
    let (_queue, import) = enqueue(&local).await;
    let removed = local.side().await.execute("delete from jobs").await;
    assert_eq!(removed.unwrap().rows_affected(), 1);
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
}

#[tokio::test]
async fn housekeeping_removes_what_is_old_and_nothing_else() {
    let (_remote, local) = bench().await;
    let (_queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    until(async || {
        let done: i64 = sqlx::query_scalar("select count(*) from jobs where status = 'Done'")
            .fetch_one(&mut local.side().await)
            .await
            .unwrap();
        done > 0
    })
    .await;
    worker.stop().await;
    let archive = &local.importer.archive;
    let now = local.importer.clock.now();
    for (at, removes) in [(now, false), (now + chrono::Duration::hours(2), true)] {
        let mut transaction = archive.begin().await.unwrap();
        let removed = transaction.prune_tickets("bucketload-imports", at).await;
        transaction.commit().await.unwrap();
        assert_eq!(removed.unwrap() > 0, removes);
    }
    assert_eq!(runs(&local.sink), 1);
}
