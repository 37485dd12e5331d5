//! Who asked for what.

use std::sync::Arc;

use bucketload_model::ManualClock;
use bucketload_worker::queue::Asker;

use super::KIND;
use crate::queue::support::{queue, wish};
use crate::support::{Local, NAME, remote, small};

#[tokio::test]
async fn what_is_asked_is_noted_with_who_asked() {
    let remote = remote(small()).await;
    let Some(mut local) = Local::on(KIND, &remote).await else {
        return;
    };
    let clock = Arc::new(ManualClock::new("2026-11-23T02:30:00Z".parse().unwrap()));
    local.importer.clock = clock.clone();
    // Nobody asks twice in a moment.
    let later = || clock.advance(chrono::Duration::seconds(1));
    let ada = Asker::at_terminal(Some("ada"));
    let queue = queue(&local).await.asked_by(ada);
    let import = queue.enqueue(&[wish(NAME)]).await.unwrap()[0].import();
    later();
    queue.pause(import).await.unwrap();
    later();
    queue.resume(import).await.unwrap();
    later();
    queue.cancel(import).await.unwrap();
    later();
    queue.retry(import).await.unwrap();
    let nightly = "0 3 * * *".parse().unwrap();
    later();
    queue.schedule(&[wish(NAME)], &nightly).await.unwrap();
    later();
    queue.unschedule(&NAME.parse().unwrap()).await.unwrap();
    // What cannot be done is not noted.
    queue.unschedule(&NAME.parse().unwrap()).await.unwrap();
    let archive = &local.importer.archive;
    let log = archive.audit_log(None, 100).await.unwrap();
    let mut actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
    actions.reverse();
    assert_eq!(
        actions,
        [
            "asked for imports",
            "paused an import",
            "resumed an import",
            "cancelled an import",
            "retried an import",
            "scheduled imports (0 3 * * *)",
            "ended a schedule",
        ]
    );
    assert!(log.iter().all(|entry| entry.who == "cli:ada"));
    assert!(log.iter().all(|entry| entry.subject.contains(NAME)));
    let summary = archive.import_summary(import).await.unwrap().unwrap();
    assert_eq!(summary.asked_by.as_deref(), Some("cli:ada"));
}
