//! Some of the stages only.

use bucketload_model::{ImportState, Stage, StageState};
use bucketload_simulator::RequestKind;
use bucketload_worker::Selection;

use crate::support::{NAME, Remote, assert_complete, bench, stage};

fn git_requests(remote: &Remote) -> usize {
    let requests = remote.control.requests().into_iter();
    requests.filter(|one| one.kind == RequestKind::Git).count()
}

#[tokio::test]
async fn git_only_asks_for_the_repository_and_git() {
    let (remote, local) = bench().await;
    let selection = Selection::new(&[Stage::Git], &[]).unwrap();
    let report = local.try_import(NAME, &selection).await.report;
    assert_eq!(report.state, ImportState::Complete);
    assert_eq!(remote.rest().len(), 1);
    assert!(git_requests(&remote) > 0 && report.git.refs > 0);
    for name in [
        Stage::Users,
        Stage::PullRequests,
        Stage::PullRequestComments,
    ] {
        assert_eq!(stage(&report, name).state, StageState::Skipped, "{name}");
    }
}

#[tokio::test]
async fn without_git_nothing_of_git_is_asked() {
    let (remote, local) = bench().await;
    let selection = Selection::new(&[], &[Stage::Git, Stage::Wiki]).unwrap();
    let report = local.try_import(NAME, &selection).await.report;
    assert_eq!(report.state, ImportState::Complete);
    assert_eq!(git_requests(&remote), 0);
    assert_eq!(stage(&report, Stage::PullRequests).stored, 60);
    assert!(
        !local
            .importer
            .data_dir
            .mirror(&NAME.parse().unwrap())
            .exists()
    );
}

#[tokio::test]
async fn comments_left_out_come_with_the_next_whole_import() {
    let (remote, local) = bench().await;
    let selection = Selection::new(&[], &[Stage::PullRequestComments]).unwrap();
    let report = local.try_import(NAME, &selection).await.report;
    assert_eq!(report.state, ImportState::Complete);
    assert_eq!(remote.asked("/comments"), 0);
    let report = local.import().await;
    assert_complete(&report);
    assert!(stage(&report, Stage::PullRequestComments).stored > 200);
}

#[tokio::test]
async fn comments_only_read_what_is_known_to_be_there() {
    let (remote, local) = bench().await;
    let selection = Selection::new(&[Stage::PullRequestComments], &[]).unwrap();
    let outcome = local.try_import(NAME, &selection).await;
    assert!(outcome.failure.is_none());
    assert_eq!(remote.asked("/pullrequests"), 0);

    let lists = Selection::new(&[Stage::PullRequests], &[]).unwrap();
    local.try_import(NAME, &lists).await;
    let report = local.try_import(NAME, &selection).await.report;
    assert_eq!(report.state, ImportState::Complete);
    let comments = stage(&report, Stage::PullRequestComments);
    assert!(comments.stored > 200);
    assert_eq!(comments.expected, Some(comments.stored));
}

#[tokio::test]
async fn another_selection_does_not_resume_and_leaves_no_import_running() {
    let (remote, local) = bench().await;
    let hang = bucketload_simulator::Effect::Hang;
    remote.on_path("/comments", hang);
    let name = NAME.parse().unwrap();
    let all = Selection::default();
    let import = local.importer.import(&name, &all);
    // Dropped in the middle, as if killed.
    tokio::select! {
        outcome = import => panic!("{outcome:?}"),
        () = remote.control.wait_for_request(8) => {}
    }
    remote.control.clear_faults();
    let killed = local
        .importer
        .archive
        .latest_import(&name)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(killed.state, ImportState::Running);
    let selection = Selection::new(&[Stage::Git], &[]).unwrap();
    let report = local.try_import(NAME, &selection).await.report;
    assert_ne!(report.id, killed.id);
    let killed = local
        .importer
        .archive
        .report(killed.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(killed.state, ImportState::Cancelled);
    assert_complete(&local.import().await);
}
