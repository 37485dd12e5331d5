//! What an address gave before is not sent again while it is stored.

use std::sync::Arc;

use bucketload_model::{Clock as _, ManualClock, Stage, SystemClock};
use chrono::TimeDelta;

use crate::support::{Local, NAME, Remote, assert_complete, bench, stage};

/// The statuses of the answers to those who asked for this.
fn statuses(remote: &Remote, part: &str) -> Vec<u16> {
    let log = remote.control.requests().into_iter();
    log.filter(|one| one.endpoint.is_some() && one.target.contains(part))
        .filter_map(|one| one.status)
        .collect()
}

const REPOSITORY: &str = "/lighthouse";
const MEMBERS: &str = "/members";

/// An import, an hour of rest, and what the next one is told.
async fn again(remote: &Remote, local: &mut Local, change: impl AsyncFnOnce(&mut Local)) {
    assert_complete(&local.import().await);
    let later = SystemClock.now() + TimeDelta::hours(2);
    local.importer.clock = Arc::new(ManualClock::new(later));
    change(local).await;
    remote.control.reset_log();
}

async fn sql(local: &Local, text: &'static str) {
    let changed = sqlx::query(text).execute(&mut local.side().await).await;
    assert!(changed.unwrap().rows_affected() > 0, "{text}");
}

fn of_repository(remote: &Remote) -> Option<u16> {
    statuses(remote, REPOSITORY).first().copied()
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let (remote, mut local) = bench().await;
    again(&remote, &mut local, async |_| {}).await;
    local.watch().await;
    let before = local.export(NAME).await;
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(of_repository(&remote), Some(304));
    assert_eq!(statuses(&remote, MEMBERS), [304]);
    assert_eq!(local.touched().await, [""; 0]);
    assert_eq!(local.export(NAME).await, before);
    // A 304 is a request like any other.
    assert_eq!(report.requests.total, remote.rest().len() as u64);
    assert_eq!(report.requests.by_endpoint["members"], 1);
    let users = stage(&report, Stage::Users);
    assert_eq!((users.expected, users.stored), (Some(12), 12));
    // And the list is known to be fresh for the next repository.
    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(statuses(&remote, MEMBERS), [0; 0]);
}

#[tokio::test]
async fn whole_lists_are_read_whole() {
    let (remote, mut local) = bench().await;
    again(&remote, &mut local, async |local| {
        local.importer.whole_lists = true;
    })
    .await;
    assert_complete(&local.import().await);
    assert_eq!(of_repository(&remote), Some(200));
    assert_eq!(statuses(&remote, MEMBERS), [200]);
}

#[tokio::test]
async fn a_tag_is_of_no_use_once_something_else_is_stored() {
    for change in [
        "update repositories set source = source || ' '",
        "update repositories set slug = 'harbour'",
        "update repositories set uuid = '{00000000-0000-4000-8000-000000000001}'",
        "delete from entity_tags where url like '%lighthouse'",
    ] {
        let (remote, mut local) = bench().await;
        again(&remote, &mut local, async |local| {
            // The rows that lead to the repository are of no interest here.
            let text = "pragma foreign_keys = off";
            let mut side = local.side().await;
            sqlx::query(text).execute(&mut side).await.unwrap();
            let changed = sqlx::query(change).execute(&mut side).await.unwrap();
            assert!(changed.rows_affected() > 0, "{change}");
        })
        .await;
        local.import().await;
        assert_eq!(of_repository(&remote), Some(200), "{change}");
    }
    for change in [
        "delete from workspace_members where account_uuid = (
             select min(account_uuid) from workspace_members)",
        "update workspace_members set source = source || ' ' where account_uuid = (
             select min(account_uuid) from workspace_members)",
    ] {
        let (remote, mut local) = bench().await;
        again(&remote, &mut local, async |local| sql(local, change).await).await;
        assert_complete(&local.import().await);
        assert_eq!(statuses(&remote, MEMBERS), [200], "{change}");
    }
}

#[tokio::test]
async fn another_answer_brings_another_tag() {
    let (remote, mut local) = bench().await;
    again(&remote, &mut local, async |local| {
        let text = "update entity_tags set tag = '\"old\"'";
        sql(local, text).await;
    })
    .await;
    for expected in [200, 304] {
        remote.control.reset_log();
        assert_complete(&local.import().await);
        assert_eq!(of_repository(&remote), Some(expected));
    }
}
