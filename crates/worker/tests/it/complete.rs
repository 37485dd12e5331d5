//! Undisturbed imports: everything comes, is counted once, and costs what it must.

use std::collections::BTreeMap;

use bucketload_auth::Credential;
use bucketload_model::{ImportState, ProgressEvent, Stage, StageState};
use bucketload_simulator::SeedOptions;
use bucketload_worker::Selection;

use crate::support::{
    Local, NAME, assert_complete, assert_counters_only_rise, bench, remote, small, stage, talkative,
};

#[tokio::test]
async fn what_is_expected_is_stored_and_the_report_says_what_it_cost() {
    let (remote, local) = bench().await;
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(report.source, NAME);
    for (name, expected) in [
        (Stage::Repository, Some(1)),
        (Stage::Users, Some(12)),
        (Stage::PullRequests, Some(60)),
    ] {
        assert_eq!(stage(&report, name).expected, expected, "{name}");
    }
    let comments = stage(&report, Stage::PullRequestComments);
    assert!(comments.stored > 200, "{comments:?}");
    assert_eq!(comments.expected, Some(comments.stored));
    let git = stage(&report, Stage::Git);
    assert_eq!(git.expected, Some(report.git.refs));
    assert!(report.git.refs > 0 && report.git.bytes_received > 0);
    assert!(report.git.commits.is_some_and(|commits| commits > 0));

    assert_eq!(report.requests.total, remote.rest().len() as u64);
    let by_endpoint: u64 = report.requests.by_endpoint.values().sum();
    assert_eq!(report.requests.total, by_endpoint);
    assert_eq!(report.requests.by_endpoint["repository"], 1);
    assert_eq!(report.requests.by_endpoint["members"], 1);
    // Two pages, and one small question to estimate the discussions.
    assert_eq!(report.requests.by_endpoint["pullrequests"], 3);
    assert_eq!(
        report.requests.by_endpoint["pullrequests/comments"],
        remote.asked("/comments") as u64
    );

    let export = local.export(NAME).await;
    let lines = |file: &str| export[file].split(|byte| *byte == b'\n').count() - 1;
    assert_eq!(lines("pull_requests.jsonl"), 60);
    assert_eq!(lines("pull_request_comments.jsonl") as u64, comments.stored);
    assert!(export.contains_key("git.bundle"));
}

#[tokio::test]
async fn events_and_report_tell_the_same_story() {
    let (_remote, local) = bench().await;
    let report = local.import().await;
    let events = local.sink.events();
    assert_counters_only_rise(&events);
    let Some(ProgressEvent::ImportStarted {
        stages, resumed, ..
    }) = events.first()
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (&stages[..], *resumed),
        (Selection::default().stages(), false)
    );
    let Some(ProgressEvent::ImportFinished { report: told, .. }) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(**told, report);

    let mut started = Vec::new();
    let mut finished = BTreeMap::new();
    for event in &events {
        match event {
            ProgressEvent::StageStarted { stage, .. } => started.push(*stage),
            ProgressEvent::StageFinished {
                stage,
                state,
                stored,
                expected,
                ..
            } => {
                let before = finished.insert(*stage, (*state, *stored, *expected));
                assert!(before.is_none(), "{stage} ended twice");
            }
            ProgressEvent::GapRecorded { gap, .. } => panic!("{gap:?}"),
            _ => {}
        }
    }
    assert_eq!(started.first(), Some(&Stage::Repository));
    assert_eq!(started.last(), Some(&Stage::Finish));
    let run = report.stages.iter();
    for stage in run.filter(|stage| stage.state != StageState::Skipped) {
        let told = (stage.state, stage.stored, stage.expected);
        assert_eq!(finished[&stage.name], told, "{}", stage.name);
    }
}

#[tokio::test]
async fn a_second_import_writes_no_content_and_costs_two_requests() {
    let (remote, local) = bench().await;
    local.import().await;
    let before = local.export(NAME).await;
    local.watch().await;
    remote.control.reset_log();
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(local.touched().await, [""; 0]);
    // The repository, and what changed; members were read just now.
    let rest = remote.rest();
    assert_eq!(rest.len(), 2, "{rest:#?}");
    assert_eq!(report.requests.total, 2);
    assert_eq!(remote.asked("q=updated_on"), 1);
    assert_eq!(report.git.bytes_received, 0);
    assert_eq!(local.export(NAME).await, before);
    assert_counters_only_rise(&local.sink.events());
}

#[tokio::test]
async fn a_public_repository_is_complete_without_a_credential_and_without_members() {
    let remote = remote(small()).await;
    let local = Local::with(&remote, Credential::Anonymous).await;
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(remote.asked("/members"), 0);
    let users = stage(&report, Stage::Users);
    assert_eq!((users.state, users.expected), (StageState::Complete, None));
    assert!(users.stored > 0);
    assert_counters_only_rise(&local.sink.events());
}

#[tokio::test]
async fn an_empty_repository_is_complete() {
    let remote = remote(SeedOptions {
        empty_repository: true,
        ..small()
    })
    .await;
    let local = Local::new(&remote).await;
    let report = local.import_as("seaside/empty").await;
    assert_complete(&report);
    assert_eq!(stage(&report, Stage::PullRequests).expected, Some(0));
    assert_eq!(stage(&report, Stage::PullRequestComments).expected, Some(0));
    assert_eq!(report.git.refs, 0);
    let export = local.export("seaside/empty").await;
    assert!(!export.contains_key("git.bundle"));
    assert_complete(&local.import_as("seaside/empty").await);
}

#[tokio::test]
async fn silent_pull_requests_cost_no_request() {
    let (remote, local) = bench().await;
    let talkative = talkative(&local).await;
    remote.control.reset_log();
    local.import().await;
    let asked = remote.asked("/comments");
    assert!(asked < 60 && asked >= talkative.len(), "{asked}");
}

#[tokio::test]
async fn the_plan_says_what_the_import_then_costs() {
    let (remote, local) = bench().await;
    let name = NAME.parse().unwrap();
    let all = Selection::default();
    let plan = local.importer.plan(&name, &all);
    let plan = plan.await.unwrap();
    assert!(!plan.resumes);
    // The repository, five lists, the pull requests with open tasks, and one discussion to
    // compare with the activity.
    assert_eq!(remote.rest().len(), 8);
    assert_eq!(
        local.importer.archive.repositories().await.unwrap().len(),
        0
    );
    let report = local.import().await;
    assert_eq!(report.state, ImportState::Complete);
    let cost = report.requests.total;
    assert!(
        (plan.requests_min..=plan.requests_max).contains(&cost),
        "{plan:?}"
    );
    // What it knows when the lists have begun stands in the report.
    let estimated = report.requests.estimated.unwrap();
    assert!(
        (estimated.min..=estimated.max).contains(&cost),
        "{estimated}: {:#?}",
        report.requests
    );
    for planned in &plan.stages {
        if let Some(objects) = planned.objects {
            assert_eq!(stage(&report, planned.name).expected, Some(objects));
        }
    }

    // An update is planned as one: the members were read just now, and of what is
    // listed again nothing has changed.
    let plan = local.importer.plan(&name, &all).await.unwrap();
    let report = local.import().await;
    assert_eq!(
        (plan.requests_min, report.requests.total),
        (2, 2),
        "{plan:?}"
    );
}
