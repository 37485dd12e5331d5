//! Who runs an import, runs it alone; and who is gone is noticed.

use std::collections::BTreeSet;

use bucketload_archive::Claim;
use bucketload_model::{ImportState, LeaseOwner, Limits, ProgressEvent, Stage};
use bucketload_simulator::Effect;
use bucketload_worker::{ImportError, Selection, StageError};

use super::KIND;
use crate::queue::support::{
    Background, bench, enqueue, gate, impatient, options, queue, report, runs, until, until_state,
    wish,
};
use crate::support::{Kind, Local, NAME, assert_complete, remote, small};

#[tokio::test]
async fn many_who_claim_at_once_get_different_imports() {
    let remote = remote(small()).await;
    let Some(local) = Local::on(KIND, &remote).await else {
        return;
    };
    let queue = queue(&local).await;
    let wishes: Vec<_> = (0..40)
        .map(|number| wish(&format!("team/repository-{number}")))
        .collect();
    queue.enqueue(&wishes).await.unwrap();
    let claim_all = async || {
        let importer = &local.importer;
        let mut claimed = Vec::new();
        loop {
            let now = importer.clock.now();
            let mut transaction = importer.archive.begin().await.unwrap();
            let next = transaction.next_import(now, Limits::default()).await;
            let Some(import) = next.unwrap() else {
                return claimed;
            };
            let owner = LeaseOwner::new();
            let claim = Claim {
                owner: &owner,
                now,
                until: now + chrono::Duration::minutes(1),
                is_foreground: false,
            };
            let won = transaction.claim(import, &claim).await.unwrap().unwrap();
            // It cannot be claimed twice.
            assert!(transaction.claim(import, &claim).await.unwrap().is_none());
            transaction.commit().await.unwrap();
            claimed.push(won.lease.import);
        }
    };
    let (one, other, third) = tokio::join!(claim_all(), claim_all(), claim_all());
    let all: Vec<_> = [one, other, third].concat();
    let different: BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (40, 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_lost_his_lease_writes_nothing_more() {
    let remote = remote(small()).await;
    let Some(mut local) = Local::on(KIND, &remote).await else {
        return;
    };
    // Right after the first page of pull requests, while nobody else writes.
    let (sink, keeper) = gate(|event| {
        matches!(
            event,
            ProgressEvent::StageAdvanced {
                stage: Stage::PullRequests,
                ..
            }
        )
    });
    local.importer.sink = sink;
    local.importer.client = impatient(&remote, &local.importer);
    let importer = local.importer.clone();
    let name = NAME.parse().unwrap();
    let selection = Selection::new(&[Stage::PullRequests], &[]).unwrap();
    let run = tokio::spawn(async move { importer.import(&name, &selection).await });
    keeper.wait();
    // Somebody takes it for dead.
    let archive = &local.importer.archive;
    let lease = archive.leases().await.unwrap().remove(0);
    let now = local.importer.clock.now();
    let mut transaction = archive.begin().await.unwrap();
    transaction.bury(&lease, now).await.unwrap();
    transaction.commit().await.unwrap();
    if matches!(KIND, Kind::Sqlite) {
        local.watch().await;
    }
    let before = report(&local, lease.import).await;
    keeper.let_go();

    let outcome = run.await.unwrap().unwrap();
    let failure = outcome.failure.unwrap();
    assert!(
        matches!(failure.error, StageError::LeaseLost),
        "{failure:?}"
    );
    if matches!(KIND, Kind::Sqlite) {
        assert_eq!(local.touched().await, [""; 0]);
    }
    let after = report(&local, lease.import).await;
    assert_eq!(after, before, "not even its own row");

    // And whoever has it now brings it to its end.
    local.importer.sink = local.sink.clone();
    assert_complete(&local.import().await);
}

#[tokio::test]
async fn an_import_that_runs_is_not_begun_a_second_time() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    remote.on_path("/comments", Effect::Hang);
    let (_queue, import) = enqueue(&local).await;
    let one = Background::start(&local).await;
    let other = Background::start(&local).await;
    until(async || remote.asked("/comments") > 0).await;
    let name = NAME.parse().unwrap();
    let at_terminal = local.importer.import(&name, &Selection::default()).await;
    let Err(ImportError::Busy { process, .. }) = at_terminal else {
        panic!("{at_terminal:?}");
    };
    assert_eq!(process, std::process::id().to_string());
    // Not even if everybody is woken up.
    let tickets: Vec<_> = (0..20).map(|_| wish(NAME)).collect();
    queue(&local).await.enqueue(&tickets).await.unwrap();
    let archive = &local.importer.archive;
    until(async || {
        let now = local.importer.clock.now() + chrono::Duration::hours(1);
        archive
            .count_tickets("bucketload-imports", now)
            .await
            .unwrap()
            == 0
    })
    .await;
    assert_eq!(runs(&local.sink), 1);
    assert_eq!(report(&local, import).await.state, ImportState::Running);
    remote.control.clear_faults();
    one.stop().await;
    until_state(&local, import, ImportState::Complete).await;
    other.stop().await;
}

/// Claims the next import as a process would that dies then.
async fn claim_and_die(local: &Local, seconds: i64, shows_life: bool) -> LeaseOwner {
    let importer = &local.importer;
    let now = importer.clock.now();
    let owner = LeaseOwner::new();
    let life = shows_life.then(|| importer.data_dir.show_life(&owner).unwrap());
    let mut transaction = importer.archive.begin().await.unwrap();
    let next = transaction.next_import(now, Limits::default()).await;
    let import = next.unwrap().unwrap();
    let claim = Claim {
        owner: &owner,
        now,
        until: now + chrono::Duration::seconds(seconds),
        is_foreground: false,
    };
    transaction.claim(import, &claim).await.unwrap().unwrap();
    transaction.commit().await.unwrap();
    drop(life);
    owner
}

#[tokio::test]
async fn an_orphan_of_this_machine_is_taken_up_at_once() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let (_queue, import) = enqueue(&local).await;
    let owner = claim_and_die(&local, 3_600, true).await;
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
    let leases = local.importer.data_dir.root().join("leases");
    assert!(!leases.join(owner.as_str()).exists(), "nothing is left");
}

#[tokio::test]
async fn an_orphan_of_another_machine_is_taken_up_when_its_lease_ends() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let (_queue, import) = enqueue(&local).await;
    claim_and_die(&local, 2, false).await;
    let lease = local.importer.archive.leases().await.unwrap().remove(0);
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
    let begun = report(&local, import).await.finished_at.unwrap();
    assert!(begun > lease.until, "not before nobody can be alive");
    assert_eq!(runs(&local.sink), 1);
}

#[tokio::test]
async fn what_was_to_stop_when_its_process_died_stops() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let (queue, import) = enqueue(&local).await;
    claim_and_die(&local, 3_600, true).await;
    assert_eq!(queue.cancel(import).await.unwrap(), ImportState::Cancelling);
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Cancelled).await;
    worker.stop().await;
    assert_eq!(runs(&local.sink), 0);
}

#[tokio::test]
async fn an_import_that_costs_processes_their_lives_is_given_up() {
    let Some((_remote, local)) = bench(KIND).await else {
        return;
    };
    let (queue, import) = enqueue(&local).await;
    let fatal = options().retry.fruitless_attempts + 1;
    for _ in 0..fatal {
        claim_and_die(&local, 3_600, true).await;
        let archive = &local.importer.archive;
        let lease = archive.leases().await.unwrap().remove(0);
        let mut transaction = archive.begin().await.unwrap();
        let now = local.importer.clock.now();
        transaction.bury(&lease, now).await.unwrap();
        transaction.commit().await.unwrap();
    }
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Failed).await;
    let error = report(&local, import).await.error.unwrap();
    assert!(error.contains("processes in a row ended"), "{error}");
    assert_eq!(runs(&local.sink), 0);
    // Somebody has seen to it.
    queue.retry(import).await.unwrap();
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
}

#[tokio::test]
async fn an_import_at_the_terminal_is_not_taken_up_by_a_worker() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    remote.on_path("/comments", Effect::Hang);
    let name = NAME.parse().unwrap();
    let all = Selection::default();
    tokio::select! {
        outcome = local.importer.import(&name, &all) => panic!("{outcome:?}"),
        () = until(async || remote.asked("/comments") > 0) => {}
    }
    remote.control.clear_faults();
    let import = local.importer.archive.latest_import(&name).await;
    let import = import.unwrap().unwrap().id;
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Cancelled).await;
    // But it is if somebody asks for that.
    let queue = queue(&local).await;
    queue.resume(import).await.unwrap();
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
}

#[tokio::test]
async fn an_import_at_the_terminal_that_is_wanted_in_the_queue_is_taken_up() {
    let Some((remote, local)) = bench(KIND).await else {
        return;
    };
    remote.on_path("/comments", Effect::Hang);
    let name = NAME.parse().unwrap();
    let all = Selection::default();
    let wanted = async {
        until(async || remote.asked("/comments") > 0).await;
        enqueue(&local).await.1
    };
    let import = tokio::select! {
        outcome = local.importer.import(&name, &all) => panic!("{outcome:?}"),
        import = wanted => import,
    };
    // The command was killed meanwhile.
    remote.control.clear_faults();
    let worker = Background::start(&local).await;
    until_state(&local, import, ImportState::Complete).await;
    worker.stop().await;
    assert_eq!(runs(&local.sink), 2);
}
