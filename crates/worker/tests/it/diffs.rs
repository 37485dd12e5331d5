//! Pull requests whose commits the clone lacks.

use std::collections::BTreeMap;

use bucketload_archive::mirror::Mirror;
use bucketload_bitbucket::{Commit, PullRequest};
use bucketload_model::{GapReason, ImportReport, ImportState, Stage, StageState};
use bucketload_simulator::{Effect, Fault, Mutation, SeedOptions};
use bucketload_worker::Selection;
use futures::TryStreamExt as _;

use crate::support::{Local, NAME, Remote, assert_complete, bench, remote, stage, status};

const COMMITS: &str = "pull_request_commits.jsonl";

fn name() -> bucketload_model::RepositoryName {
    NAME.parse().unwrap()
}

/// A world whose branches all lead to the first commit: what pull requests changed is there,
/// and no ref leads to it.
async fn forgotten() -> (Remote, Local) {
    let remote = remote(SeedOptions {
        pull_requests: 12,
        git_commits: 30,
        forks_gone_per_mille: 0,
        ..SeedOptions::default()
    })
    .await;
    let local = Local::new(&remote).await;
    let client = &local.importer.client;
    let (endpoint, first) = client.commits(&name());
    let pages = client.pages::<Commit>(endpoint, first);
    let pages: Vec<_> = pages.try_collect().await.unwrap();
    let root = pages.last().unwrap().items.last().unwrap();
    let root = root.value.hash.as_str().to_owned();
    let (endpoint, first) = client.branches(&name());
    let branches = client.pages::<bucketload_bitbucket::Ref>(endpoint, first);
    let branches: Vec<_> = branches.try_collect().await.unwrap();
    for branch in branches.iter().flat_map(|page| &page.items) {
        remote.mutate(Mutation::MoveBranch {
            repository: NAME.to_owned(),
            branch: branch.value.name.clone(),
            to: root.clone(),
        });
    }
    remote.control.reset_log();
    (remote, local)
}

/// The pull requests of which the mirror lacks the source.
async fn lacking(local: &Local) -> BTreeMap<i64, PullRequest> {
    let client = &local.importer.client;
    let (endpoint, first) = client.pull_requests(&name());
    let pages = client.pages::<PullRequest>(endpoint, first);
    let pages: Vec<_> = pages.try_collect().await.unwrap();
    let mirror = local.importer.data_dir.mirror(&name());
    let mirror = Mirror::open(&mirror).unwrap().unwrap();
    let items = pages.into_iter().flat_map(|page| page.items);
    let lacks = |one: &PullRequest| {
        let source = one.source.as_ref().unwrap();
        let hash = &source.commit.as_ref().unwrap().hash;
        mirror.resolve_short(hash).unwrap().is_none()
    };
    items
        .map(|item| item.value)
        .filter(lacks)
        .map(|one| (one.id.0, one))
        .collect()
}

/// git and the list, with which nothing is done yet about commits that are not there.
async fn with_git(local: &Local) {
    let selection = Selection::new(&[Stage::Git, Stage::PullRequests], &[]).unwrap();
    let outcome = local.try_import(NAME, &selection).await;
    assert_eq!(outcome.report.state, ImportState::Complete);
}

async fn diffs(local: &Local) -> ImportReport {
    let selection = Selection::new(&[Stage::PullRequestDiffs], &[]).unwrap();
    let outcome = local.try_import(NAME, &selection).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    outcome.report
}

#[tokio::test]
async fn what_the_clone_has_costs_nothing() {
    let (remote, local) = bench().await;
    let report = local.import().await;
    assert_complete(&report);
    let diffs = stage(&report, Stage::PullRequestDiffs);
    assert_eq!((diffs.expected, diffs.stored), (Some(0), 0));
    // Of a fork that is gone nothing is known but its number.
    let gone = local.objects("pull_requests.jsonl").await;
    let gone = gone.iter().filter(|one| one["source"]["commit"].is_null());
    assert_eq!(remote.asked("/commits?"), gone.count());
    assert_eq!(remote.asked("/diff/") + remote.asked("/patch/"), 0);
}

#[tokio::test]
async fn a_commit_that_git_gives_by_its_hash_is_kept_in_the_mirror() {
    let (remote, local) = forgotten().await;
    with_git(&local).await;
    let lacking = lacking(&local).await;
    assert!(lacking.len() > 3, "{lacking:?}");
    remote.control.reset_log();
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(remote.asked("/commits?"), lacking.len());
    assert_eq!(remote.asked("/diff/") + remote.asked("/patch/"), 0);
    let mirror = local.importer.data_dir.mirror(&name());
    let mirror = Mirror::open(&mirror).unwrap().unwrap();
    let refs = mirror.refs().unwrap();
    for id in lacking.keys() {
        let wanted = format!("refs/pull/{id}/head");
        assert!(
            refs.iter().any(|one| one.name == wanted.as_str()),
            "{wanted}"
        );
    }
    let never = std::sync::atomic::AtomicBool::new(false);
    assert!(mirror.fsck(&never).unwrap().is_clean);
    // They are the mirror's own: no update takes them for something that the remote let go.
    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(remote.rest().len(), 2);
    assert_eq!(mirror.refs().unwrap(), refs);
}

#[tokio::test]
async fn where_git_gives_nothing_diff_and_patch_are_kept() {
    let (remote, local) = forgotten().await;
    with_git(&local).await;
    let lacking = lacking(&local).await;
    remote.on_path("git-upload-pack", status(403));
    remote.control.reset_log();
    let report = diffs(&local).await;
    assert_eq!(
        (report.state, &report.gaps[..]),
        (ImportState::Complete, &[][..])
    );
    let count = lacking.len();
    for what in ["/commits?", "/diff/", "/patch/"] {
        assert_eq!(remote.asked(what), count, "{what}");
    }
    let estimated = stage(&report, Stage::PullRequestDiffs).requests_estimated;
    assert_eq!(estimated.unwrap().max, 3 * count as u64);
    assert_eq!(report.requests.total, remote.rest().len() as u64);

    let export = local.export(NAME).await;
    let client = &local.importer.client;
    for (id, pull_request) in &lacking {
        let diff = client.pull_request_diff(pull_request).await.unwrap();
        let patch = client.pull_request_patch(pull_request).await.unwrap();
        assert_eq!(
            export[&format!("pull_request_diffs/{id}.diff")],
            diff.unwrap().bytes
        );
        assert_eq!(
            export[&format!("pull_request_diffs/{id}.patch")],
            patch.unwrap().bytes
        );
    }
    assert!(!export.keys().any(|file| file.starts_with("blobs/")));
    let commits = local.objects(COMMITS).await;
    assert!(commits.len() >= count);
    assert!(
        commits
            .iter()
            .all(|one| one["hash"].as_str().unwrap().len() == 40)
    );
    let diffs_stage = stage(&report, Stage::PullRequestDiffs);
    assert_eq!(diffs_stage.stored, (commits.len() + 2 * count) as u64);

    // That is that.
    remote.control.reset_log();
    assert_eq!(diffs(&local).await.state, ImportState::Complete);
    assert_eq!(remote.rest().len(), 1);
}

#[tokio::test]
async fn what_bitbucket_cannot_give_is_named_by_every_import_and_asked_once() {
    for (code, reason, again) in [
        (555, GapReason::SourceError, 0),
        (404, GapReason::NotFound, 0),
        (403, GapReason::NotPermitted, 1),
        // Tried once more at the end.
        (500, GapReason::SourceError, 2),
    ] {
        let (remote, mut local) = forgotten().await;
        with_git(&local).await;
        remote.on_path("git-upload-pack", status(403));
        let id = *lacking(&local).await.keys().next().unwrap();
        let diff = format!("/diff/*from_pullrequest_id={id}&*");
        remote.on_path(&format!("*{diff}"), status(code));
        let named = |report: &ImportReport| {
            let [gap] = &report.gaps[..] else {
                panic!("{:#?}", report.gaps);
            };
            assert_eq!(gap.object, format!("diff of pull request #{id}"));
            assert_eq!(gap.reason, reason, "{code}");
        };
        let report = diffs(&local).await;
        named(&report);
        let found = stage(&report, Stage::PullRequestDiffs);
        assert_eq!(found.state, StageState::CompleteWithGaps);
        assert_eq!(found.missing, u64::from(again == 0));
        remote.control.reset_log();
        named(&diffs(&local).await);
        assert_eq!(remote.asked("/commits?"), again, "{code}");

        remote.control.clear_faults();
        remote.on_path("git-upload-pack", status(403));
        local.importer.whole_lists = true;
        let report = diffs(&local).await;
        assert_eq!(
            (report.state, &report.gaps[..]),
            (ImportState::Complete, &[][..])
        );
        let export = local.export(NAME).await;
        assert!(export.contains_key(&format!("pull_request_diffs/{id}.diff")));
    }
}

#[tokio::test]
async fn without_a_clone_nothing_is_said_to_lack_in_it() {
    let (remote, local) = forgotten().await;
    let selection = Selection::new(&[], &[Stage::Git]).unwrap();
    let outcome = local.try_import(NAME, &selection).await;
    assert_eq!(outcome.report.state, ImportState::Complete);
    assert_eq!(remote.asked("/commits?"), 0);
}

#[tokio::test]
async fn killed_at_every_request_nothing_is_lost_and_little_repeated() {
    let (remote, undisturbed) = forgotten().await;
    with_git(&undisturbed).await;
    remote.on_path("git-upload-pack", status(403));
    remote.control.reset_log();
    diffs(&undisturbed).await;
    let requests = remote.rest().len() as u64;
    let expected = undisturbed.export(NAME).await;
    assert!(requests > 10);
    for request in 1..=requests {
        remote.control.clear_faults();
        let local = Local::new(&remote).await;
        with_git(&local).await;
        remote.control.reset_log();
        remote.on_path("git-upload-pack", status(403));
        let fault = Fault::on_request(request, Effect::Hang);
        remote.control.add_fault(fault);
        let selection = Selection::new(&[Stage::PullRequestDiffs], &[]).unwrap();
        let name = name();
        tokio::select! {
            outcome = local.importer.import(&name, &selection) => panic!("{outcome:?}"),
            () = remote.control.wait_for_request(request) => {}
        }
        remote.control.clear_faults();
        remote.on_path("git-upload-pack", status(403));
        remote.control.reset_log();
        assert_eq!(diffs(&local).await.state, ImportState::Complete);
        assert!(local.export(NAME).await == expected, "killed at {request}");
    }
}
