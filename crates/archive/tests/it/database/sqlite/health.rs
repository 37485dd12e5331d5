//! A database that is looked at, and not touched.

use bucketload_archive::{Archive, DataDir, OpenError};

use crate::support::Store;

#[tokio::test]
async fn a_sound_database_of_this_version_and_of_another() {
    let store = Store::new().await;
    let health = Archive::health(&store.data_dir).await.unwrap().unwrap();
    assert_eq!(health.schema, health.newest);
    assert_eq!(health.damages, [""; 0]);
    let mut side = store.side().await;
    // Another program's next step: kept as it is.
    side.run(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99, 'next', true, x'00', 0)",
    )
    .await;
    let newer = Archive::health(&store.data_dir).await.unwrap().unwrap();
    assert_eq!((newer.schema, newer.newest), (99, health.newest));
}

#[tokio::test]
async fn no_database_is_none_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path());
    assert_eq!(Archive::health(&data_dir).await.unwrap(), None);
    let file = folder.path().join("bucketload.db");
    assert!(!file.exists());
    std::fs::write(file, "something else, of some length").unwrap();
    let error = Archive::health(&data_dir).await.unwrap_err();
    assert!(matches!(error, OpenError::Open { .. }), "{error:?}");
}
