//! The tickets of the queue library on a server, and what its defects there would do.

use std::time::Duration;

use bucketload_archive::{Archive, DataDir, DatabaseAddress};
use bucketload_model::ImportState;
use bucketload_worker::queue::Queue;
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection};

use super::KIND;
use crate::postgres::{Server, USER};
use crate::queue::support::{
    Background, bench, enqueue, options, queue, report, runs, until, until_state, wish,
};
use crate::support::{Local, NAME};

async fn side(local: &Local) -> PgConnection {
    let options: PgConnectOptions = local.database_url().parse().unwrap();
    options.connect().await.unwrap()
}

async fn count(local: &Local, query: &'static str) -> i64 {
    let mut side = side(local).await;
    sqlx::query_scalar(query)
        .fetch_one(&mut side)
        .await
        .unwrap()
}

#[tokio::test]
async fn tables_are_made_by_several_at_once_and_lie_apart_from_ours() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let other = Archive::open(&local.importer.data_dir).await.unwrap();
    let clock = local.importer.clock.clone();
    let (one, two) = tokio::join!(queue(&local), Queue::open(other, clock));
    two.unwrap();
    one.enqueue(&[wish(NAME)]).await.unwrap();
    let schemas = "select count(*) from information_schema.tables where table_schema = 'apalis'";
    assert!(count(&local, schemas).await > 2);
    let strange = "select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'bucketload'";
    assert_eq!(count(&local, strange).await, 0, "functions of others");
    // As docs/QUEUE.md says, where an administrator has to make it.
    let extension = "select count(*) from pg_extension e
        join pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'hstore' and n.nspname = 'public'";
    assert_eq!(count(&local, extension).await, 1);
}

#[tokio::test]
async fn a_ticket_wakes_a_worker_up_and_one_for_later_does_then() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let queue = queue(&local).await;
    let mut later = wish("seaside/elsewhere");
    let start = local.importer.clock.now() + chrono::Duration::milliseconds(1_200);
    later.not_before = Some(start);
    let later = queue.enqueue(&[later]).await.unwrap()[0].import();
    let mut no_reconciler = options();
    no_reconciler.reconcile = Duration::from_hours(1);
    let worker = Background::with(&local, no_reconciler).await;
    // The reconciler's one look is over: only a ticket wakes the worker up now.
    let workers = async || count(&local, "select count(*) from apalis.workers").await;
    until(async || workers().await == 1).await;
    let import = queue.enqueue(&[wish(NAME)]).await.unwrap()[0].import();
    until_state(&local, import, ImportState::Complete).await;
    // There is no such repository, but somebody looked.
    until_state(&local, later, ImportState::Failed).await;
    assert!(report(&local, later).await.started_at >= start);
    worker.stop().await;
}

#[tokio::test]
async fn an_enqueued_import_and_its_ticket_are_one_transaction() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let queue = queue(&local).await;
    side(&local)
        .await
        .execute("alter table apalis.jobs rename to gone")
        .await
        .unwrap();
    queue.enqueue(&[wish(NAME)]).await.unwrap_err();
    assert_eq!(
        count(&local, "select count(*) from bucketload.imports").await,
        0
    );
}

#[tokio::test]
async fn lost_tickets_are_replaced_and_used_ones_removed_when_they_are_old() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let (_queue, import) = enqueue(&local).await;
    let removed = side(&local).await.execute("delete from apalis.jobs").await;
    assert_eq!(removed.unwrap().rows_affected(), 1);
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    let done = "select count(*) from apalis.jobs where status = 'Done'";
    until(async || count(&local, done).await > 0).await;
    worker.stop().await;
    let archive = &local.importer.archive;
    let now = local.importer.clock.now();
    for (at, removes) in [(now, false), (now + chrono::Duration::hours(2), true)] {
        let mut transaction = archive.begin().await.unwrap();
        let removed = transaction.prune_tickets("bucketload-imports", at).await;
        transaction.commit().await.unwrap();
        assert_eq!(removed.unwrap() > 0, removes);
    }
    assert_eq!(
        count(&local, "select count(*) from apalis.workers").await,
        0
    );
    assert_eq!(runs(&local.sink), 1);
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_ends_nobody() {
    let Some(server) = Server::start() else {
        return;
    };
    server.sql(&format!("create database keep owner {USER}"));
    let (_remote, mut local) = {
        let remote = crate::support::remote(crate::support::small()).await;
        let local = Local::new(&remote).await;
        (remote, local)
    };
    let url = SecretString::from(server.url("keep"));
    let data_dir = DataDir::new(local.importer.data_dir.root())
        .with_database(DatabaseAddress::parse(&url).unwrap());
    local.importer.archive = Archive::open(&data_dir).await.unwrap();
    local.importer.data_dir = data_dir;
    let worker = Background::start(&local).await;
    let options: PgConnectOptions = server.url("keep").parse().unwrap();
    let workers = async || -> i64 {
        let mut side = options.connect().await.unwrap();
        let there = sqlx::query_scalar("select count(*) from apalis.workers");
        there.fetch_one(&mut side).await.unwrap()
    };
    until(async || workers().await == 1).await;
    server.crash();
    // Long enough for it to look for tickets a few times.
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.start_again();
    let (_queue, import) = enqueue(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
    // The first one stood still, and was followed by another.
    assert!(workers().await > 1);
}
