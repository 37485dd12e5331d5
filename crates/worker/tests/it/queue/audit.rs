//! Who asked for what.

use bucketload_worker::queue::Asker;

use super::support::{queue, wish};
use crate::support::{Local, NAME, remote, small};

#[tokio::test]
async fn what_is_asked_is_noted_with_who_asked() {
    let remote = remote(small()).await;
    let local = Local::new(&remote).await;
    let ada = Asker::at_terminal(Some("ada"));
    let queue = queue(&local).await.asked_by(ada);
    let import = queue.enqueue(&[wish(NAME)]).await.unwrap()[0].import();
    queue.pause(import).await.unwrap();
    queue.resume(import).await.unwrap();
    queue.cancel(import).await.unwrap();
    queue.retry(import).await.unwrap();
    let nightly = "0 3 * * *".parse().unwrap();
    queue.schedule(&[wish(NAME)], &nightly).await.unwrap();
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
