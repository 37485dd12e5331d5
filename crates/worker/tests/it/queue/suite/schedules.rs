//! What is imported again and again.

use std::sync::Arc;

use bucketload_archive::ImportFilter;
use bucketload_model::{Clock as _, ImportState, ManualClock, Stage};

use super::KIND;
use crate::queue::support::{Background, queue, until, until_state, wish};
use crate::support::{Local, NAME, remote, small};

#[tokio::test]
async fn a_schedule_puts_an_import_into_the_queue_when_it_is_due() {
    let remote = remote(small()).await;
    let Some(mut local) = Local::on(KIND, &remote).await else {
        return;
    };
    let monday = "2026-11-23T02:30:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(monday));
    local.importer.clock = clock.clone();
    let queue = queue(&local).await;
    let mut small = wish(NAME);
    small.stages = vec![Stage::Repository, Stage::Users, Stage::Finish];
    let nightly = "0 3 * * *".parse().unwrap();
    let next = queue.schedule(&[small], &nightly).await.unwrap().unwrap();
    assert_eq!(next.to_rfc3339(), "2026-11-23T03:00:00+00:00");
    let worker = Background::start(&local).await;
    let archive = &local.importer.archive;
    assert_eq!(archive.count_imports().await.unwrap(), []);

    // Two nights go by while nobody works: one import makes up for both.
    clock.advance(chrono::Duration::days(2));
    until(async || !archive.count_imports().await.unwrap().is_empty()).await;
    let imports = archive.imports(&ImportFilter::default()).await.unwrap();
    assert_eq!(imports.len(), 1);
    until_state(&local, imports[0].id, ImportState::Complete).await;
    let schedules = archive.schedules().await.unwrap();
    assert_eq!(
        schedules[0].next_at.to_rfc3339(),
        "2026-11-25T03:00:00+00:00"
    );
    assert!(schedules[0].next_at > clock.now());
    assert_eq!(queue.unschedule(&NAME.parse().unwrap()).await.unwrap(), 1);
    worker.stop().await;
}
