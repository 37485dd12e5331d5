//! Old imports go by themselves, and what they brought stays.

use std::sync::Arc;
use std::time::Duration;

use bucketload_model::ManualClock;
use bucketload_worker::queue::WorkerOptions;

use super::KIND;
use crate::queue::support::{Background, options, until};
use crate::support::{Local, NAME, remote, small};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_worker_forgets_what_ended_long_ago() {
    let remote = remote(small()).await;
    let Some(mut local) = Local::on(KIND, &remote).await else {
        return;
    };
    let clock = Arc::new(ManualClock::new("2026-11-23T02:30:00Z".parse().unwrap()));
    local.importer.clock = clock.clone();
    let first = local.import().await;
    clock.advance(chrono::Duration::hours(1));
    let second = local.import().await;
    clock.advance(chrono::Duration::hours(30));
    let archive = &local.importer.archive;
    let repository = archive.repository(&NAME.parse().unwrap()).await.unwrap();
    let uuid = repository.unwrap().uuid;
    let stored = archive.count_pull_requests(&uuid).await.unwrap();
    let worker = Background::with(
        &local,
        WorkerOptions {
            keep_imports: Some(DAY),
            ..options()
        },
    )
    .await;
    until(async || archive.report(first.id).await.unwrap().is_none()).await;
    worker.stop().await;
    // Old too, and nothing came after it.
    assert!(archive.report(second.id).await.unwrap().is_some());
    assert!(stored > 0);
    assert_eq!(archive.count_pull_requests(&uuid).await.unwrap(), stored);
}
