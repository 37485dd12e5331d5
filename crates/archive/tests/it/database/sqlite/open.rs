//! Opening: anew, again, and what cannot be opened.

use std::path::PathBuf;

use bucketload_archive::{Archive, DataDir, DatabaseAddress, OpenError};
use futures::future::join_all;

use crate::support::{Side, Store};

const SCHEMA: &str = "select sql from sqlite_schema where sql is not null order by name";

fn file(data_dir: &DataDir) -> PathBuf {
    data_dir.root().join("bucketload.db")
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let store = Store::new().await;
    let before = store.column(SCHEMA).await;
    let applied = store.count("_sqlx_migrations").await;
    assert!(applied > 0 && before.len() > 10);
    for _ in 0..2 {
        Archive::open(&store.data_dir).await.unwrap();
    }
    assert_eq!(store.column(SCHEMA).await, before);
    assert_eq!(store.count("_sqlx_migrations").await, applied);
    let sound = store.column("pragma integrity_check").await;
    assert_eq!(sound, ["ok"]);
}

#[tokio::test]
async fn several_that_open_a_new_one_at_the_same_time() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let opened = join_all((0..4).map(|_| Archive::open(&data_dir))).await;
        for archive in opened {
            assert!(archive.unwrap().repositories().await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let store = Store::new().await;
    store.archive.close().await;
    let mut side = store.side().await;
    side.run(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99991231, 'from the future', 1, x'00', 1)",
    )
    .await;
    drop(side);
    for error in [
        Archive::open(&store.data_dir).await.unwrap_err(),
        Archive::open_existing(&store.data_dir).await.unwrap_err(),
    ] {
        let OpenError::Newer { database, found } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*found, 99_991_231);
        assert_eq!(database.to_string(), store.data_dir.database().to_string());
        assert!(error.to_string().contains("newer bucketload"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path());
    let letter = "Dear archive, ".repeat(1000);
    std::fs::write(file(&data_dir), &letter).unwrap();
    let error = Archive::open(&data_dir).await.unwrap_err();
    assert!(matches!(error, OpenError::Open { .. }), "{error:?}");
    let kept = std::fs::read_to_string(file(&data_dir)).unwrap();
    assert_eq!(kept, letter);
}

#[tokio::test]
async fn a_folder_in_its_place_and_a_missing_parent_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path());
    std::fs::create_dir(file(&data_dir)).unwrap();
    let error = Archive::open(&data_dir).await.unwrap_err();
    assert!(matches!(error, OpenError::Open { .. }), "{error:?}");
    let data_dir = DataDir::new(folder.path().join("not/made"));
    let error = Archive::open(&data_dir).await.unwrap_err();
    assert!(matches!(error, OpenError::Open { .. }), "{error:?}");
}

#[tokio::test]
async fn reading_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path());
    let error = Archive::open_existing(&data_dir).await.unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_database_may_lie_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere.db");
    let data_dir = DataDir::new(folder.path().join("data"))
        .with_database(DatabaseAddress::Sqlite(elsewhere.clone()));
    Archive::open(&data_dir).await.unwrap();
    assert!(elsewhere.exists());
    let mut side = Side::sqlite(&data_dir).await;
    side.run("select 1 from imports").await;
}
