//! By one at a time, again where it fails, and not too often.

use bucketload_archive::Archive;
use bucketload_model::DeliveryState;
use bucketload_notify::{Email, EmailOptions};
use bucketload_worker::queue::WorkerOptions;
use bucketload_worker::{NoticeOptions, Selection, Teller};

use super::{Bench, REPOSITORY};
use crate::queue::support::{Background, options, queue, until, wish};
use crate::receivers::MailServer;
use crate::support::status;

#[tokio::test]
async fn two_processes_tell_each_notice_once() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    bench.remote.on_path("/repositories", status(400));
    for number in 0..6 {
        let name = format!("seaside/cup-{number}");
        bench.local.try_import(&name, &Selection::default()).await;
    }
    let other = Archive::open(&bench.local.importer.data_dir).await.unwrap();
    let other = Teller::new(other, bench.clock.clone(), bench.options());
    let own = bench.teller(bench.options());
    let (one, two) = tokio::join!(own.round(), other.round());
    one.unwrap();
    two.unwrap();
    let mut ids: Vec<String> = bench
        .bodies()
        .iter()
        .map(|body| body["id"].to_string())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(bench.hooks.posts().len(), 6);
    assert_eq!(ids.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_telling_and_noting_it_tells_the_same_again() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    bench.remote.on_path(REPOSITORY, status(400));
    bench.fail().await;
    let teller = bench.teller(bench.options());
    tokio::task::block_in_place(|| {
        let held = bench.hooks.hold();
        let round = tokio::spawn(async move { teller.round().await });
        bench.hooks.wait_for(1);
        round.abort();
        drop(held);
    });
    // The lease of the dead one lasts for a while.
    bench.round().await;
    assert_eq!(bench.hooks.posts().len(), 1);
    bench.pass(chrono::Duration::minutes(2));
    bench.round().await;
    let bodies = bench.bodies();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
    let delivery = bench.only_entry().await.deliveries.remove(0);
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert_eq!(delivery.attempts, 2);
}

#[tokio::test]
async fn a_receiver_that_is_down_is_waited_for_and_after_two_days_given_up() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    bench.remote.on_path(REPOSITORY, status(400));
    bench.fail().await;
    bench.hooks.answer(503);
    bench.round().await;
    bench.round().await;
    assert_eq!(bench.hooks.posts().len(), 1);
    let delivery = bench.only_entry().await.deliveries.remove(0);
    assert_eq!(delivery.state, DeliveryState::Pending);
    assert_eq!(delivery.error.as_deref(), Some("the receiver answered 503"));
    bench.pass(chrono::Duration::minutes(1));
    bench.round().await;
    assert_eq!(bench.hooks.posts().len(), 2);
    bench.hooks.answer(200);
    bench.pass(chrono::Duration::minutes(5));
    bench.round().await;
    bench.round().await;
    assert_eq!(bench.hooks.posts().len(), 3);
    let delivery = bench.only_entry().await.deliveries.remove(0);
    assert_eq!(delivery.state, DeliveryState::Delivered);

    // Another one, on another day.
    bench.remote.control.clear_faults();
    bench.local.import().await;
    bench.remote.on_path(REPOSITORY, status(400));
    bench.fail().await;
    bench.hooks.answer(503);
    for _ in 0..50 {
        bench.round().await;
        bench.pass(chrono::Duration::hours(1));
    }
    let tried = bench.hooks.posts().len() - 3;
    assert!((40..=49).contains(&tried), "{tried}");
    let entries = bench.archive().notices(None, 10).await.unwrap();
    let latest = entries.iter().find(|entry| entry.notice.over_at.is_none());
    assert_eq!(latest.unwrap().deliveries[0].state, DeliveryState::GivenUp);
}

#[tokio::test]
async fn mail_collects_what_happens_and_keeps_its_distance() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let server = MailServer::start();
    let email = Email::new(&EmailOptions {
        url: server.url().into(),
        from: "loads@example.org".to_owned(),
        to: "ann@example.org".to_owned(),
        allow_insecure: false,
    });
    let teller = bench.teller(NoticeOptions {
        channels: vec![email.unwrap().into()],
        ..NoticeOptions::default()
    });
    let round = async || teller.round().await.unwrap();
    let subjects = || -> Vec<_> {
        let mails = server.mails().into_iter();
        mails.map(|mail| mail.header("Subject").unwrap()).collect()
    };
    round().await;
    bench.remote.on_path("/repositories", status(400));
    let fail = async |name: &str| {
        bench.local.try_import(name, &Selection::default()).await;
        round().await;
    };
    fail("seaside/one").await;
    fail("seaside/two").await;
    assert!(subjects().is_empty());
    bench.pass(chrono::Duration::minutes(1));
    round().await;
    assert_eq!(subjects(), ["bucketload: 2 failed"]);
    fail("seaside/three").await;
    fail("seaside/four").await;
    bench.pass(chrono::Duration::minutes(14));
    fail("seaside/five").await;
    assert_eq!(subjects().len(), 1);
    bench.pass(chrono::Duration::minutes(2));
    round().await;
    assert_eq!(subjects()[1..], ["bucketload: 3 failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_by_itself_what_its_imports_meet() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let start = async || {
        let options = WorkerOptions {
            notices: bench.options(),
            ..options()
        };
        Background::with(&bench.local, options).await
    };
    let worker = start().await;
    let queue = queue(&bench.local).await;
    queue.enqueue(&[wish("seaside/never")]).await.unwrap();
    until(async || !bench.archive().notices(None, 1).await.unwrap().is_empty()).await;
    // Its next round is some seconds away; that of its successor is not.
    worker.stop().await;
    let worker = start().await;
    tokio::task::block_in_place(|| bench.hooks.wait_for(1));
    worker.stop().await;
    assert_eq!(bench.told(), ["failed"]);
}
