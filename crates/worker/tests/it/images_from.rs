//! Pasted images, from a folder of files that a person saved.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use bucketload_model::ImportState;
use bucketload_worker::{FolderError, TakeImagesError, TakenImages};

use crate::images::{assert_whole, comment, images, import, plain};
use crate::support::{Local, NAME, Remote, only_gap};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nfirst";
const GIF: &[u8] = b"GIF89a second";

fn pasted(rest: &str) -> String {
    format!("https://bitbucket.org/repo/{rest}")
}

async fn bench(texts: &[&str]) -> (Remote, Local) {
    let remote = plain().await;
    for rest in texts {
        comment(&remote, &format!("![it]({})", pasted(rest)));
    }
    let local = Local::new(&remote).await;
    import(&local).await;
    (remote, local)
}

async fn take(local: &Local, folder: &Path) -> Result<TakenImages, TakeImagesError> {
    let name = NAME.parse().unwrap();
    local.importer.take_images(&name, folder).await
}

#[tokio::test]
async fn saved_images_fill_their_gaps_and_twice_is_once() {
    let rest = [
        "oAndzz/images/5-Shot%20at%2010:59.png",
        "oAndzz/images/6-b.gif",
    ];
    let (_remote, local) = bench(&rest).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("5-Shot at 10_59.png"), PNG).unwrap();
    fs::write(folder.path().join("holiday.png"), PNG).unwrap();
    let taken = take(&local, folder.path()).await.unwrap();
    assert_eq!((taken.taken, taken.known), (1, 0));
    assert_eq!(taken.unused, ["holiday.png"]);
    assert_eq!(taken.missing, [pasted(rest[1])]);
    let name = NAME.parse().unwrap();
    let latest = async || {
        let archive = &local.importer.archive;
        let import = archive.latest_import(&name).await.unwrap().unwrap();
        archive.report(import.id).await.unwrap().unwrap()
    };
    assert_eq!(only_gap(&latest().await).url, Some(pasted(rest[1])));
    fs::create_dir_all(folder.path().join("oAndzz/images")).unwrap();
    fs::write(folder.path().join("oAndzz/images/6-b.gif"), GIF).unwrap();
    let taken = take(&local, folder.path()).await.unwrap();
    assert_eq!((taken.taken, taken.known), (1, 1));
    assert!(taken.is_whole(), "{taken:?}");
    let report = latest().await;
    assert_eq!(report.gaps, []);
    assert_eq!((report.state, report.missing()), (ImportState::Complete, 0));
    let kept = images(&local).await;
    assert!(kept.iter().all(|(_, blob)| blob.is_some()), "{kept:?}");
    let again = take(&local, folder.path()).await.unwrap();
    assert_eq!((again.taken, again.known), (0, 2));
    assert_eq!(images(&local).await, kept);
    assert_whole(&import(&local).await);
}

#[tokio::test]
async fn only_files_that_are_images_are_taken_and_no_link_is_followed() {
    let rest = [
        "abc/images/1-a.png",
        "abc/images/2-b.png",
        "abc/images/3-c.png",
    ];
    let (_remote, mut local) = bench(&rest).await;
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("secret.png");
    fs::write(&secret, PNG).unwrap();
    symlink(&secret, folder.path().join("1-a.png")).unwrap();
    symlink(elsewhere.path(), folder.path().join("abc")).unwrap();
    fs::write(folder.path().join("2-b.png"), "<html>Sign in</html>").unwrap();
    fs::write(folder.path().join("3-c.png"), [PNG, &[0; 100]].concat()).unwrap();
    fs::write(folder.path().join("..%2F..%2F1-a.png"), PNG).unwrap();
    local.importer.max_blob_bytes = 50;
    let taken = take(&local, folder.path()).await.unwrap();
    assert_eq!(taken.taken, 0);
    let refused: Vec<_> = taken.refused.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(refused, ["1-a.png", "abc", "2-b.png", "3-c.png"]);
    assert_eq!(taken.unused, ["..%2F..%2F1-a.png"]);
    assert_eq!(taken.missing.len(), 3);
    assert_eq!(local.importer.archive.blobs().await.unwrap(), []);
}

#[tokio::test]
async fn a_file_that_may_be_two_images_is_none() {
    let rest = [
        "abc/images/1-a.png",
        "xyz/images/1-a.png",
        "xyz/images/2-b.png",
    ];
    let (_remote, local) = bench(&rest).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1-a.png"), PNG).unwrap();
    fs::write(folder.path().join("2-b.png"), PNG).unwrap();
    let error = take(&local, folder.path()).await.unwrap_err();
    let is_ambiguous = matches!(
        error,
        TakeImagesError::Folder(FolderError::Ambiguous { .. })
    );
    assert!(is_ambiguous, "{error}");
    assert!(images(&local).await.iter().all(|(_, blob)| blob.is_none()));
    let path = |name: &str| folder.path().join(name);
    fs::rename(path("1-a.png"), path("abc-1-a.png")).unwrap();
    fs::create_dir(path("xyz")).unwrap();
    fs::write(path("xyz/1-a.png"), GIF).unwrap();
    fs::write(path("xyz/2-b.png"), GIF).unwrap();
    let error = take(&local, folder.path()).await.unwrap_err();
    let is_twice = matches!(error, TakeImagesError::Folder(FolderError::Twice { .. }));
    assert!(is_twice, "{error}");
    assert!(images(&local).await.iter().all(|(_, blob)| blob.is_none()));
    fs::remove_file(path("xyz/2-b.png")).unwrap();
    let taken = take(&local, folder.path()).await.unwrap();
    assert_eq!(taken.taken, 3);
}

#[tokio::test]
async fn a_repository_that_is_not_there_says_so() {
    let remote = plain().await;
    let local = Local::new(&remote).await;
    let folder = tempfile::tempdir().unwrap();
    let error = take(&local, folder.path()).await.unwrap_err();
    assert!(matches!(error, TakeImagesError::Unknown(_)), "{error}");
}
