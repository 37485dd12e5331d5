//! Whatever goes wrong with whichever request: the import ends complete, or says what is missing
//! or why it stopped; and the next one has everything.

use bucketload_model::{ImportReport, ImportState, Stage};
use bucketload_simulator::{Effect, Fault, RetryHint, SeedOptions};
use bucketload_worker::Selection;
use serde_json::json;

use crate::support::{Local, NAME, Remote, remote};

/// Everything but the settings, which have tests of their own: a setting is kept as it was
/// sent, whatever it has not.
fn selection() -> Selection {
    Selection::new(&[], &[Stage::Settings]).unwrap()
}

async fn import(local: &Local) -> ImportReport {
    let outcome = local.try_import(NAME, &selection()).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    outcome.report
}

/// Six pull requests on one page, most of them with comments.
async fn world() -> Remote {
    remote(SeedOptions {
        pull_requests: 6,
        comments: 3,
        members: 3,
        git_commits: 2,
        ..SeedOptions::default()
    })
    .await
}

/// Lets it happen to each request in turn, every time to a new archive. A fault that passes
/// must not even show.
async fn at_every_request(effect: Effect, passes: bool) {
    let remote = world().await;
    let undisturbed = Local::new(&remote).await;
    import(&undisturbed).await;
    let expected = undisturbed.export(NAME).await;
    let requests = remote.control.requests().len() as u64;
    assert!(requests > 7, "{requests} requests tell little");

    for number in 1..=requests {
        let local = Local::new(&remote).await;
        remote.control.reset_log();
        remote
            .control
            .add_fault(Fault::on_request(number, effect.clone()));
        let outcome = local.try_import(NAME, &selection()).await;
        let report = &outcome.report;
        let what = format!("{effect:?} at request {number}: {report:#?}");
        match report.state {
            ImportState::Complete => assert_eq!(report.missing(), 0, "{what}"),
            _ if passes => panic!("it should have passed: {what}"),
            ImportState::CompleteWithGaps => assert!(!report.gaps.is_empty(), "{what}"),
            ImportState::Failed => assert!(report.error.is_some(), "{what}"),
            _ => panic!("it did not end: {what}"),
        }
        remote.control.clear_faults();
        let report = import(&local).await;
        assert_eq!(report.state, ImportState::Complete, "after {what}");
        assert!(local.export(NAME).await == expected, "after {what}");
    }
}

macro_rules! at_every_request {
    ($($name:ident: $effect:expr, passes: $passes:literal;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                at_every_request($effect, $passes).await;
            }
        )+
    };
}

fn answer(status: u16, body: &str) -> Effect {
    Effect::Answer {
        status,
        headers: Vec::new(),
        body: body.to_owned(),
    }
}

const ERROR: &str = r#"{"type":"error","error":{"message":"No"}}"#;

at_every_request! {
    a_bad_gateway: Effect::Html { status: 502 }, passes: true;
    a_server_error: answer(500, ERROR), passes: true;
    a_connection_that_closes: Effect::Disconnect, passes: true;
    half_an_answer: Effect::Truncate, passes: true;
    something_that_is_no_json: Effect::NotJson, passes: false;
    a_refusal_for_quota: Effect::RateLimited { hint: RetryHint::RetryAfter, seconds: 1 }, passes: true;
    something_that_is_not_there: answer(404, ERROR), passes: false;
    something_that_is_forbidden: answer(403, ERROR), passes: false;
    something_that_is_gone: answer(410, ERROR), passes: false;
    a_request_that_is_not_understood: answer(400, ERROR), passes: false;
    a_list_without_values: Effect::RemoveField { field: "values".to_owned() }, passes: false;
    an_object_without_its_id: Effect::RemoveField { field: "values[0].id".to_owned() }, passes: false;
    an_object_of_another_kind: Effect::ReplaceField { field: "values[0]".to_owned(), value: json!(7) }, passes: false;
    a_next_elsewhere: Effect::ForeignNext { host: "attacker.example".to_owned() }, passes: false;
}
