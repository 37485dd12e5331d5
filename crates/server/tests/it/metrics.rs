//! Health and figures, and who may see them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bucketload_archive::DataDir;
use bucketload_bitbucket::QuotaSettings;
use bucketload_model::{
    AnswerClass, Gap, GapReason, ImportReport, ImportState, ProgressEvent, ProgressSink as _,
    QueuePart, QuotaLedger as _, QuotaRule, Stage, StageState,
};
use bucketload_server::{Metrics, Monitor, MonitorOptions};
use reqwest::header;
use tokio_util::sync::CancellationToken;

use crate::support::{House, Page, Plan, read};
use crate::tokens::make;

async fn scrape(house: &House, headers: &[(&str, &str)]) -> Page {
    let browser = house.browser();
    let mut request = browser.http.get(browser.address("/metrics"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn who_is_about_to_end_is_not_ready_and_still_answers() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser
        .get("/readyz")
        .await
        .is(200)
        .says("\"database\":\"ok\"");
    house.stopping.cancel();
    browser.get("/readyz").await.is(503).says("stopping");
    browser.get("/healthz").await.is(200);
    browser.get("/setup").await.is(200);
}

#[tokio::test]
async fn figures_are_for_this_machine_and_for_tokens() {
    let house = House::new().await;
    let page = scrape(&house, &[]).await.is(200);
    let kind = page.headers[header::CONTENT_TYPE].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    // Asked by a proxy for somebody.
    let forwarded = ("x-forwarded-for", "192.0.2.1");
    scrape(&house, &[forwarded]).await.is(401);
    let by_for = ("forwarded", "for=192.0.2.1");
    scrape(&house, &[by_for]).await.is(401);
    let mut ada = house.administrator().await;
    let token = make(&mut ada, &["imports:read"], "30").await;
    let bearer = format!("Bearer {token}");
    scrape(&house, &[forwarded, ("authorization", &bearer)])
        .await
        .is(200);
    let token = make(&mut ada, &["imports:write"], "30").await;
    let bearer = format!("Bearer {token}");
    scrape(&house, &[forwarded, ("authorization", &bearer)])
        .await
        .is(403);
}

#[tokio::test]
async fn where_people_come_through_a_proxy_it_takes_a_token() {
    let house = House::planned(Plan {
        public_url: Some("https://loads.example.org".parse().unwrap()),
        ..Plan::default()
    })
    .await;
    scrape(&house, &[]).await.is(401);
}

#[tokio::test]
async fn the_quota_is_told_and_the_secret_behind_a_bucket_is_not() {
    let house = House::new().await;
    let rule = QuotaRule {
        assumed_limit: 1000,
        window: chrono::Duration::hours(1),
        reserve_percent: 5,
    };
    let credential = bucketload_auth::Credential::access_token("s3cret-token");
    let bucket = format!("rest:{}", credential.bucket());
    let now = house.now();
    for _ in 0..950 {
        let take = Box::new(move |bucket: &mut bucketload_model::RateBucket| {
            bucket.take(&rule, now, false)
        });
        house.archive.decide(&bucket, take).await.unwrap();
    }
    let page = scrape(&house, &[]).await.is(200);
    let says = |name: &str, value: &str| {
        let line = format!("bucketload_{name}{{bucket=\"{bucket}\"}} {value}");
        assert!(page.body.contains(&line), "{line}\n{}", page.body);
    };
    says("quota_used_requests", "950");
    says("quota_remaining_requests", "50");
    // The rest is kept for people: imports wait until the first requests leave the window.
    says("quota_wait_seconds", "36");
    assert!(!page.body.contains("s3cret"));
}

/// Whatever can be counted, once.
fn everything(metrics: &Metrics) {
    let repository: bucketload_model::RepositoryName = "teapots/kettle".parse().unwrap();
    let stage = Stage::PullRequests;
    metrics.emit(ProgressEvent::RequestAnswered {
        endpoint: "repository",
        answer: AnswerClass::Success,
    });
    metrics.emit(ProgressEvent::StageFinished {
        repository: repository.clone(),
        stage,
        state: StageState::Complete,
        stored: 1,
        expected: Some(1),
        took: std::time::Duration::from_secs(1),
    });
    metrics.emit(ProgressEvent::GapRecorded {
        repository: repository.clone(),
        gap: Gap {
            stage,
            object: "pull request 1".to_owned(),
            reason: GapReason::NotFound,
            detail: String::new(),
            url: None,
        },
    });
    metrics.emit(ProgressEvent::QueueProblem(QueuePart::Tickets));
    let report = serde_json::json!({
        "id": bucketload_model::ImportId::new(chrono::DateTime::UNIX_EPOCH),
        "source": "teapots/kettle",
        "state": ImportState::Complete,
        "stages": [],
        "requests": { "total": 0, "by_endpoint": {} },
        "gaps": [],
        "git": { "refs": 0, "bytes_received": 0 },
        "started_at": chrono::DateTime::UNIX_EPOCH,
        "finished_at": null,
    });
    let report: ImportReport = serde_json::from_value(report).unwrap();
    metrics.emit(ProgressEvent::ImportFinished {
        repository,
        report: Box::new(report),
    });
}

/// The figures that a file of the project asks for; of a histogram by its own name.
fn named_in(file: &str) -> BTreeSet<String> {
    let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let parts = text.split("bucketload_").skip(1);
    let names = parts.map(|part| {
        let end = part.find(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        let name = &part[..end.unwrap_or(part.len())];
        format!("bucketload_{}", name.trim_end_matches("_bucket"))
    });
    names.collect()
}

#[tokio::test]
async fn a_monitor_serves_health_and_figures_and_the_page_lists_them_all() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new(QuotaSettings::default()));
    everything(&metrics);
    let take = Box::new(|bucket: &mut bucketload_model::RateBucket| {
        let rule = QuotaSettings::default().rule("rest:anonymous").unwrap();
        bucket.take(&rule, chrono::DateTime::UNIX_EPOCH, false)
    });
    house.archive.decide("rest:anonymous", take).await.unwrap();
    let monitor = Monitor::bind(MonitorOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        archive: house.archive.clone(),
        data_dir: DataDir::new(folder.path()),
        metrics,
        stopping: CancellationToken::new(),
        clock: house.clock.clone(),
    })
    .await
    .unwrap();
    let root = format!("http://{}", monitor.address());
    let stop = CancellationToken::new();
    let running = tokio::spawn(monitor.run(stop.clone()));
    let get = async |path: &str| read(reqwest::get(format!("{root}{path}")).await.unwrap()).await;
    get("/healthz").await.is(200);
    get("/readyz").await.is(200);
    for nothing in ["/", "/sign-in", "/api/v1/imports", "/setup"] {
        get(nothing).await.is(404);
    }
    let text = get("/metrics").await.is(200).body;
    let served: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            // A name and the ending that its samples have.
            match kind {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name.to_owned(),
            }
        })
        .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/METRICS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let listed: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `bucketload_"))
        .map(|rest| format!("bucketload_{}", rest.split('`').next().unwrap()))
        .collect();
    assert_eq!(served, listed, "{text}");
    let drawn = named_in("docker/grafana/bucketload.json");
    assert_eq!(drawn, served);
    let watched = named_in("docker/prometheus/rules.yml");
    assert!(
        watched.len() > 4 && watched.is_subset(&served),
        "{watched:?}"
    );
    stop.cancel();
    running.await.unwrap().unwrap();
}
