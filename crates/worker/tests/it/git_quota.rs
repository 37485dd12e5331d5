//! git's requests have a quota of their own.

use std::sync::Arc;
use std::time::Duration;

use bucketload_archive::mirror::TransportKind;
use bucketload_auth::Credential;
use bucketload_bitbucket::{Client, ClientOptions, WaitPolicy};
use bucketload_model::{
    ErrorClass, ImportState, MemoryLedger, ProgressEvent, QuotaLedger, Stage, StageState, Wait,
    WaitReason,
};
use bucketload_simulator::{Effect, Fault, RequestKind, RetryHint};
use bucketload_worker::Selection;

use crate::support::{Local, NAME, Remote, TOKEN, assert_complete, bench, stage};

fn refusal(seconds: u64) -> Effect {
    Effect::RateLimited {
        hint: RetryHint::RetryAfter,
        seconds,
    }
}

fn with_options(remote: &Remote, local: &mut Local, change: impl FnOnce(&mut ClientOptions)) {
    let mut options = ClientOptions::new(remote.simulator.api_url().parse().unwrap());
    options.first_retry_delay = Duration::from_millis(1);
    options.hourly_quota = Some(0);
    options.sink = local.sink.clone();
    change(&mut options);
    local.importer.client = Client::new(options, Credential::access_token(TOKEN)).unwrap();
}

fn waits(local: &Local) -> Vec<WaitReason> {
    let events = local.sink.events().into_iter();
    events
        .filter_map(|event| match event {
            ProgressEvent::WaitStarted(Wait { reason, .. }) => Some(reason),
            _ => None,
        })
        .collect()
}

fn git_requests(remote: &Remote) -> usize {
    let log = remote.control.requests().into_iter();
    log.filter(|one| one.kind == RequestKind::Git).count()
}

#[tokio::test]
async fn a_429_from_git_is_waited_out_and_the_rest_goes_on() {
    for transport in [TransportKind::Gix, TransportKind::GitProgram] {
        let (remote, mut local) = bench().await;
        with_options(&remote, &mut local, |options| {
            // Half a second where nothing is said.
            options.quota_window = Duration::from_secs(30);
        });
        local.importer.transport = transport;
        let fault = Fault::on_path("/info/refs", refusal(1)).times(1);
        remote.control.add_fault(fault);
        let report = local.import().await;
        assert_complete(&report);
        assert!(waits(&local).contains(&WaitReason::RateLimited));
        // Nobody else was kept: the lists ended before git went on.
        let log = remote.control.requests();
        let refused = log.iter().position(|one| one.status == Some(429)).unwrap();
        let rest_after = log[refused..]
            .iter()
            .take_while(|one| one.kind != RequestKind::Git || one.status == Some(429));
        assert!(rest_after.count() > 10, "{log:#?}");
    }
}

#[tokio::test]
async fn a_429_from_git_stops_the_git_of_every_process() {
    let (remote, mut local) = bench().await;
    let other = Local::new(&remote).await;
    let ledger: Arc<dyn QuotaLedger> = Arc::new(MemoryLedger::default());
    let mut other = other;
    for local in [&mut local, &mut other] {
        with_options(&remote, local, |options| {
            options.ledger = ledger.clone();
            options.wait = WaitPolicy::GiveUp;
        });
    }
    let fault = Fault::on_path("/info/refs", refusal(700)).times(1);
    remote.control.add_fault(fault);
    for (local, asked) in [(&local, 1), (&other, 0)] {
        remote.control.reset_log();
        let outcome = local.try_import(NAME, &Selection::default()).await;
        let failure = outcome.failure.unwrap();
        assert_eq!(failure.stage, Stage::Git);
        assert_eq!(failure.error.class(), ErrorClass::RateLimited);
        assert_eq!(outcome.report.state, ImportState::Waiting);
        assert_eq!(git_requests(&remote), asked);
        let lists = stage(&outcome.report, Stage::PullRequestComments);
        assert_eq!(lists.state, StageState::Complete);
    }
}

#[tokio::test]
async fn our_own_account_of_git_stops_before_bitbucket_does() {
    let (remote, mut local) = bench().await;
    with_options(&remote, &mut local, |options| {
        options.git_hourly_quota = Some(1);
        options.wait = WaitPolicy::GiveUp;
    });
    let outcome = local.try_import(NAME, &Selection::default()).await;
    assert_eq!(outcome.report.state, ImportState::Waiting);
    assert_eq!(git_requests(&remote), 1);
    with_options(&remote, &mut local, |_| {});
    let report = local.import().await;
    assert_complete(&report);
}

#[tokio::test]
async fn an_import_that_waits_for_git_can_be_stopped() {
    let (remote, mut local) = bench().await;
    with_options(&remote, &mut local, |_| {});
    let fault = Fault::on_path("/info/refs", refusal(700)).times(1);
    remote.control.add_fault(fault);
    let cancel = local.importer.cancel.clone();
    let watch = async {
        while !waits(&local).contains(&WaitReason::RateLimited) {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        tokio::time::Instant::now()
    };
    let all = Selection::default();
    let (outcome, cancelled) = tokio::join!(local.try_import(NAME, &all), watch);
    assert!(cancelled.elapsed() < Duration::from_secs(1));
    assert_eq!(outcome.report.state, ImportState::Cancelled);
}
