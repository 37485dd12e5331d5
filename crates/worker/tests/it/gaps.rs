//! What is missing is named, the rest is kept, and the next import tries again.

use bucketload_auth::Credential;
use bucketload_model::{GapReason, ImportState, ProgressEvent, Stage, StageState};
use bucketload_simulator::{Effect, Fault, Mutation};

use crate::support::{
    Local, NAME, TOKEN, assert_complete, assert_counters_only_rise, bench, only_gap, remote, small,
    stage, status, talkative,
};

#[tokio::test]
async fn one_discussion_that_may_not_be_read() {
    let (remote, local) = bench().await;
    let talkative = talkative(&local).await;
    let id = talkative[3];
    for (code, reason) in [
        (403, GapReason::NotPermitted),
        (404, GapReason::NotFound),
        (410, GapReason::RemovedByAtlassian),
        (400, GapReason::Unreadable),
        (500, GapReason::SourceError),
    ] {
        remote.control.clear_faults();
        remote.on_path(&format!("/pullrequests/{id}/comments"), status(code));
        remote.control.reset_log();
        let report = local.import().await;
        let gap = only_gap(&report);
        assert_eq!(
            (gap.stage, gap.reason),
            (Stage::PullRequestComments, reason)
        );
        assert_eq!(gap.object, format!("comments of pull request #{id}"));
        assert!(gap.detail.contains("No."), "{}", gap.detail);
        assert!(gap.url.as_ref().unwrap().contains("/comments"));
        let comments = stage(&report, Stage::PullRequestComments);
        assert_eq!(comments.state, StageState::CompleteWithGaps);
        assert!(
            comments.missing > 0 && comments.stored > 200,
            "{comments:?}"
        );
        assert_eq!(report.requests.total, remote.rest().len() as u64);
    }
    let recorded = local.sink.events().into_iter();
    let recorded = recorded.filter(|event| matches!(event, ProgressEvent::GapRecorded { .. }));
    // What may pass is tried once more at the end, and fails again.
    assert_eq!(recorded.count(), 6);

    remote.control.clear_faults();
    remote.control.reset_log();
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(remote.asked("/comments"), 1, "only what was wanting");
    assert_counters_only_rise(&local.sink.events());
}

#[tokio::test]
async fn what_failed_for_a_while_is_there_at_the_end() {
    let (remote, local) = bench().await;
    let talkative = talkative(&local).await;
    let comments = format!("/pullrequests/{}/comments", talkative[3]);
    // One request and five more tries: given up once.
    let fault = Fault::on_path(&comments, status(500)).times(6);
    remote.control.add_fault(fault);
    remote.control.reset_log();
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(remote.asked(&comments), 7);
    assert_eq!(report.requests.total, remote.rest().len() as u64);
    let recorded = local.sink.events().into_iter();
    let recorded = recorded.filter(|event| matches!(event, ProgressEvent::GapRecorded { .. }));
    assert_eq!(recorded.count(), 1);
}

#[tokio::test]
async fn a_token_without_the_scope_for_pull_requests() {
    let remote = remote(small()).await;
    let local = Local::with(
        &remote,
        Credential::access_token("simulator-repository-only"),
    )
    .await;
    let report = local.import().await;
    assert_eq!(report.state, ImportState::CompleteWithGaps);
    let gap = |stage| report.gaps.iter().find(|gap| gap.stage == stage).unwrap();
    let refused = gap(Stage::PullRequests);
    assert_eq!(refused.reason, GapReason::NotPermitted);
    assert!(refused.detail.contains("pullrequest"), "{}", refused.detail);
    for stage in [Stage::Users, Stage::PullRequestActivity] {
        assert_eq!(gap(stage).reason, GapReason::NotPermitted);
    }
    let gaps = report.gaps.iter();
    let gaps = gaps.filter(|gap| gap.stage != Stage::Settings);
    assert_eq!(gaps.count(), 3);
    assert_eq!(stage(&report, Stage::Git).state, StageState::Complete);
}

#[tokio::test]
async fn members_that_may_not_be_listed() {
    for code in [401, 403] {
        let (remote, local) = bench().await;
        remote.on_path("/members", status(code));
        let report = local.import().await;
        let gap = only_gap(&report);
        assert_eq!(
            (gap.stage, gap.reason),
            (Stage::Users, GapReason::NotPermitted)
        );
        assert_eq!(stage(&report, Stage::PullRequests).stored, 60);
        remote.control.clear_faults();
        assert_complete(&local.import().await);
    }
}

#[tokio::test]
async fn a_mercurial_repository_keeps_everything_but_its_history() {
    let (remote, local) = bench().await;
    remote.mutate(Mutation::SetScm {
        repository: NAME.to_owned(),
        scm: "hg".to_owned(),
    });
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(
        (gap.stage, gap.reason),
        (Stage::Git, GapReason::UnsupportedScm)
    );
    assert!(gap.detail.contains("hg"));
    assert_eq!(stage(&report, Stage::PullRequests).stored, 60);
    assert!(
        !local
            .importer
            .data_dir
            .mirror(&NAME.parse().unwrap())
            .exists()
    );
}

#[tokio::test]
async fn a_pull_request_that_cannot_be_read_costs_nobody_the_others() {
    let (remote, local) = bench().await;
    let effect = Effect::RemoveField {
        field: "values[4].id".to_owned(),
    };
    remote.control.add_fault(Fault::on_path("page=2", effect));
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(
        (gap.stage, gap.reason),
        (Stage::PullRequests, GapReason::Unreadable)
    );
    assert!(
        gap.object.contains("object 5") && gap.detail.contains("id"),
        "{gap:?}"
    );
    let pull_requests = stage(&report, Stage::PullRequests);
    assert_eq!(
        (
            pull_requests.expected,
            pull_requests.stored,
            pull_requests.missing
        ),
        (Some(60), 59, 1)
    );
    remote.control.clear_faults();
    assert_complete(&local.import().await);
}

#[tokio::test]
async fn a_comment_that_cannot_be_read_is_read_again_by_the_next_import() {
    let (remote, local) = bench().await;
    let id = talkative(&local).await[0];
    let effect = Effect::ReplaceField {
        field: "values[0].id".to_owned(),
        value: "seven".into(),
    };
    remote.on_path(&format!("/pullrequests/{id}/comments"), effect);
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(gap.reason, GapReason::Unreadable);
    assert!(
        gap.object
            .starts_with(&format!("comments of pull request #{id}, object 1"))
    );
    assert_eq!(stage(&report, Stage::PullRequestComments).missing, 1);
    remote.control.clear_faults();
    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(remote.asked("/comments"), 1);
}

#[tokio::test]
async fn a_gap_goes_when_the_same_import_reads_it_after_all() {
    let (remote, local) = bench().await;
    let ids = talkative(&local).await;
    let effect = Effect::ReplaceField {
        field: "values[0].id".to_owned(),
        value: "seven".into(),
    };
    remote.on_path(&format!("/pullrequests/{}/comments", ids[0]), effect);
    remote.on_path(&format!("/pullrequests/{}/comments", ids[1]), status(403));
    remote.on_path("/members", status(400));
    let outcome = local
        .try_import(NAME, &bucketload_worker::Selection::default())
        .await;
    assert_eq!(outcome.failure.unwrap().stage, Stage::Users);
    assert_eq!(outcome.report.gaps.len(), 2);
    remote.control.clear_faults();
    let report = local.import().await;
    assert_eq!(report.id, outcome.report.id, "the same import goes on");
    assert_complete(&report);
}

#[tokio::test]
async fn fewer_than_reported_is_a_gap_even_if_nothing_failed() {
    let (remote, local) = bench().await;
    // Bitbucket says 61 and shows 60.
    let effect = Effect::ReplaceField {
        field: "size".to_owned(),
        value: 61.into(),
    };
    remote.on_path("/pullrequests?", effect);
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(
        (gap.stage, gap.reason),
        (Stage::PullRequests, GapReason::CountMismatch)
    );
    assert!(
        gap.detail.contains("61") && gap.detail.contains("60"),
        "{}",
        gap.detail
    );
}

#[tokio::test]
async fn git_that_may_not_be_fetched() {
    let remote = remote(small()).await;
    let local = Local::new(&remote).await;
    remote.on_path("lighthouse.git/info/refs", status(403));
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(
        (gap.stage, gap.reason),
        (Stage::Git, GapReason::NotPermitted)
    );
    assert!(!gap.detail.contains(TOKEN));
    assert_eq!(stage(&report, Stage::PullRequests).stored, 60);
}
