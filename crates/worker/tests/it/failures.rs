//! What stops an import: said clearly, nothing lost, and the next attempt goes on.

use bucketload_auth::Credential;
use bucketload_bitbucket::{Comment, Page, PullRequest, RequestErrorKind};
use bucketload_model::{ErrorClass, GapReason, ImportState, PullRequestId, Stage, StageState};
use bucketload_simulator::{Effect, Fault, Mutation, SeedOptions};
use bucketload_worker::{Selection, StageError};

use crate::support::{
    Local, NAME, TOKEN, assert_complete, assert_counters_only_rise, bench, only_gap, remote, small,
    stage, status, talkative,
};

#[tokio::test]
async fn five_discussions_in_a_row_are_an_outage() {
    let (remote, local) = bench().await;
    remote.on_path("/comments", Effect::Html { status: 503 });
    let outcome = local.try_import(NAME, &Selection::default()).await;
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.stage, Stage::PullRequestComments);
    let StageError::Outage { failures: 5, .. } = &failure.error else {
        panic!("{:?}", failure.error);
    };
    assert_eq!(failure.error.class(), ErrorClass::Transient);
    let report = outcome.report;
    assert_eq!(report.state, ImportState::Failed);
    assert!(report.error.as_ref().unwrap().contains("503"), "{report:?}");
    // The rest was not held up.
    assert_eq!(
        stage(&report, Stage::PullRequests).state,
        StageState::Complete
    );
    assert_eq!(stage(&report, Stage::Git).state, StageState::Complete);
    let comments = stage(&report, Stage::PullRequestComments);
    assert_eq!((comments.state, comments.stored), (StageState::Failed, 0));
    // Five, and what was under way beside them, six times each.
    let asked = remote.asked("/comments");
    assert!((5 * 6..=13 * 6).contains(&asked), "{asked}");

    remote.control.clear_faults();
    remote.control.reset_log();
    let resumed = local.import().await;
    assert_eq!(resumed.id, report.id);
    assert_complete(&resumed);
    assert_eq!(
        remote.asked("/pullrequests?"),
        0,
        "lists are not read again"
    );
    assert_eq!(remote.asked("/members"), 0);
    assert_counters_only_rise(&local.sink.events());
}

#[tokio::test]
async fn four_broken_discussions_are_no_outage() {
    let (remote, local) = bench().await;
    let ids = talkative(&local).await;
    for id in ids.iter().step_by(4).take(4) {
        remote.on_path(&format!("/pullrequests/{id}/comments"), status(500));
    }
    let report = local.import().await;
    assert_eq!(report.state, ImportState::CompleteWithGaps);
    assert_eq!(report.gaps.len(), 4);
    assert_eq!(report.requests.total, remote.rest().len() as u64 - 2);
}

#[tokio::test]
async fn a_list_that_breaks_off_goes_on_at_its_page() {
    let (remote, local) = bench().await;
    remote.on_path("page=2", Effect::Html { status: 502 });
    let outcome = local.try_import(NAME, &Selection::default()).await;
    assert_eq!(outcome.failure.unwrap().stage, Stage::PullRequests);
    assert_eq!(outcome.report.state, ImportState::Failed);
    let pull_requests = stage(&outcome.report, Stage::PullRequests);
    assert_eq!(
        (pull_requests.stored, pull_requests.expected),
        (50, Some(60))
    );
    assert_eq!(outcome.report.requests.total, remote.rest().len() as u64);
    remote.control.clear_faults();
    remote.control.reset_log();
    assert_complete(&local.import().await);
    let lists: Vec<_> = remote.rest();
    let lists: Vec<_> = lists
        .iter()
        .filter(|one| one.contains("/pullrequests?"))
        .collect();
    assert_eq!(lists.len(), 1, "{lists:?}");
    assert!(lists[0].contains("page=2"));
    assert_counters_only_rise(&local.sink.events());
}

#[tokio::test]
async fn lists_that_lead_in_circles_or_away_fail_and_keep_what_came() {
    let remote = remote(small()).await;
    let local = Local::new(&remote).await;
    let client = &local.importer.client;
    let (endpoint, first) = client.pull_requests(&NAME.parse().unwrap());
    let page: Page<PullRequest> = client.page(endpoint, &first).await.unwrap();
    for (next, kept) in [
        (first.to_string(), 60),
        (page.next.unwrap().to_string(), 50),
        ("http://attacker.example/2.0/x".to_owned(), 50),
    ] {
        let local = Local::new(&remote).await;
        let effect = Effect::ReplaceField {
            field: "next".to_owned(),
            value: next.clone().into(),
        };
        remote.on_path("page=2", effect);
        let outcome = local.try_import(NAME, &Selection::default()).await;
        let failure = outcome.failure.unwrap();
        assert_eq!(failure.stage, Stage::PullRequests, "{next}");
        assert_eq!(failure.error.class(), ErrorClass::Permanent, "{next}");
        let pull_requests = stage(&outcome.report, Stage::PullRequests);
        assert_eq!(pull_requests.stored, kept, "{next}");
        remote.control.clear_faults();
        assert_complete(&local.import().await);
    }
}

#[tokio::test]
async fn a_discussion_in_a_circle_is_a_gap() {
    let remote = remote(SeedOptions {
        pull_requests: 10,
        comments: 100,
        ..small()
    })
    .await;
    let local = Local::new(&remote).await;
    let client = &local.importer.client;
    let name = NAME.parse().unwrap();
    let mut found = None;
    for id in talkative(&local).await {
        let id = PullRequestId(i64::try_from(id).unwrap());
        let (endpoint, first) = client.pull_request_comments(&name, id);
        let page: Page<Comment> = client.page(endpoint, &first).await.unwrap();
        if page.next.is_some() {
            found = Some((id, first));
        }
    }
    let (id, first) = found.unwrap();
    let effect = Effect::ReplaceField {
        field: "next".to_owned(),
        value: first.to_string().into(),
    };
    let second = format!("*/pullrequests/{id}/comments?*page=2*");
    remote.on_path(&second, effect);
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(gap.reason, GapReason::Unreadable);
    assert_eq!(gap.object, format!("comments of pull request #{id}"));
    remote.control.clear_faults();
    assert_complete(&local.import().await);
}

#[tokio::test]
async fn a_token_that_is_revoked_on_the_way_stops_everything() {
    let (remote, local) = bench().await;
    let effect = Effect::Delay { milliseconds: 20 };
    remote.on_path("/comments", effect);
    let name = NAME.parse().unwrap();
    let all = Selection::default();
    let revoke = async {
        remote.control.wait_for_request(12).await;
        remote.mutate(Mutation::RevokeToken {
            token: TOKEN.to_owned(),
        });
    };
    let (outcome, ()) = tokio::join!(local.importer.import(&name, &all), revoke);
    let outcome = outcome.unwrap();
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.error.class(), ErrorClass::Unauthorized);
    assert_eq!(outcome.report.state, ImportState::Failed);
    let before = remote.rest().len();
    assert!(before < 40, "{before} requests with a dead token");
    remote
        .control
        .add_credential(bucketload_simulator::Credential::new(
            TOKEN,
            bucketload_simulator::CredentialKind::OAuth,
        ));
    let report = local.import().await;
    assert_eq!(report.id, outcome.report.id);
    assert_complete(&report);
}

#[tokio::test]
async fn what_cannot_be_found_fails_at_once() {
    let remote = remote(SeedOptions {
        private_repositories: 1,
        ..small()
    })
    .await;
    let stranger = Local::with(&remote, Credential::Anonymous).await;
    let wrong = Local::with(&remote, Credential::access_token("wrong")).await;
    let member = Local::new(&remote).await;
    for (local, name, class) in [
        (&stranger, NAME, ErrorClass::NotFound),
        (&wrong, NAME, ErrorClass::Unauthorized),
        (&member, "seaside/nowhere", ErrorClass::NotFound),
    ] {
        remote.control.reset_log();
        let outcome = local.try_import(name, &Selection::default()).await;
        let failure = outcome.failure.unwrap();
        assert_eq!(failure.stage, Stage::Repository);
        assert_eq!(failure.error.class(), class);
        assert_eq!(outcome.report.state, ImportState::Failed);
        assert_eq!(remote.control.requests().len(), 1);
        assert!(
            local
                .importer
                .archive
                .repositories()
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_repository_that_is_no_json_fails_and_is_resumed() {
    let (remote, local) = bench().await;
    remote
        .control
        .add_fault(Fault::on_path("/2.0/", Effect::NotJson).times(6));
    let outcome = local.try_import(NAME, &Selection::default()).await;
    let StageError::Request(error) = outcome.failure.unwrap().error else {
        panic!("no request");
    };
    assert!(matches!(error.kind, RequestErrorKind::NotJson { .. }));
    assert_eq!(outcome.report.requests.total, 6);
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(report.requests.total, remote.rest().len() as u64);
}
