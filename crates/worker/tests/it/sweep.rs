//! What changes while a long import is at work is in it all the same.

use std::sync::Arc;

use bucketload_model::{
    Clock, ManualClock, ProgressEvent, ProgressSink, Stage, StageState, SystemClock,
};
use bucketload_simulator::{Control, Mutation};
use chrono::Duration;

use crate::support::{NAME, assert_complete, bench};

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
