//! The copy of a file that is taken before its schema is changed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bucketload_archive::{Archive, BackupError, DataDir, DatabaseAddress, OpenError};

use super::disk_full::on_a_disk_of;
use crate::earlier::make_file;
use crate::support::{Side, Store};

fn file(data_dir: &DataDir) -> std::path::PathBuf {
    data_dir.root().join("bucketload.db")
}

fn mode(path: &Path) -> Option<u32> {
    let metadata = path.metadata().ok()?;
    Some(metadata.permissions().mode() & 0o777)
}

#[tokio::test]
async fn it_is_whole_nobody_else_reads_it_and_it_takes_the_place_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path());
    let from = make_file(&file(&data_dir), 2).await;
    let upgrade = Archive::upgrade(&data_dir).await.unwrap();
    let backup = upgrade.backup.unwrap();
    let name = backup.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&format!("bucketload-{from}-")), "{name}");
    assert_eq!(backup.parent().unwrap(), folder.path().join("backups"));
    assert_eq!(mode(&backup), Some(0o600));
    assert_eq!(mode(&folder.path().join("backups")), Some(0o700));
    let elsewhere = data_dir
        .clone()
        .with_database(DatabaseAddress::Sqlite(backup.clone()));
    let mut side = Side::sqlite(&elsewhere).await;
    assert_eq!(side.texts("pragma integrity_check").await, ["ok"]);
    let titles = "select title from pull_requests where title is not null";
    assert_eq!(side.texts(titles).await, ["Boil faster"]);
    drop(side);
    // Whoever goes back: the file in the place of the other one, without its log.
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join(format!("bucketload.db{end}")));
    }
    std::fs::copy(&backup, file(&data_dir)).unwrap();
    let health = Archive::health(&data_dir).await.unwrap().unwrap();
    assert_eq!(health.schema, from);
    assert_eq!(health.damages, [""; 0]);
    let again = Archive::upgrade(&data_dir).await.unwrap();
    assert_eq!((again.from, again.to), (from, upgrade.to));
}

#[tokio::test]
async fn a_new_database_and_one_that_is_up_to_date_need_none() {
    let store = Store::new().await;
    Archive::open(&store.data_dir).await.unwrap();
    assert!(!store.data_dir.root().join("backups").exists());
    let upgrade = Archive::upgrade(&store.data_dir).await.unwrap();
    assert_eq!(upgrade.from, upgrade.to);
    assert_eq!(upgrade.backup, None);
}

#[tokio::test]
async fn whoever_wants_none_gets_none() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path()).without_backups();
    let from = make_file(&file(&data_dir), 1).await;
    let upgrade = Archive::upgrade(&data_dir).await.unwrap();
    assert_eq!((upgrade.from, upgrade.backup), (from, None));
    assert!(!folder.path().join("backups").exists());
}

#[test]
fn without_room_for_it_nothing_is_changed() {
    on_a_disk_of("8m", "backup::on_a_small_disk");
}

#[tokio::test]
#[ignore = "wants a small disk as current folder; run by the test above"]
async fn on_a_small_disk() {
    let data_dir = DataDir::new(".");
    let from = make_file(&file(&data_dir), 1).await;
    let error = Archive::open(&data_dir).await.unwrap_err();
    let OpenError::Backup { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(source, BackupError::NoRoom { .. }), "{source:?}");
    let health = Archive::health(&data_dir).await.unwrap().unwrap();
    assert_eq!(health.schema, from);
    assert!(!health.backup.unwrap().has_room());
    assert!(!Path::new("backups").exists());
    Archive::open(&data_dir.without_backups()).await.unwrap();
}
