//! A worker that is older than the tables makes room for a newer one.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{DatabaseError, Driver};
use bucketload_model::ImportState;

use super::KIND;
use crate::queue::support::{Background, bench, enqueue, report};
use crate::support::Local;

/// As if a newer program had brought the database up to date.
async fn outgrow(local: &Local) {
    let newer = "insert into _sqlx_migrations
        (version, description, success, checksum, execution_time) values (9000, 'x', true, 'x', 0)";
    match local.importer.archive.driver() {
        Driver::Sqlite(pool) => drop(sqlx::query(newer).execute(pool).await.unwrap()),
        Driver::Postgres(pool) => drop(sqlx::query(newer).execute(pool).await.unwrap()),
    }
}

#[tokio::test]
async fn it_stops_by_itself_and_leaves_what_is_to_be_done() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    let idle = Background::start(&local).await;
    outgrow(&local).await;
    let error = idle.end().await.unwrap_err();
    let is_outgrown = |error| matches!(error, DatabaseError::Outgrown { found: 9000, .. });
    assert!(is_outgrown(error));
    // One that comes now and finds something to do leaves it.
    let (_queue, import) = enqueue(&local).await;
    let error = Background::start(&local).await.end().await.unwrap_err();
    assert!(is_outgrown(error));
    let left = report(&local, import).await;
    assert_eq!((left.state, left.error), (ImportState::Queued, None));
    assert_eq!(local.importer.archive.leases().await.unwrap(), []);
    assert!(remote.rest().is_empty());
}
