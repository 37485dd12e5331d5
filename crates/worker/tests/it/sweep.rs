//! What changes while a long import is at work is in it all the same.

use std::sync::Arc;

use bucketload_model::{
    Clock, ManualClock, ProgressEvent, ProgressSink, Stage, StageState, SystemClock,
};
use bucketload_simulator::{Control, IssueTracker, Mutation, SeedOptions};
use chrono::Duration;

use crate::support::{Local, NAME, assert_complete, bench, remote, small};

/// Somebody comments when all comments have just been read; and it has taken
/// two minutes until then.
#[derive(Debug)]
struct LateComment {
    control: Control,
    clock: Arc<ManualClock>,
    after: Duration,
}

impl ProgressSink for LateComment {
    fn emit(&self, event: ProgressEvent) {
        if let ProgressEvent::StageFinished {
            stage: Stage::PullRequestComments,
            state: StageState::Complete,
            ..
        } = event
        {
            self.clock.advance(self.after);
            let comment = Mutation::AddComment {
                repository: NAME.to_owned(),
                pull_request: 1,
                text: "One last thing".to_owned(),
            };
            self.control.mutate(comment).unwrap();
        }
    }
}

async fn import_with_a_late_comment(after: Duration) -> (bool, usize) {
    let (remote, mut local) = bench().await;
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    local.importer.clock = clock.clone();
    local.importer.sink = Arc::new(LateComment {
        control: remote.control.clone(),
        clock,
        after,
    });
    remote.control.reset_log();
    assert_complete(&local.import().await);
    let comments = local.objects("pull_request_comments.jsonl").await;
    let came = comments
        .iter()
        .any(|comment| comment["content"]["raw"] == "One last thing");
    (came, remote.asked("q=updated_on"))
}

/// The same with a comment on an issue.
#[derive(Debug)]
struct LateIssueComment(LateComment);

impl ProgressSink for LateIssueComment {
    fn emit(&self, event: ProgressEvent) {
        if let ProgressEvent::StageFinished {
            stage: Stage::IssueComments,
            state: StageState::Complete,
            ..
        } = event
        {
            self.0.clock.advance(self.0.after);
            let comment = Mutation::AddIssueComment {
                repository: NAME.to_owned(),
                issue: 1,
                text: "One last thing".to_owned(),
            };
            self.0.control.mutate(comment).unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_said_of_an_issue_meanwhile_is_in_it_too() {
    let remote = remote(SeedOptions {
        pull_requests: 1,
        issues: 4,
        issue_tracker: IssueTracker::Answers,
        ..small()
    })
    .await;
    let mut local = Local::new(&remote).await;
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    local.importer.clock = clock.clone();
    local.importer.sink = Arc::new(LateIssueComment(LateComment {
        control: remote.control.clone(),
        clock,
        after: Duration::minutes(2),
    }));
    assert_complete(&local.import().await);
    let comments = local.objects("issue_comments.jsonl").await;
    let said = comments
        .iter()
        .filter(|one| one["content"]["raw"] == "One last thing");
    assert_eq!(said.count(), 1);
}

#[tokio::test]
async fn a_long_import_asks_once_more_at_its_end() {
    assert_eq!(
        import_with_a_late_comment(Duration::minutes(2)).await,
        (true, 1)
    );
}

#[tokio::test]
async fn a_short_import_leaves_it_to_the_next_one() {
    assert_eq!(
        import_with_a_late_comment(Duration::seconds(1)).await,
        (false, 0)
    );
}
