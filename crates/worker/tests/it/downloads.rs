//! The files beside a repository.

use bucketload_model::{GapReason, Stage};
use bucketload_simulator::{Effect, SeedOptions};
use bucketload_worker::Selection;
use serde_json::{Value, json};

use crate::support::{Kind, Local, NAME, Remote, assert_complete, only_gap, remote, stage, status};

async fn bench() -> (Remote, Local) {
    let remote = remote(options()).await;
    let local = Local::new(&remote).await;
    (remote, local)
}

fn options() -> SeedOptions {
    SeedOptions {
        pull_requests: 2,
        git_commits: 2,
        ..SeedOptions::default()
    }
}

async fn lines(local: &Local) -> Vec<Value> {
    let export = local.export(NAME).await;
    let text = std::str::from_utf8(&export["downloads.jsonl"]).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &lines {
        if let Some(hash) = line["blob"].as_str() {
            let content = &export[&format!("blobs/{hash}")];
            assert_eq!(
                content.len() as u64,
                line["source"]["size"].as_u64().unwrap()
            );
        }
    }
    lines
}

#[tokio::test]
async fn files_come_home_once() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let remote = remote(options()).await;
        let Some(mut local) = Local::on(kind, &remote).await else {
            continue;
        };
        let report = local.import().await;
        assert_complete(&report);
        let files = stage(&report, Stage::Downloads);
        assert_eq!((files.expected, files.stored), (Some(3), 3));
        assert_eq!(report.requests.by_endpoint["downloads"], 1);
        assert_eq!(report.requests.by_endpoint["download"], 3);
        let files = lines(&local).await;
        let names: Vec<_> = files.iter().map(|line| &line["key"]["download"]).collect();
        let expected = [
            "..-not-a-path",
            "Read me first.txt",
            "lighthouse-1.0.tar.gz",
        ];
        assert_eq!(names, expected);
        assert!(files.iter().all(|line| line["blob"].is_string()));
        remote.control.reset_log();
        assert_complete(&local.import().await);
        assert_eq!(remote.asked("/downloads"), 0, "it was read just now");
        local.importer.whole_lists = true;
        // How often one was fetched by others is no change of it.
        let effect = Effect::ReplaceField {
            field: "values[0].downloads".to_owned(),
            value: json!(1_000_000),
        };
        remote.on_path("/downloads", effect);
        remote.control.reset_log();
        assert_complete(&local.import().await);
        assert_eq!(remote.asked("/downloads"), 1);
        let files = lines(&local).await;
        let counts = files.iter().map(|line| &line["source"]["downloads"]);
        assert!(counts.into_iter().any(|count| *count == 1_000_000));
        assert!(files.iter().all(|line| line["blob"].is_string()));
    }
}

#[tokio::test]
async fn a_file_that_was_replaced_is_fetched_again() {
    let (remote, mut local) = bench().await;
    assert_complete(&local.import().await);
    local.importer.whole_lists = true;
    let effect = Effect::ReplaceField {
        field: "values[1].created_on".to_owned(),
        value: json!("2026-01-01T00:00:00.000000+00:00"),
    };
    remote.on_path("/downloads?", effect);
    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(remote.asked("/downloads/"), 1);
    assert_eq!(remote.asked("/downloads/Read%20me%20first.txt"), 1);
}

#[tokio::test]
async fn a_file_that_fails_is_a_gap_and_is_tried_again() {
    let (remote, local) = bench().await;
    remote.on_path("/downloads/lighthouse-1.0.tar.gz", status(404));
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(
        (gap.stage, gap.reason),
        (Stage::Downloads, GapReason::NotFound)
    );
    assert_eq!(gap.object, "download “lighthouse-1.0.tar.gz”");
    assert_eq!(stage(&report, Stage::Downloads).missing, 1);
    remote.control.clear_faults();
    remote.control.reset_log();
    assert_complete(&local.import().await);
    assert_eq!(remote.asked("/downloads/"), 1);
}

#[tokio::test]
async fn another_size_than_reported_is_no_file() {
    let (remote, local) = bench().await;
    let page = Effect::Html { status: 200 };
    remote.on_path("/downloads/Read", page);
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(gap.reason, GapReason::SourceError);
    assert!(gap.detail.contains("bytes and delivered"), "{}", gap.detail);
    let store = local.importer.archive.blobs().await.unwrap();
    assert_eq!(store.len(), 2);
    remote.control.clear_faults();
    assert_complete(&local.import().await);
}

#[tokio::test]
async fn a_list_that_may_not_be_read_is_one_gap() {
    let (remote, local) = bench().await;
    remote.on_path("/downloads?", status(403));
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(gap.object, "downloads");
    assert_eq!(
        (gap.stage, gap.reason),
        (Stage::Downloads, GapReason::NotPermitted)
    );
}

#[tokio::test]
async fn stopped_at_every_request_it_goes_on() {
    let (remote, undisturbed) = bench().await;
    let only = Selection::new(&[Stage::Downloads], &[]).unwrap();
    let report = undisturbed.try_import(NAME, &only).await.report;
    let expected = lines(&undisturbed).await;
    for request in 1..=report.requests.total {
        let local = Local::new(&remote).await;
        remote.control.reset_log();
        let fault = bucketload_simulator::Fault::on_request(request, Effect::Hang);
        remote.control.add_fault(fault);
        let name = NAME.parse().unwrap();
        tokio::select! {
            outcome = local.importer.import(&name, &only) => panic!("{outcome:?}"),
            () = remote.control.wait_for_request(request) => {}
        }
        remote.control.clear_faults();
        let resumed = local.try_import(NAME, &only).await.report;
        assert_eq!(resumed.gaps, []);
        assert_eq!(lines(&local).await, expected, "{request}");
        assert!(resumed.requests.total <= report.requests.total + 4);
    }
}
