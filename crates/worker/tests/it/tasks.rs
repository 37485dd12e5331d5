//! Tasks and statuses of pull requests: each list asked for when it must be, and no sooner.

use std::collections::{BTreeMap, BTreeSet};

use bucketload_bitbucket::{CommitStatus, PullRequest, Task};
use bucketload_model::{GapReason, ImportReport, ImportState, PullRequestId, Stage, StageState};
use bucketload_simulator::{Effect, Fault, Mutation};
use bucketload_worker::Selection;
use futures::TryStreamExt as _;
use serde_json::{Map, Value};

use crate::support::{Local, NAME, Remote, assert_complete, bench, remote, small, stage, status};

const TASKS: &str = "pull_request_tasks.jsonl";
const STATUSES: &str = "pull_request_statuses.jsonl";

/// What the server has of one pull request.
struct Truth {
    has_open_tasks: bool,
    tasks: Vec<Value>,
    statuses: Vec<Value>,
}

async fn truth(local: &Local) -> BTreeMap<i64, Truth> {
    let client = &local.importer.client;
    let name = NAME.parse().unwrap();
    let (endpoint, first) = client.pull_requests(&name);
    let pages = client.pages::<PullRequest>(endpoint, first);
    let pages: Vec<_> = pages.try_collect().await.unwrap();
    let mut truth = BTreeMap::new();
    for item in pages.iter().flat_map(|page| &page.items) {
        let id = item.value.id;
        let (endpoint, first) = client.pull_request_tasks(&name, id);
        let tasks = client.pages::<Task>(endpoint, first);
        let tasks: Vec<_> = tasks.try_collect().await.unwrap();
        let tasks = tasks.iter().flat_map(|page| &page.items);
        let tasks = tasks.map(|item| value(item.source.get())).collect();
        let (endpoint, first) = client.pull_request_statuses(&name, id);
        let statuses = client.pages::<CommitStatus>(endpoint, first);
        let statuses: Vec<_> = statuses.try_collect().await.unwrap();
        let statuses = statuses.iter().flat_map(|page| &page.items);
        let statuses = statuses.map(|item| value(item.source.get())).collect();
        let has_open_tasks = item.value.task_count > Some(0);
        truth.insert(
            id.0,
            Truth {
                has_open_tasks,
                tasks,
                statuses,
            },
        );
    }
    truth
}

fn value(source: &str) -> Value {
    serde_json::from_str(source).unwrap()
}

fn texts<'a>(values: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    values.into_iter().map(ToString::to_string).collect()
}

fn with_statuses() -> Selection {
    Selection::default().with(&[Stage::PullRequestStatuses])
}

async fn import_with_statuses(local: &Local) -> ImportReport {
    let outcome = local.try_import(NAME, &with_statuses()).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    outcome.report
}

fn fields(name: &str, value: Value) -> Map<String, Value> {
    [(name.to_owned(), value)].into_iter().collect()
}

fn edit(id: i64) -> Mutation {
    Mutation::EditPullRequest {
        repository: NAME.to_owned(),
        id: id.try_into().unwrap(),
        fields: fields("title", "Another one".into()),
    }
}

#[tokio::test]
async fn tasks_are_asked_for_where_there_are_open_ones() {
    let (remote, mut local) = bench().await;
    let truth = truth(&local).await;
    remote.control.reset_log();
    let report = local.import().await;
    assert_complete(&report);
    let with_open: Vec<&Truth> = truth.values().filter(|one| one.has_open_tasks).collect();
    let expected = texts(with_open.iter().flat_map(|one| &one.tasks));
    assert!(expected.len() > 5, "{expected:?}");
    assert_eq!(remote.asked("/tasks"), with_open.len());
    assert_eq!(texts(&local.objects(TASKS).await), expected);
    let tasks = stage(&report, Stage::PullRequestTasks);
    assert_eq!(tasks.expected, Some(expected.len() as u64));
    let estimated = tasks.requests_estimated.unwrap();
    assert_eq!(estimated.min, with_open.len() as u64);
    assert_eq!(estimated.max, with_open.len() as u64);
    // Nothing of builds, unless somebody wants to know.
    let statuses = stage(&report, Stage::PullRequestStatuses);
    assert_eq!(statuses.state, StageState::Skipped);
    assert_eq!(remote.asked("/statuses"), 0);

    // Those whose tasks are all resolved are asked for on request, and once.
    local.importer.whole_lists = true;
    let all = texts(truth.values().flat_map(|one| &one.tasks));
    assert!(all.len() > expected.len());
    for asked in [60 - with_open.len(), 0] {
        remote.control.reset_log();
        assert_complete(&local.import().await);
        assert_eq!(remote.asked("/tasks"), asked);
        assert_eq!(texts(&local.objects(TASKS).await), all);
    }
}

#[tokio::test]
async fn a_changed_pull_request_is_asked_again_if_it_ever_had_tasks() {
    let (remote, local) = bench().await;
    let truth = truth(&local).await;
    local.import().await;
    let of = |has: bool| {
        let mut found = truth.iter();
        let found = found.find(|(_, one)| one.has_open_tasks == has && one.tasks.is_empty() != has);
        *found.unwrap().0
    };
    // Its last task is resolved.
    remote.mutate(Mutation::EditPullRequest {
        repository: NAME.to_owned(),
        id: of(true).try_into().unwrap(),
        fields: fields("task_count", 0.into()),
    });
    remote.mutate(edit(of(false)));
    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(remote.asked("/tasks"), 1);
    assert_eq!(
        remote.asked(&format!("/pullrequests/{}/tasks", of(true))),
        1
    );
}

#[tokio::test]
async fn statuses_come_last_and_once() {
    let (remote, local) = bench().await;
    let truth = truth(&local).await;
    remote.control.reset_log();
    let report = import_with_statuses(&local).await;
    assert_complete(&report);
    let statuses = stage(&report, Stage::PullRequestStatuses);
    assert_eq!(statuses.state, StageState::Complete);
    assert_eq!(statuses.requests_estimated.unwrap().max, 60);
    let expected = texts(truth.values().flat_map(|one| &one.statuses));
    assert_eq!(statuses.expected, Some(expected.len() as u64));
    assert_eq!(texts(&local.objects(STATUSES).await), expected);
    let rest = remote.rest();
    let first = rest.iter().position(|one| one.contains("/statuses"));
    assert_eq!(
        rest.len() - first.unwrap(),
        60,
        "nothing else after the first"
    );

    remote.control.reset_log();
    assert_complete(&import_with_statuses(&local).await);
    assert_eq!(remote.asked("/statuses"), 0);
    remote.mutate(edit(7));
    assert_complete(&import_with_statuses(&local).await);
    assert_eq!(remote.asked("/statuses"), 1);
    assert_eq!(remote.asked("/pullrequests/7/statuses"), 1);
}

#[tokio::test]
async fn statuses_can_be_added_to_what_is_there() {
    let (remote, local) = bench().await;
    local.import().await;
    remote.control.reset_log();
    let only = Selection::new(&[Stage::PullRequestStatuses], &[]).unwrap();
    let name = NAME.parse().unwrap();
    let plan = local.importer.plan(&name, &only).await.unwrap();
    assert_eq!((plan.requests_min, plan.requests_max), (61, 61));
    remote.control.reset_log();
    let outcome = local.try_import(NAME, &only).await;
    assert_eq!(outcome.report.state, ImportState::Complete);
    assert_eq!(remote.asked("/statuses"), 60);
    assert_eq!(remote.rest().len(), 61);
    // Changed while nobody asked for statuses.
    remote.mutate(edit(9));
    assert_complete(&local.import().await);
    remote.control.reset_log();
    assert_complete(&import_with_statuses(&local).await);
    assert_eq!(remote.asked("/statuses"), 1);
}

#[tokio::test]
async fn one_list_that_cannot_be_read_is_named_and_tried_again() {
    for (code, reason) in [
        (403, GapReason::NotPermitted),
        (404, GapReason::NotFound),
        (500, GapReason::SourceError),
    ] {
        let (remote, local) = bench().await;
        let truth = truth(&local).await;
        let busy = truth
            .iter()
            .find(|(_, one)| one.has_open_tasks && !one.statuses.is_empty());
        let id = PullRequestId(*busy.unwrap().0);
        remote.on_path(&format!("/pullrequests/{id}/tasks"), status(code));
        remote.on_path(&format!("/pullrequests/{id}/statuses"), status(code));
        let report = import_with_statuses(&local).await;
        let gaps: Vec<_> = report
            .gaps
            .iter()
            .map(|gap| (gap.stage, gap.object.clone(), gap.reason))
            .collect();
        let (tasks, statuses) = (Stage::PullRequestTasks, Stage::PullRequestStatuses);
        assert_eq!(
            gaps,
            [
                (tasks, format!("tasks of pull request #{id}"), reason),
                (statuses, format!("statuses of pull request #{id}"), reason),
            ]
        );
        remote.control.clear_faults();
        remote.control.reset_log();
        assert_complete(&import_with_statuses(&local).await);
        assert_eq!((remote.asked("/tasks"), remote.asked("/statuses")), (1, 1));
    }
}

#[tokio::test]
async fn a_list_that_delivers_less_than_it_reports_is_named() {
    let (remote, local) = bench().await;
    let truth = truth(&local).await;
    let (id, one) = truth.iter().find(|(_, one)| one.has_open_tasks).unwrap();
    let effect = Effect::ReplaceField {
        field: "size".to_owned(),
        value: (one.tasks.len() + 1).into(),
    };
    remote.on_path(&format!("/pullrequests/{id}/tasks"), effect);
    let report = local.import().await;
    let gap = crate::support::only_gap(&report);
    assert_eq!(gap.object, format!("tasks of pull request #{id}"));
    assert_eq!(gap.reason, GapReason::CountMismatch);
    assert_eq!(stage(&report, Stage::PullRequestTasks).missing, 1);
}

async fn killed_at(remote: &Remote, request: u64) -> Local {
    let local = Local::new(remote).await;
    remote.control.reset_log();
    let fault = Fault::on_request(request, Effect::Hang);
    remote.control.add_fault(fault);
    let name = NAME.parse().unwrap();
    let all = selection_of_both();
    tokio::select! {
        outcome = local.importer.import(&name, &all) => panic!("{outcome:?}"),
        () = remote.control.wait_for_request(request) => {}
    }
    remote.control.clear_faults();
    local
}

fn selection_of_both() -> Selection {
    let stages = [
        Stage::PullRequests,
        Stage::PullRequestTasks,
        Stage::PullRequestStatuses,
    ];
    Selection::new(&stages, &[]).unwrap()
}

#[tokio::test]
async fn killed_at_every_request_nothing_is_lost_and_little_repeated() {
    let remote = remote(small()).await;
    let undisturbed = Local::new(&remote).await;
    remote.control.reset_log();
    undisturbed.try_import(NAME, &selection_of_both()).await;
    let requests = remote.control.requests().len() as u64;
    assert!(remote.asked("/tasks") > 1 && remote.asked("/statuses") == 60);
    let expected = undisturbed.export(NAME).await;
    // The lists, the tasks and the first statuses one by one; the others are all alike.
    let numbers = (1..=20).chain((21..=requests).step_by(7));
    for request in numbers {
        let local = killed_at(&remote, request).await;
        remote.control.reset_log();
        let outcome = local.try_import(NAME, &selection_of_both()).await;
        assert_eq!(outcome.report.state, ImportState::Complete);
        let export = local.export(NAME).await;
        assert!(export == expected, "killed at request {request}");
        let again = remote.rest().len() as u64 + request;
        assert!(again <= requests + 1 + 8, "{again} after {request}");
    }
}
