//! What passes is tried again, and every try is counted.

use bucketload_bitbucket::PullRequest;
use bucketload_model::{AnswerClass, ProgressEvent, Wait, WaitReason};
use bucketload_simulator::{Effect, Fault, RetryHint};
use serde_json::Value;

use crate::support::{double, status};

#[tokio::test]
async fn trouble_that_passes_costs_requests_and_nothing_else() {
    let double = double().await;
    let undisturbed = double.page::<PullRequest>().await.unwrap();
    assert_eq!(undisturbed.requests, 1);
    double.control.reset_log();
    let troubles = [
        Effect::Html { status: 502 },
        Effect::Truncate,
        Effect::NotJson,
        Effect::Disconnect,
        status(503, &[], ""),
    ];
    for (number, effect) in (1..).zip(troubles) {
        double.control.add_fault(Fault::on_request(number, effect));
    }
    let page = double.page::<PullRequest>().await.unwrap();
    assert_eq!((page.requests, double.requests()), (6, 6));
    let sources = |page: &bucketload_bitbucket::Page<PullRequest>| -> Vec<String> {
        let items = page.items.iter();
        items.map(|item| item.source.get().to_owned()).collect()
    };
    assert_eq!(sources(&page), sources(&undisturbed));
}

#[tokio::test]
async fn each_page_counts_its_own_requests() {
    let double = crate::support::seeded(bucketload_simulator::SeedOptions {
        pull_requests: 120,
        ..crate::support::small()
    })
    .await;
    for number in [2, 3] {
        let effect = Effect::Html { status: 500 };
        double.control.add_fault(Fault::on_request(number, effect));
    }
    let pages = double.all::<Value>(double.list()).await.unwrap();
    let requests: Vec<u64> = pages.iter().map(|page| page.requests).collect();
    assert_eq!(requests, [1, 3, 1]);
    assert_eq!(double.requests(), 5);
}

#[tokio::test]
async fn a_retry_is_announced_as_a_wait() {
    let double = double().await;
    let effect = Effect::Html { status: 502 };
    double.control.add_fault(Fault::on_request(1, effect));
    double.page::<Value>().await.unwrap();
    assert!(matches!(
        double.sink.events().as_slice(),
        [
            ProgressEvent::WaitStarted(Wait {
                reason: WaitReason::Retry,
                ..
            }),
            ProgressEvent::WaitEnded,
        ]
    ));
}

#[tokio::test]
async fn one_repository_counts_its_retries_too() {
    let double = double().await;
    let effect = Effect::Html { status: 502 };
    double
        .control
        .add_fault(Fault::on_path("/2.0/", effect).times(2));
    let answer = double.client.repository(&crate::support::name()).await;
    assert_eq!(answer.unwrap().requests, 3);
}

#[tokio::test]
async fn every_answer_is_told_with_its_class() {
    let double = double().await;
    let refusal = Effect::RateLimited {
        hint: RetryHint::RetryAfter,
        seconds: 0,
    };
    for (number, effect) in [
        (1, Effect::Html { status: 502 }),
        (2, Effect::Disconnect),
        (3, refusal),
    ] {
        double.control.add_fault(Fault::on_request(number, effect));
    }
    let page = double.page::<Value>().await.unwrap();
    assert_eq!(page.requests, 4);
    let (endpoint, _) = double.list();
    assert_eq!(
        double.sink.answers(endpoint),
        [
            AnswerClass::Failed,
            AnswerClass::Transport,
            AnswerClass::RateLimited,
            AnswerClass::Success,
        ]
    );
}
