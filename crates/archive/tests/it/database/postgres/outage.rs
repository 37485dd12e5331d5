//! A server that goes away and comes back.

use bucketload_archive::{Archive, DataDir, DatabaseError};
use bucketload_model::{QuotaLedger as _, RateBucket};

use crate::postgres::{Server, USER};
use crate::support::{address, name, pull_request, repository, repository_uuid};

async fn put(archive: &Archive, id: i64) -> Result<(), DatabaseError> {
    let mut transaction = archive.begin().await?;
    let page = [pull_request(id, Some(0), "{}")];
    transaction
        .put_pull_requests(&repository_uuid(1), &page)
        .await?;
    transaction.commit().await
}

#[tokio::test]
async fn what_was_under_way_is_lost_and_the_next_transaction_goes_on() {
    let Some(server) = Server::start() else {
        return;
    };
    server.sql(&format!("create database outage owner {USER}"));
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path()).with_database(address(&server.url("outage")));
    let archive = Archive::open(&data_dir).await.unwrap();
    let (uuid, name) = (repository_uuid(1), name());
    let mut transaction = archive.begin().await.unwrap();
    let record = repository(&uuid, &name, "{}");
    transaction.put_repository(&record).await.unwrap();
    transaction.commit().await.unwrap();
    put(&archive, 1).await.unwrap();

    // Stopped and started again between two transactions: nobody notices.
    server.stop();
    server.start_again();
    put(&archive, 2).await.unwrap();
    assert_eq!(archive.count_pull_requests(&uuid).await.unwrap(), 2);

    // Broken off in the middle of one.
    let mut transaction = archive.begin().await.unwrap();
    let page = [pull_request(3, Some(0), "{}")];
    transaction.put_pull_requests(&uuid, &page).await.unwrap();
    server.crash();
    let error = transaction.commit().await.unwrap_err();
    assert!(matches!(error, DatabaseError::Away(_)), "{error:?}");
    assert!(error.class().is_retryable());

    // While it is away.
    let error = put(&archive, 3).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Away(_)), "{error:?}");
    // The account of requests waits for it.
    let counted = tokio::spawn({
        let archive = archive.clone();
        async move {
            let change = Box::new(|_: &mut RateBucket| ());
            archive.update("of one token", change).await
        }
    });
    server.start_again();
    counted.await.unwrap().unwrap();
    assert_eq!(archive.count_pull_requests(&uuid).await.unwrap(), 2);
    put(&archive, 3).await.unwrap();
    assert_eq!(archive.count_pull_requests(&uuid).await.unwrap(), 3);
    archive.close().await;
}
