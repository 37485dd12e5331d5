//! The activity of pull requests, and what it saves.

use std::collections::BTreeSet;
use std::sync::Arc;

use bucketload_bitbucket::Activity;
use bucketload_model::{
    Clock as _, GapReason, ImportState, ManualClock, Stage, StageState, SystemClock,
};
use bucketload_simulator::{Effect, Fault, Mutation, SeedOptions};
use bucketload_worker::Selection;
use chrono::Duration;
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use crate::support::{
    Local, NAME, Remote, assert_complete, bench, remote, small, stage, status, talkative,
};

const ACTIVITY: &str = "pull_request_activity.jsonl";
const COMMENTS: &str = "pull_request_comments.jsonl";

/// A world whose activity has comments as whole as their own lists.
fn whole() -> SeedOptions {
    SeedOptions {
        whole_activity: true,
        ..small()
    }
}

async fn imported(options: SeedOptions) -> (Remote, Local, Vec<String>) {
    let remote = remote(options).await;
    let local = Local::new(&remote).await;
    assert_complete(&local.import().await);
    let rest = remote.rest();
    (remote, local, rest)
}

/// Every entry that the server has.
async fn served(local: &Local) -> Vec<Value> {
    let client = &local.importer.client;
    let (endpoint, first) = client.activity(&NAME.parse().unwrap());
    let pages: Vec<_> = client
        .pages::<Activity>(endpoint, first)
        .try_collect()
        .await
        .unwrap();
    let items = pages.iter().flat_map(|page| &page.items);
    items
        .map(|item| serde_json::from_str(item.source.get()).unwrap())
        .collect()
}

fn sorted(mut values: Vec<Value>) -> Vec<String> {
    values.sort_by_key(ToString::to_string);
    values.iter().map(ToString::to_string).collect()
}

fn asked(rest: &[String], part: &str) -> usize {
    rest.iter().filter(|one| one.contains(part)).count()
}

#[tokio::test]
async fn every_entry_comes_as_it_was_sent_and_once() {
    let (_remote, local, rest) = imported(small()).await;
    let served = served(&local).await;
    assert!(served.len() > 200, "{}", served.len());
    assert_eq!(
        asked(&rest, "pullrequests/activity"),
        served.len().div_ceil(50)
    );
    assert_eq!(sorted(local.objects(ACTIVITY).await), sorted(served));
    // In the order of pull requests, and with a key of its own.
    let export = local.export(NAME).await;
    let text = std::str::from_utf8(&export[ACTIVITY]).unwrap();
    let keys = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        (
            line["key"]["pull_request"].as_u64().unwrap(),
            line["key"].to_string(),
        )
    });
    let keys: Vec<_> = keys.collect();
    assert!(keys.is_sorted_by_key(|(pull_request, _)| *pull_request));
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
}

/// Recordings lack the place of a comment in its change; then every discussion is read in its
/// own list, and none twice, also not the one that showed it.
#[tokio::test]
async fn without_places_in_the_activity_every_discussion_is_read_once() {
    let (remote, local, rest) = imported(small()).await;
    let lists: Vec<&String> = rest
        .iter()
        .filter(|one| one.contains("/comments"))
        .collect();
    let unique: BTreeSet<&String> = lists.iter().copied().collect();
    assert_eq!(lists.len(), unique.len());
    assert!(lists.len() >= talkative(&local).await.len());
    let estimate = local.import().await.requests.estimated.unwrap();
    assert!(
        estimate.max < 10,
        "an update is estimated as one: {estimate}"
    );
    drop(remote);
}

#[tokio::test]
async fn a_whole_activity_spares_the_lists_of_comments() {
    let (_, by_lists, all_requests) = imported(small()).await;
    let (remote, local, rest) = imported(whole()).await;
    let read_all = asked(&all_requests, "/comments");
    let read = asked(&rest, "/comments");
    assert!(read < read_all, "{read} of {read_all}");

    // Nothing that somebody can read is missing, and all of it is as the lists have it.
    let live = |comments: Vec<Value>| {
        let comments = comments.into_iter().filter(|one| one["deleted"] == false);
        sorted(comments.map(|one| without_addresses(&one)).collect())
    };
    assert_eq!(
        live(local.objects(COMMENTS).await),
        live(by_lists.objects(COMMENTS).await)
    );
    // Where a deleted comment was answered, its discussion was read in its own list.
    let comments = local.objects(COMMENTS).await;
    let ids: BTreeSet<u64> = comments
        .iter()
        .map(|one| one["id"].as_u64().unwrap())
        .collect();
    let parents = comments
        .iter()
        .filter_map(|one| one["parent"]["id"].as_u64());
    for parent in parents {
        assert!(
            ids.contains(&parent),
            "{parent} was answered and is not there"
        );
    }
    assert!(comments.iter().any(|one| one["deleted"] == true));

    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(remote.rest().len(), 2);
}

/// Two simulators have two ports.
fn without_addresses(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("http://127.0.0.1") => Value::Null,
        Value::Array(list) => list.iter().map(without_addresses).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, one)| (name.clone(), without_addresses(one)))
            .collect(),
        other => other.clone(),
    }
}

/// What an update reads of the activity would not show that a comment was edited.
#[tokio::test]
async fn an_update_reads_changed_discussions_in_their_lists() {
    let (remote, local, _) = imported(whole()).await;
    let id = talkative(&local).await[0];
    let comments = local.objects(COMMENTS).await;
    let comment = comments
        .iter()
        .find(|one| one["pullrequest"]["id"] == id && one["deleted"] == false)
        .unwrap();
    let comment = comment["id"].as_u64().unwrap();
    remote.mutate(Mutation::EditComment {
        repository: NAME.to_owned(),
        pull_request: id,
        comment,
        text: "I mean the opposite".to_owned(),
    });
    remote.mutate(Mutation::EditPullRequest {
        repository: NAME.to_owned(),
        id,
        fields: serde_json::Map::new(),
    });
    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(remote.asked("/comments"), 1);
    let stored = local.object(COMMENTS, comment).await;
    assert_eq!(stored["content"]["raw"], "I mean the opposite");
}

/// That a new comment moves the `updated_on` of its pull request is documented nowhere. Where it
/// does not, the activity shows it.
#[tokio::test]
async fn a_comment_that_moves_nothing_is_found_in_the_activity() {
    let (remote, mut local) = bench().await;
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    local.importer.clock = clock.clone();
    assert_complete(&local.import().await);
    let id = talkative(&local).await[0];
    let before = local.object("pull_requests.jsonl", id).await;
    let made = remote.mutate(Mutation::AddComment {
        repository: NAME.to_owned(),
        pull_request: id,
        text: "Unheard".to_owned(),
    });
    let unmoved =
        ["updated_on", "comment_count"].map(|name| (name.to_owned(), before[name].clone()));
    remote.mutate(Mutation::EditPullRequest {
        repository: NAME.to_owned(),
        id,
        fields: unmoved.into_iter().collect(),
    });
    local.import().await;
    let comments = local.objects(COMMENTS).await;
    assert!(
        !comments.iter().any(|one| one["id"] == made.id.unwrap()),
        "not asked for yet"
    );
    // Members and activity are looked at again after a while.
    clock.advance(Duration::days(1));
    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(remote.asked("/activity"), 1);
    assert_eq!(remote.asked("/comments"), 1);
    let stored = local.object(COMMENTS, made.id.unwrap()).await;
    assert_eq!(stored["content"]["raw"], "Unheard");
}

#[tokio::test]
async fn an_activity_that_may_not_be_read_is_a_gap_and_costs_no_comment() {
    let (_, undisturbed, _) = imported(small()).await;
    let expected = undisturbed.objects(COMMENTS).await.len();
    for options in [small(), whole()] {
        let remote = remote(options).await;
        remote.on_path("pullrequests/activity", status(403));
        let local = Local::new(&remote).await;
        let report = local.import().await;
        assert_eq!(report.state, ImportState::CompleteWithGaps);
        let [gap] = &report.gaps[..] else {
            panic!("{:?}", report.gaps);
        };
        assert_eq!(
            (gap.stage, gap.reason),
            (Stage::PullRequestActivity, GapReason::NotPermitted)
        );
        assert_eq!(local.objects(COMMENTS).await.len(), expected);
    }
}

/// Cut off at every page of the activity: the next run goes on at that page, and both ways of
/// reading comments end the same.
#[tokio::test]
async fn an_interrupted_activity_goes_on_at_its_page() {
    for options in [small(), whole()] {
        let (_, undisturbed, requests) = imported(options.clone()).await;
        let expected = undisturbed.objects(ACTIVITY).await.len();
        let live = |comments: &[Value]| {
            comments
                .iter()
                .filter(|one| one["deleted"] == false)
                .count()
        };
        let comments = live(&undisturbed.objects(COMMENTS).await);
        let pages = asked(&requests, "pullrequests/activity");
        assert!(pages > 3);
        for page in 1..=pages as u64 {
            let remote = remote(options.clone()).await;
            let local = Local::new(&remote).await;
            let broken = Effect::Answer {
                status: 400,
                headers: Vec::new(),
                body: json!({"type": "error", "error": {"message": "No."}}).to_string(),
            };
            // The first pages come as they should.
            for (effect, times) in [(Effect::Delay { milliseconds: 0 }, page - 1), (broken, 1)] {
                let fault = Fault::on_path("pullrequests/activity", effect);
                remote.control.add_fault(fault.times(times));
            }
            let outcome = local.try_import(NAME, &Selection::default()).await;
            assert_eq!(outcome.report.state, ImportState::Failed, "page {page}");
            remote.control.clear_faults();
            remote.control.reset_log();
            let report = local.import().await;
            assert_complete(&report);
            assert_eq!(
                remote.asked("pullrequests/activity") as u64,
                pages as u64 - page + 1
            );
            assert_eq!(local.objects(ACTIVITY).await.len(), expected);
            assert_eq!(live(&local.objects(COMMENTS).await), comments);
        }
    }
}

#[tokio::test]
async fn left_out_it_costs_nothing_and_comes_with_the_next_whole_import() {
    let remote = remote(whole()).await;
    let local = Local::new(&remote).await;
    // Settings are estimated as a range.
    let without = [Stage::PullRequestActivity, Stage::Settings];
    let without = Selection::new(&[], &without).unwrap();
    let outcome = local.try_import(NAME, &without).await;
    assert!(outcome.failure.is_none());
    assert_eq!(remote.asked("/activity"), 0);
    let skipped = stage(&outcome.report, Stage::PullRequestActivity);
    assert_eq!(skipped.state, StageState::Skipped);
    // Every discussion was read in its own list, and the estimate says so exactly.
    let estimate = outcome.report.requests.estimated.unwrap();
    assert_eq!(estimate.min, estimate.max);
    assert_eq!(
        outcome.report.requests.total,
        estimate.max + 1,
        "and one to estimate"
    );
    assert_complete(&local.import().await);
    assert_eq!(
        local.objects(ACTIVITY).await.len(),
        served(&local).await.len()
    );
}
