//! The quota: obeyed by all requests together, and waited for as told.

use std::time::Duration;

use bucketload_auth::Credential;
use bucketload_bitbucket::{RequestErrorKind, WaitPolicy};
use bucketload_model::{ErrorClass, ProgressEvent, Wait, WaitReason};
use bucketload_simulator::{Effect, Fault, RateLimit, RetryHint};
use futures::future::join_all;
use serde_json::Value;

use crate::support::{Double, TOKEN, double, small, with};

fn refusal(hint: RetryHint, seconds: u64) -> Effect {
    Effect::RateLimited { hint, seconds }
}

/// Once a wait has begun, moves time on by `early`, and then by `late`: only that ends it.
async fn pass(double: &Double, early: u64, late: u64) {
    double.sink.wait_for(1).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(early)).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let waits = double.sink.events().len() == 1;
    tokio::time::advance(Duration::from_secs(late)).await;
    tokio::time::resume();
    assert!(waits, "it went on after {early} seconds");
}

#[tokio::test]
async fn a_429_is_waited_out_for_as_long_as_it_says() {
    for (hint, seconds) in [(RetryHint::RetryAfter, 745), (RetryHint::Reset, 3_000)] {
        let double = double().await;
        double
            .control
            .add_fault(Fault::on_request(1, refusal(hint, seconds)));
        let (page, ()) = tokio::join!(double.page::<Value>(), pass(&double, seconds - 2, 4));
        assert_eq!(page.unwrap().requests, 2);
        let events = double.sink.events();
        let [
            ProgressEvent::WaitStarted(Wait {
                reason: WaitReason::RateLimited,
                ..
            }),
            ProgressEvent::WaitEnded,
        ] = events.as_slice()
        else {
            panic!("{events:?}");
        };
    }
}

#[tokio::test]
async fn a_429_that_says_nothing_is_waited_out_for_a_minute_or_more() {
    let double = double().await;
    double
        .control
        .add_fault(Fault::on_request(1, refusal(RetryHint::None, 0)));
    let (page, ()) = tokio::join!(double.page::<Value>(), pass(&double, 59, 33));
    assert_eq!(page.unwrap().requests, 2);
}

#[tokio::test]
async fn who_does_not_want_to_wait_is_told_until_when() {
    let double = with(
        small(),
        |options| options.wait = WaitPolicy::GiveUp,
        Credential::access_token(TOKEN),
    )
    .await;
    let error = double.error_of(refusal(RetryHint::RetryAfter, 745)).await;
    assert!(matches!(error.kind, RequestErrorKind::QuotaSpent { .. }));
    assert_eq!(error.class(), ErrorClass::RateLimited);
    assert_eq!((error.requests, double.requests()), (1, 1));
    // The bucket is stopped: nothing is sent in vain.
    let error = double.page::<Value>().await.unwrap_err();
    assert_eq!((error.requests, double.requests()), (0, 1));
}

#[tokio::test]
async fn the_first_429_stops_even_those_who_stand_in_line() {
    let double = with(
        small(),
        |options| options.wait = WaitPolicy::GiveUp,
        Credential::access_token(TOKEN),
    )
    .await;
    double
        .control
        .add_fault(Fault::on_request(1, refusal(RetryHint::RetryAfter, 745)));
    let late = Effect::Delay { milliseconds: 200 };
    double.control.add_fault(Fault::on_path("/2.0/", late));
    let pages = join_all((0..20).map(|_| double.page::<Value>())).await;
    let answered = pages.iter().filter(|page| page.is_ok()).count();
    // The eight that were under way together, and nobody after the refusal.
    assert_eq!((double.requests(), answered), (8, 7));
}

#[tokio::test]
async fn never_more_than_eight_at_a_time() {
    let double = double().await;
    double.control.set_latency(Duration::from_millis(20));
    let pages = join_all((0..40).map(|_| double.page::<Value>())).await;
    assert!(pages.iter().all(Result::is_ok));
    assert_eq!(double.requests(), 40);
    assert_eq!(double.control.peak_in_flight(), 8);
    assert_eq!(double.client.max_in_flight(), 8);
}

#[tokio::test]
async fn our_own_account_of_the_quota_stops_before_bitbucket_does() {
    let double = with(
        small(),
        |options| {
            options.hourly_quota = Some(3);
            options.wait = WaitPolicy::GiveUp;
        },
        Credential::access_token(TOKEN),
    )
    .await;
    let pages = join_all((0..10).map(|_| double.page::<Value>())).await;
    assert_eq!(pages.iter().filter(|page| page.is_ok()).count(), 3);
    assert_eq!(double.requests(), 3);
}

#[tokio::test]
async fn a_window_that_the_last_answer_calls_exhausted_is_not_tried() {
    let double = with(
        small(),
        |options| options.wait = WaitPolicy::GiveUp,
        Credential::Anonymous,
    )
    .await;
    double.control.set_rate_limit(Some(RateLimit {
        anonymous: 2,
        ..RateLimit::bitbucket()
    }));
    for fine in [true, true, false] {
        assert_eq!(double.page::<Value>().await.is_ok(), fine);
    }
    assert_eq!(double.requests(), 2);
}
