//! What people ask of imports, while they wait and while they run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bucketload_archive::Enqueued;
use bucketload_archive::mirror::TransportKind;
use bucketload_auth::Credential;
use bucketload_model::{ImportState, Limits, Stage};
use bucketload_simulator::{Effect, Fault, RateLimit, RetryHint, SeedOptions};

use super::KIND;
use crate::queue::support::{
    Background, bench, enqueue, impatient, options, queue, report, runs, until, until_state, wish,
};
use crate::support::{Local, NAME, TOKEN, assert_complete, client, remote, small, stage};

#[tokio::test]
async fn what_is_queued_is_run_and_equals_an_import_at_the_terminal() {
    let Some((remote, at_terminal)) = bench(KIND).await else {
        return;
    };
    at_terminal.import().await;
    let Some(local) = Local::on(KIND, &remote).await else {
        return;
    };
    let (queue, import) = enqueue(&local).await;
    let waiting = report(&local, import).await;
    assert_eq!(waiting.state, ImportState::Queued);
    assert_eq!(stage(&waiting, Stage::Git).stored, 0);
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    assert_complete(&report(&local, import).await);
    assert!(local.export(NAME).await == at_terminal.export(NAME).await);

    // Asked for again it is an update, and another import.
    let again = queue.enqueue(&[wish(NAME)]).await.unwrap();
    assert!(matches!(again[0], Enqueued::Added(id) if id != import));
    until_state(&local, again[0].import(), ImportState::Complete).await;
    worker.stop().await;
    assert_eq!(runs(&local.sink), 2);
}

#[tokio::test]
async fn the_same_wish_twice_is_one_import() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let (queue, import) = enqueue(&local).await;
    let mut urgent = wish(NAME);
    urgent.priority = "7".parse().unwrap();
    let mut other_stages = wish(NAME);
    other_stages.stages = vec![Stage::Repository, Stage::Users, Stage::Finish];
    let answers = queue
        .enqueue(&[urgent, wish(NAME), other_stages])
        .await
        .unwrap();
    assert_eq!(answers[0], Enqueued::Joined(import, ImportState::Queued));
    assert_eq!(answers[1], answers[0]);
    assert!(matches!(answers[2], Enqueued::Added(_)));
    let archive = &local.importer.archive;
    let summary = archive.import_summary(import).await.unwrap().unwrap();
    assert_eq!(summary.priority.get(), 7, "nobody is in less of a hurry");
}

#[tokio::test]
async fn a_run_that_is_cancelled_stops_within_a_second_and_can_go_on() {
    for part in ["git-upload-pack", "/comments"] {
        for transport in [TransportKind::Gix, TransportKind::GitProgram] {
            let Some((remote, mut local)) = bench(KIND).await else {
                return;
            };
            local.importer.transport = transport;
            remote.control.add_fault(Fault::on_path(part, Effect::Hang));
            let (queue, import) = enqueue(&local).await;
            let worker = Background::start(&local).await;
            until(async || {
                let log = remote.control.requests();
                log.iter().any(|request| request.target.contains(part))
            })
            .await;
            assert_eq!(queue.cancel(import).await.unwrap(), ImportState::Cancelling);
            let asked = Instant::now();
            until_state(&local, import, ImportState::Cancelled).await;
            // A second is promised; the rest is for a busy machine.
            let took = asked.elapsed();
            assert!(took < Duration::from_secs(5), "{part}: {took:?}");
            assert_eq!(
                programs_in(local.folder.path()),
                Vec::<PathBuf>::new(),
                "{part}"
            );
            remote.control.clear_faults();

            assert_eq!(queue.resume(import).await.unwrap(), ImportState::Queued);
            until_state(&local, import, ImportState::Complete).await;
            assert_complete(&report(&local, import).await);
            worker.stop().await;
        }
    }
}

/// Processes that work in a folder or below, but for this one.
fn programs_in(folder: &Path) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok())
        .filter(|cwd| cwd.starts_with(folder))
        .collect()
}

#[tokio::test]
async fn a_run_that_is_paused_halts_until_it_is_resumed() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    remote.on_path("/comments", Effect::Hang);
    let (queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    until(async || remote.asked("/comments") > 0).await;
    assert_eq!(queue.pause(import).await.unwrap(), ImportState::Running);
    until_state(&local, import, ImportState::Paused).await;
    remote.control.clear_faults();
    let stored = stage(&report(&local, import).await, Stage::PullRequests).stored;
    assert!(stored > 0, "what came is kept");
    // Nobody takes it up by himself, and asking for it again does not either.
    let again = queue.enqueue(&[wish(NAME)]).await.unwrap();
    assert_eq!(again[0], Enqueued::Joined(import, ImportState::Paused));
    queue.resume(import).await.unwrap();
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
    assert_eq!(runs(&local.sink), 2);
}

#[tokio::test]
async fn what_waits_in_the_queue_is_cancelled_and_paused_at_once() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let (queue, import) = enqueue(&local).await;
    assert_eq!(queue.pause(import).await.unwrap(), ImportState::Paused);
    assert_eq!(queue.cancel(import).await.unwrap(), ImportState::Cancelled);
    let refused = queue.cancel(import).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "an import that is cancelled cannot be cancelled"
    );
}

#[tokio::test]
async fn only_what_failed_is_tried_again() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    remote.on_path("/comments", Effect::Html { status: 503 });
    let (queue, import) = enqueue(&local).await;
    let mut once = options();
    once.retry.fruitless_attempts = 1;
    let worker = Background::with(&local, once).await;
    // The first attempt brought the rest forward, the second nothing.
    until_state(&local, import, ImportState::Failed).await;
    let error = report(&local, import).await.error.unwrap();
    assert!(
        error.contains("503") && error.contains("What to do: "),
        "{error}"
    );
    remote.control.clear_faults();
    remote.control.reset_log();
    assert_eq!(queue.retry(import).await.unwrap(), ImportState::Queued);
    until_state(&local, import, ImportState::Complete).await;
    assert_complete(&report(&local, import).await);
    assert_eq!(remote.asked("/pullrequests?"), 0);
    assert_eq!(remote.asked("/members"), 0);
    worker.stop().await;
}

#[tokio::test]
async fn an_import_that_waits_for_quota_makes_room_for_others() {
    let remote = remote(SeedOptions {
        repositories: 2,
        ..small()
    })
    .await;
    let Some(mut local) = Local::on(KIND, &remote).await else {
        return;
    };
    local.importer.client = impatient(&remote, &local.importer);
    // Every request but three is refused for an hour, whoever asks.
    remote.control.set_rate_limit(Some(RateLimit {
        anonymous: 3,
        credential: 3,
        window_seconds: 3_600,
        hint: RetryHint::RetryAfter,
    }));
    let queue = queue(&local).await;
    let answers = queue
        .enqueue(&[wish("seaside/lighthouse"), wish("seaside/harbour")])
        .await
        .unwrap();
    let mut one_place = options();
    one_place.concurrency = 1;
    let worker = Background::with(&local, one_place).await;
    let waiting = async |index: usize| {
        let report = report(&local, answers[index].import()).await;
        report.state == ImportState::Waiting && report.waits_until.is_some()
    };
    // With one place, both can wait only if waiting takes none.
    until(async || waiting(0).await && waiting(1).await).await;
    let leases = local.importer.archive.leases().await.unwrap();
    assert_eq!(leases, []);
    worker.stop().await;
    // The hour is over.
    remote.control.set_rate_limit(None);
    local.importer.client = client(&remote, Credential::access_token(TOKEN));
    for answer in &answers {
        queue.resume(answer.import()).await.unwrap();
    }
    let worker = Background::start(&local).await;
    for answer in &answers {
        until_state(&local, answer.import(), ImportState::Complete).await;
        assert_complete(&report(&local, answer.import()).await);
    }
    worker.stop().await;
}

#[tokio::test]
async fn limits_are_kept_and_one_repository_is_run_once_at_a_time() {
    let remote = remote(SeedOptions {
        repositories: 3,
        ..small()
    })
    .await;
    let Some(local) = Local::on(KIND, &remote).await else {
        return;
    };
    remote.on_path("/comments", Effect::Hang);
    let queue = queue(&local).await;
    let names = ["seaside/lighthouse", "seaside/harbour", "seaside/compass"];
    let wishes: Vec<_> = names.iter().map(|name| wish(name)).collect();
    let answers = queue.enqueue(&wishes).await.unwrap();
    let mut few = options();
    few.concurrency = 3;
    few.limits = Limits {
        per_workspace: 2,
        ..Limits::default()
    };
    let worker = Background::with(&local, few).await;
    let archive = &local.importer.archive;
    until(async || archive.leases().await.unwrap().len() == 2).await;
    let (ready, _) = archive
        .queue_depth(local.importer.clock.now())
        .await
        .unwrap();
    let mut stand = Vec::new();
    for answer in &answers {
        stand.push(report(&local, answer.import()).await);
    }
    assert_eq!(ready, 1, "{stand:#?}");
    assert_eq!(runs(&local.sink), 2, "{stand:#?}");
    worker.stop().await;
}

/// What administrators set on the dashboard comes before the configuration of every worker.
#[tokio::test]
async fn limits_can_be_changed_while_workers_run() {
    let remote = remote(SeedOptions {
        repositories: 2,
        ..small()
    })
    .await;
    let Some(local) = Local::on(KIND, &remote).await else {
        return;
    };
    remote.on_path("/comments", Effect::Hang);
    let archive = &local.importer.archive;
    let set = async |value: &str| {
        let mut transaction = archive.begin().await.unwrap();
        let key = Limits::KEYS[0];
        transaction.put_service_setting(key, value).await.unwrap();
        transaction.commit().await.unwrap();
    };
    set("1").await;
    let queue = queue(&local).await;
    let wishes = [wish("seaside/lighthouse"), wish("seaside/harbour")];
    queue.enqueue(&wishes).await.unwrap();
    let worker = Background::start(&local).await;
    until(async || archive.leases().await.unwrap().len() == 1).await;
    // The other one is claimed by nobody, however often it is looked for.
    let mut transaction = archive.begin().await.unwrap();
    let limits = Limits::default().or_as_set(&archive.service_settings().await.unwrap());
    let now = local.importer.clock.now();
    let next = transaction.next_import(now, limits).await.unwrap();
    drop(transaction);
    assert_eq!(next, None);
    assert_eq!(runs(&local.sink), 1);
    set("2").await;
    until(async || archive.leases().await.unwrap().len() == 2).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_stopped_hands_back_and_another_goes_on() {
    let Some((remote, undisturbed)) = bench(KIND).await else {
        return;
    };
    undisturbed.import().await;
    let Some(local) = Local::on(KIND, &remote).await else {
        return;
    };
    remote.control.reset_log();
    let (_queue, import) = enqueue(&local).await;
    remote
        .control
        .add_fault(Fault::on_request(20, Effect::Hang));
    let worker = Background::start(&local).await;
    remote.control.wait_for_request(20).await;
    worker.stop().await;
    let handed_back = report(&local, import).await;
    assert_eq!(handed_back.state, ImportState::Queued);
    assert_eq!(handed_back.error, None);
    assert_eq!(local.importer.archive.leases().await.unwrap(), []);
    let other = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    other.stop().await;
    assert!(local.export(NAME).await == undisturbed.export(NAME).await);
}

#[tokio::test]
async fn a_page_that_is_under_way_when_a_worker_is_stopped_is_stored() {
    let Some((remote, mut local)) = bench(KIND).await else {
        return;
    };
    // However busy the machine is, nobody gets tired of waiting.
    local.finish = Duration::from_mins(1);
    remote.on_path("/pullrequests?", Effect::Delay { milliseconds: 500 });
    let (queue, import) = enqueue(&local).await;
    let worker = Background::start(&local).await;
    until(async || remote.asked("/pullrequests?") == 1).await;
    let asked = remote.rest().len();
    worker.stop().await;
    let handed_back = report(&local, import).await;
    assert_eq!(handed_back.state, ImportState::Queued);
    assert_eq!(stage(&handed_back, Stage::PullRequests).stored, 50);
    let more = remote.rest().len() - asked;
    let about_to_be_sent = local.importer.client.max_in_flight();
    assert!(more <= about_to_be_sent, "{more}");
    assert_eq!(remote.asked("/pullrequests?"), 1);

    // Whoever is asked to halt does the same.
    let worker = Background::start(&local).await;
    until(async || remote.asked("/pullrequests?") == 2).await;
    queue.pause(import).await.unwrap();
    until_state(&local, import, ImportState::Paused).await;
    let paused = report(&local, import).await;
    assert_eq!(stage(&paused, Stage::PullRequests).stored, 60);
    remote.control.clear_faults();
    queue.resume(import).await.unwrap();
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
}
