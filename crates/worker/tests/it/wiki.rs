//! The wiki: where Bitbucket has one, where it had one, and where somebody kept it.

use std::path::{Path, PathBuf};

use bucketload_archive::mirror::Mirror;
use bucketload_auth::Credential;
use bucketload_model::{GapReason, ImportState, Stage, StageState};
use bucketload_simulator::{Effect, Fault, RequestKind, SeedOptions};
use bucketload_worker::{Selection, WikiCopyError};

use crate::support::{
    Kind, Local, NAME, Remote, assert_complete, bench, git, only_gap, remote, small, stage, status,
};

const WIKI: &str = "lighthouse.git/wiki/";

async fn without_wiki() -> Remote {
    remote(SeedOptions {
        wiki: false,
        ..small()
    })
    .await
}

fn says_that_it_has_one(remote: &Remote) {
    let effect = Effect::ReplaceField {
        field: "has_wiki".to_owned(),
        value: true.into(),
    };
    let repository = Fault::on_path("/2.0/repositories/seaside/lighthouse", effect);
    remote.control.add_fault(repository);
}

fn path(local: &Local) -> PathBuf {
    local.importer.data_dir.wiki(&NAME.parse().unwrap())
}

fn asked(remote: &Remote) -> usize {
    let log = remote.control.requests().into_iter();
    log.filter(|one| one.kind == RequestKind::Git && one.target.contains("/wiki/"))
        .count()
}

/// A clone with two pages.
fn kept(folder: &Path) -> PathBuf {
    let path = folder.join("kept");
    std::fs::create_dir(&path).unwrap();
    git(&path, &["init", "-q", "--initial-branch=master"]);
    git(&path, &["commit", "-q", "--allow-empty", "-m", "Home"]);
    git(&path, &["tag", "first"]);
    path
}

#[tokio::test]
async fn a_wiki_comes_home_with_its_history_and_is_in_the_export() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let remote = remote(small()).await;
        let Some(local) = Local::on(kind, &remote).await else {
            continue;
        };
        let report = local.import().await;
        assert_complete(&report);
        let wiki = stage(&report, Stage::Wiki);
        assert!(
            wiki.stored > 0 && wiki.expected == Some(wiki.stored),
            "{wiki:?}"
        );
        let mirror = Mirror::open(&path(&local)).unwrap().unwrap();
        assert_eq!(mirror.refs().unwrap().len() as u64, wiki.stored);
        let files = local.export(NAME).await;
        assert!(files["wiki.bundle"].starts_with(b"# v2 git bundle\n"));
        assert_ne!(files["wiki.bundle"], files["git.bundle"]);

        // Nothing of it changed: two requests, nothing new.
        remote.control.reset_log();
        let report = local.import().await;
        assert_complete(&report);
        assert_eq!(asked(&remote), 2);
        assert_eq!(local.export(NAME).await, files);
    }
}

#[tokio::test]
async fn where_there_never_was_one_nothing_is_missing() {
    let remote = without_wiki().await;
    let local = Local::new(&remote).await;
    let report = local.import().await;
    assert_complete(&report);
    let wiki = stage(&report, Stage::Wiki);
    assert_eq!((wiki.expected, wiki.stored), (Some(0), 0));
    assert_eq!(asked(&remote), 1);
    assert!(!path(&local).exists());
    assert!(!local.export(NAME).await.contains_key("wiki.bundle"));
}

#[tokio::test]
async fn without_a_credential_one_that_is_not_there_is_no_gap_either() {
    let remote = without_wiki().await;
    remote.on_path(WIKI, status(401));
    let local = Local::with(&remote, Credential::Anonymous).await;
    let report = local.import().await;
    assert_eq!(stage(&report, Stage::Wiki).state, StageState::Complete);
}

#[tokio::test]
async fn what_the_repository_says_it_has_and_nobody_gives_was_removed() {
    for (effect, reason) in [
        (status(404), GapReason::RemovedByAtlassian),
        (status(410), GapReason::RemovedByAtlassian),
        (Effect::Html { status: 200 }, GapReason::RemovedByAtlassian),
        (status(403), GapReason::NotPermitted),
        (status(401), GapReason::NotPermitted),
    ] {
        let remote = without_wiki().await;
        remote.on_path(WIKI, effect);
        says_that_it_has_one(&remote);
        let local = Local::new(&remote).await;
        let report = local.import().await;
        let gap = only_gap(&report);
        assert_eq!((gap.stage, gap.reason), (Stage::Wiki, reason), "{gap:?}");
        assert_eq!(gap.object, "wiki");
        assert!(
            gap.url
                .as_ref()
                .unwrap()
                .ends_with("/seaside/lighthouse.git/wiki")
        );
        assert!(!path(&local).exists());
    }
}

#[tokio::test]
async fn a_kept_copy_closes_the_gap() {
    let remote = without_wiki().await;
    says_that_it_has_one(&remote);
    let local = Local::new(&remote).await;
    let report = local.import().await;
    let gap = only_gap(&report);
    assert!(gap.detail.contains("import --wiki"), "{}", gap.detail);
    let folder = tempfile::tempdir().unwrap();
    let copy = kept(folder.path());
    let name = NAME.parse().unwrap();
    let taken = local.importer.take_wiki(&name, &copy).await.unwrap();
    assert_eq!((taken.refs, taken.written), (2, 2));
    let again = local.importer.take_wiki(&name, &copy).await.unwrap();
    assert_eq!((again.refs, again.written), (2, 0));
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(stage(&report, Stage::Wiki).stored, 2);
    assert!(local.export(NAME).await.contains_key("wiki.bundle"));
}

#[tokio::test]
async fn a_copy_may_come_before_the_repository_is_known() {
    let remote = without_wiki().await;
    let local = Local::new(&remote).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = kept(folder.path());
    let name = NAME.parse().unwrap();
    local.importer.take_wiki(&name, &copy).await.unwrap();
    assert!(local.export(NAME).await.contains_key("wiki.bundle"));
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(stage(&report, Stage::Wiki).stored, 2);
    let known = local.importer.archive.repositories().await.unwrap();
    assert_eq!(known.len(), 1);
}

#[tokio::test]
async fn a_wiki_that_is_gone_there_stays_here() {
    let (remote, local) = bench().await;
    let before = stage(&local.import().await, Stage::Wiki).stored;
    remote.on_path(WIKI, status(404));
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(stage(&report, Stage::Wiki).stored, before);
    // And where it is lost here, too, that is said.
    std::fs::remove_dir_all(path(&local)).unwrap();
    let report = local.import().await;
    assert_eq!(only_gap(&report).reason, GapReason::RemovedByAtlassian);
}

#[tokio::test]
async fn what_is_no_copy_leaves_the_archive_as_it_was() {
    let remote = without_wiki().await;
    let local = Local::new(&remote).await;
    let folder = tempfile::tempdir().unwrap();
    let name = NAME.parse().unwrap();
    let taken = local.importer.take_wiki(&name, folder.path()).await;
    assert!(matches!(taken, Err(WikiCopyError::Mirror(_))), "{taken:?}");
    assert!(!path(&local).exists());
    assert!(
        local
            .importer
            .archive
            .repositories()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_repository_that_is_called_like_a_wiki_keeps_its_mirror() {
    let remote = remote(SeedOptions {
        repositories: 1,
        ..small()
    })
    .await;
    let local = Local::new(&remote).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = kept(folder.path());
    // It is known by its name alone.
    let other = "seaside/lighthouse.wiki".parse().unwrap();
    local.importer.take_wiki(&other, &copy).await.unwrap();
    let selection = Selection::new(&[Stage::Wiki], &[]).unwrap();
    let report = local.try_import(NAME, &selection).await.report;
    assert_eq!(report.state, ImportState::CompleteWithGaps);
    assert_eq!(only_gap(&report).reason, GapReason::NotArchivable);
    let name = NAME.parse().unwrap();
    let taken = local.importer.take_wiki(&name, &copy).await;
    assert!(
        matches!(taken, Err(WikiCopyError::Occupied(_))),
        "{taken:?}"
    );
}
