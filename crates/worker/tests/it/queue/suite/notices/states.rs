//! What is told, and that a state is told once.

use bucketload_archive::{CredentialSecret, CredentialStore, NewCredential};
use bucketload_auth::{Credential, Sealer, SecretKey};
use bucketload_model::{NoticeKind, Stage};
use bucketload_worker::{NoticeOptions, Selection};

use super::{Bench, REPOSITORY};
use crate::queue::support::{queue, wish};
use crate::support::{NAME, client, status};

#[tokio::test]
async fn a_failure_is_told_once_and_again_only_after_all_was_well() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    bench.remote.on_path(REPOSITORY, status(400));
    bench.fail().await;
    bench.round().await;
    bench.fail().await;
    bench.round().await;
    assert_eq!(bench.told(), ["failed"]);
    let body = &bench.bodies()[0];
    assert_eq!(body["repository"], NAME);
    let text = body["text"].as_str().unwrap();
    assert!(
        text.contains("The import of seaside/lighthouse failed"),
        "{text}"
    );
    let link = format!(
        "https://loads.example.org/prefix/imports/{}",
        body["import"].as_str().unwrap()
    );
    assert_eq!(body["link"], link);
    bench.remote.control.clear_faults();
    bench.local.import().await;
    bench.remote.on_path(REPOSITORY, status(400));
    bench.fail().await;
    bench.round().await;
    // That it went well meanwhile is not among the usual.
    assert_eq!(bench.told(), ["failed", "failed"]);
    assert_ne!(bench.bodies()[0]["id"], bench.bodies()[1]["id"]);
}

#[tokio::test]
async fn an_end_is_told_to_those_who_want_it_with_what_is_missing() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let options = NoticeOptions {
        kinds: NoticeKind::ALL.to_vec(),
        ..bench.options()
    };
    let teller = bench.teller(options);
    teller.round().await.unwrap();
    bench.remote.on_path("/comments", status(403));
    let outcome = bench.local.try_import(NAME, &Selection::default()).await;
    assert!(outcome.failure.is_none());
    bench.remote.control.clear_faults();
    bench.local.import().await;
    teller.round().await.unwrap();
    assert_eq!(bench.told(), ["finished", "finished"]);
    let text = |index: usize| bench.bodies()[index]["text"].as_str().unwrap().to_owned();
    assert!(text(0).ends_with("things are missing."), "{}", text(0));
    assert_eq!(
        text(1),
        "seaside/lighthouse was imported, and nothing is missing."
    );
}

#[tokio::test]
async fn a_repository_that_is_gone_is_told_as_gone_and_not_as_failed() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    // One that never was there is a failure.
    let outcome = bench
        .local
        .try_import("seaside/never", &Selection::default())
        .await;
    assert!(outcome.failure.is_some());
    bench.local.import().await;
    bench.remote.on_path(REPOSITORY, status(404));
    for _ in 0..2 {
        bench.fail().await;
        bench.round().await;
    }
    assert_eq!(bench.told(), ["failed", "repository_gone"]);
    let text = bench.bodies()[1]["text"].to_string();
    assert!(
        text.contains("does not have seaside/lighthouse any more"),
        "{text}"
    );
}

#[tokio::test]
async fn a_refused_credential_is_told_once_for_all_its_imports() {
    let Some(mut bench) = Bench::new().await else {
        return;
    };
    let good = bench.local.importer.client.clone();
    bench.local.importer.client = client(&bench.remote, Credential::access_token("s3cret-old"));
    for name in [NAME, "seaside/other", "seaside/third"] {
        let outcome = bench.local.try_import(name, &Selection::default()).await;
        assert!(outcome.failure.is_some());
    }
    bench.round().await;
    assert_eq!(bench.told(), ["credential_expired"]);
    let body = bench.bodies()[0].to_string();
    assert!(
        body.contains("Bitbucket refuses the access token"),
        "{body}"
    );
    assert!(!body.contains("s3cret"), "{body}");
    // Another one says nothing of it.
    bench.local.importer.client = good;
    bench.local.import().await;
    let kind = NoticeKind::CredentialExpired;
    assert_eq!(
        bench.archive().lasting_notices(kind).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_schedule_past_due_is_told_until_an_import_reaches_its_end() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let queue = queue(&bench.local).await;
    let mut small = wish(NAME);
    small.stages = vec![Stage::Repository, Stage::Users, Stage::Finish];
    let stages = small.stages.clone();
    let nightly = "0 3 * * *".parse().unwrap();
    queue.schedule(&[small], &nightly).await.unwrap().unwrap();
    // Nobody works: it is due at three, and for a day nobody minds.
    bench.pass(chrono::Duration::hours(24));
    bench.round().await;
    assert_eq!(bench.told(), [""; 0]);
    bench.pass(chrono::Duration::hours(1));
    for _ in 0..2 {
        bench.round().await;
    }
    assert_eq!(bench.told(), ["overdue"]);
    assert_eq!(
        bench.bodies()[0]["text"],
        "seaside/lighthouse was due at 2026-11-23 03:00 UTC, and no import of it has reached \
         its end yet."
    );
    assert_eq!(
        bench.bodies()[0]["link"],
        "https://loads.example.org/prefix/repositories/seaside/lighthouse"
    );
    let only: Vec<Stage> = stages
        .into_iter()
        .filter(|stage| stage.is_optional())
        .collect();
    let selection = Selection::new(&only, &[]).unwrap();
    let outcome = bench.local.try_import(NAME, &selection).await;
    assert!(outcome.failure.is_none());
    bench.round().await;
    assert!(
        bench
            .only_entry_of(NoticeKind::Overdue)
            .await
            .notice
            .over_at
            .is_some()
    );
}

#[tokio::test]
async fn a_token_that_ends_soon_is_told_a_week_before_until_it_is_gone() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let sealer = Sealer::new(SecretKey::generate().unwrap());
    let store = CredentialStore::new(bench.archive().clone(), sealer, bench.clock.clone());
    let token = |text: &str| CredentialSecret::AccessToken(text.to_owned().into());
    let new = NewCredential {
        secret: token("s3cret"),
        label: "team".to_owned(),
        account_uuid: None,
        account_name: None,
        workspace: None,
        scopes: Vec::new(),
        expires_at: Some("2026-12-03T00:00:00Z".parse().unwrap()),
        owner: None,
    };
    let id = store.add(&new).await.unwrap();
    bench.pass(chrono::Duration::days(2));
    bench.round().await;
    assert_eq!(bench.told(), [""; 0]);
    bench.pass(chrono::Duration::days(1));
    for _ in 0..2 {
        bench.round().await;
    }
    assert_eq!(bench.told(), ["credential_expired"]);
    assert_eq!(
        bench.hooks.bodies()[0]["text"],
        "The token “team” ends at 2026-12-03 00:00 UTC. Replace it before; imports with it fail \
         afterwards."
    );
    assert!(bench.archive().remove_credential(id).await.unwrap());
    bench.round().await;
    let entry = bench.only_entry_of(NoticeKind::CredentialExpired).await;
    assert!(entry.notice.over_at.is_some());
}
