//! Several processes that write to one database at the same time.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{Archive, CodeFor, DatabaseError, PendingParent, SecretHash};
use bucketload_model::{QuotaLedger as _, QuotaRule, Stage, Verdict};
use chrono::Duration;

use super::KIND;
use crate::support::{Store, at, pull_request, repository_uuid};

/// As another process would open it.
async fn other(store: &Store) -> Archive {
    Archive::open(&store.data_dir).await.unwrap()
}

#[tokio::test]
async fn an_account_of_requests_is_exact_from_its_first_one_on() {
    let Some(store) = Store::on(KIND).await else {
        return;
    };
    let rule = QuotaRule {
        assumed_limit: 50,
        window: Duration::hours(1),
        reserve_percent: 0,
    };
    let mut archives = vec![store.archive.clone()];
    for _ in 0..3 {
        archives.push(other(&store).await);
    }
    // All at once, and more than there is: none may be counted over another.
    let asked = (0..80).map(|number| {
        let archive = archives[number % archives.len()].clone();
        tokio::spawn(async move {
            let take = Box::new(|bucket: &mut bucketload_model::RateBucket| {
                bucket.take(&rule, at(0), false)
            });
            archive.decide("of one token", take).await.unwrap()
        })
    });
    let mut given = 0;
    for verdict in asked.collect::<Vec<_>>() {
        given += u32::from(verdict.await.unwrap() == Verdict::Go);
    }
    assert_eq!(given, 50);
}

#[tokio::test]
async fn a_code_lets_one_in_however_many_bring_it_at_once() {
    let Some(store) = Store::on(KIND).await else {
        return;
    };
    let mut archives = Vec::new();
    for _ in 0..4 {
        archives.push(other(&store).await);
    }
    for round in 0..10 {
        let code = SecretHash::of(&format!("code {round}"));
        let whom = CodeFor::FirstAdministrator;
        let mut transaction = store.begin().await;
        transaction
            .put_code(&code, whom, at(0), at(60))
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let together = std::sync::Arc::new(tokio::sync::Barrier::new(archives.len()));
        let brought = archives.iter().map(|archive| {
            let (archive, code, together) = (archive.clone(), code.clone(), together.clone());
            tokio::spawn(async move {
                let mut transaction = archive.begin().await.unwrap();
                together.wait().await;
                let found = transaction.take_code(&code, at(1), 20).await.unwrap();
                transaction.commit().await.unwrap();
                found
            })
        });
        let mut let_in = 0;
        for found in brought.collect::<Vec<_>>() {
            let_in += u32::from(found.await.unwrap() == Some(whom));
        }
        assert_eq!(let_in, 1, "round {round}");
    }
}

#[tokio::test]
async fn writers_of_two_processes_do_not_wait_for_each_other() {
    let Some(store) = Store::on(KIND).await else {
        return;
    };
    for number in [1, 2] {
        store.put_repository(&repository_uuid(number), "{}").await;
    }
    let other = other(&store).await;
    let mut slow = store.begin().await;
    let page = [pull_request(1, Some(0), "{}")];
    slow.put_pull_requests(&repository_uuid(1), &page)
        .await
        .unwrap();
    let mut fast = other.begin().await.unwrap();
    fast.put_pull_requests(&repository_uuid(2), &page)
        .await
        .unwrap();
    fast.commit().await.unwrap();
    slow.commit().await.unwrap();
    for number in [1, 2] {
        let uuid = repository_uuid(number);
        let count = store.archive.count_pull_requests(&uuid).await.unwrap();
        assert_eq!(count, 1);
    }
}

async fn change(archive: &Archive, source: &str) -> bucketload_archive::Transaction {
    let mut transaction = archive.begin().await.unwrap();
    transaction
        .put_pull_requests(&repository_uuid(1), &[pull_request(1, Some(3), source)])
        .await
        .unwrap();
    transaction
}

#[tokio::test]
async fn a_discussion_is_not_finished_while_another_process_makes_it_pending_again() {
    let Some(store) = Store::on(KIND).await else {
        return;
    };
    let uuid = repository_uuid(1);
    store.put_repository(&uuid, "{}").await;
    change(&store.archive, "{}").await.commit().await.unwrap();
    let old: PendingParent = store.pending(&uuid).await[0].clone();

    let newer = change(&store.archive, "{\"newer\":1}").await;
    let other = other(&store).await;
    let finish = tokio::spawn({
        let uuid = uuid.clone();
        async move {
            let mut transaction = other.begin().await?;
            let stage = Stage::PullRequestComments;
            transaction.finish_pending(&uuid, stage, &old).await?;
            transaction.commit().await?;
            Ok::<(), DatabaseError>(())
        }
    });
    wait_for_a_waiting_writer(&store).await;
    newer.commit().await.unwrap();
    finish.await.unwrap().unwrap();
    assert_eq!(store.pending_ids(&uuid).await, [1]);
}

/// Until the server says that somebody waits for the row of somebody else.
async fn wait_for_a_waiting_writer(store: &Store) {
    let waiting = "select pid::text from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    while store.column(waiting).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn of_two_that_wait_for_each_other_one_gives_way() {
    let Some(store) = Store::on(KIND).await else {
        return;
    };
    for number in [1, 2] {
        store.put_repository(&repository_uuid(number), "{}").await;
    }
    let other = other(&store).await;
    let rename = async |transaction: &mut bucketload_archive::Transaction, number, to: &str| {
        let (uuid, name) = (repository_uuid(number), to.parse().unwrap());
        let record = crate::support::repository(&uuid, &name, "{}");
        transaction.put_repository(&record).await
    };
    let mut one = store.begin().await;
    let mut two = other.begin().await.unwrap();
    rename(&mut one, 1, "teapots/one").await.unwrap();
    rename(&mut two, 2, "teapots/two").await.unwrap();
    let (of_one, of_two) = tokio::join!(
        rename(&mut one, 2, "teapots/one"),
        rename(&mut two, 1, "teapots/two"),
    );
    let failure = match (of_one, of_two) {
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => error,
        both => panic!("{both:?}"),
    };
    assert!(matches!(failure, DatabaseError::Conflict(_)), "{failure:?}");
    assert!(failure.class().is_retryable());
}
