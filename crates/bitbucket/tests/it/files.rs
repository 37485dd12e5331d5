//! Files: from the API to a store that knows nobody, in pieces, and from nowhere else.

use std::time::Duration;

use bucketload_auth::Credential;
use bucketload_bitbucket::{
    ClientOptions, Download, Endpoint, FileDownload, PageUrl, RequestError, RequestErrorKind,
    WaitPolicy,
};
use bucketload_model::{ErrorClass, ProgressEvent, WaitReason};
use bucketload_simulator::{Effect, Fault, RequestKind, RetryHint};

use crate::support::{Double, TOKEN, double, name, small, status, status_of, with};

const LIMIT: u64 = 10_000_000;

async fn patient(change: impl FnOnce(&mut ClientOptions)) -> Double {
    with(small(), change, Credential::access_token(TOKEN)).await
}

fn download(double: &Double, filename: &str) -> (Endpoint, PageUrl) {
    double.client.download(&name(), filename).unwrap()
}

async fn whole(mut file: FileDownload) -> Result<Vec<u8>, RequestError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = file.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn fetch(double: &Double, filename: &str) -> Result<Vec<u8>, RequestError> {
    let (endpoint, url) = download(double, filename);
    whole(double.client.file(endpoint, &url, LIMIT).await?).await
}

const FILE: &str = "lighthouse-1.0.tar.gz";

/// The kinds of the requests, and the statuses of the answers.
fn log(double: &Double) -> Vec<(RequestKind, u16)> {
    let log = double.control.requests().into_iter();
    log.map(|one| (one.kind, one.status.unwrap_or_default()))
        .collect()
}

fn leads_to(address: &str) -> Effect {
    status(302, &[("location", address)], "")
}

#[tokio::test]
async fn every_download_comes_whole_from_another_host() {
    let double = double().await;
    let pages = double
        .all::<Download>(double.client.downloads(&name()))
        .await;
    let mut seen = Vec::new();
    for item in pages.unwrap().iter().flat_map(|page| &page.items) {
        double.control.reset_log();
        let (endpoint, url) = download(&double, &item.value.name);
        let file = double.client.file(endpoint, &url, LIMIT).await.unwrap();
        assert_eq!(
            file.size_bytes,
            item.value.size.map(|size| size.try_into().unwrap())
        );
        assert_eq!(
            file.content_type.as_deref(),
            Some("application/octet-stream")
        );
        assert_eq!(file.requests, 1);
        let size = file.size_bytes.unwrap();
        let bytes = whole(file).await.unwrap();
        assert_eq!(bytes.len() as u64, size);
        // The store refuses whoever shows it a credential or a referrer.
        let expected = [(RequestKind::Rest, 302), (RequestKind::Storage, 200)];
        assert_eq!(log(&double), expected);
        assert_eq!(fetch(&double, &item.value.name).await.unwrap(), bytes);
        assert!(!seen.contains(&bytes));
        seen.push(bytes);
    }
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_file_without_a_credential_and_one_that_is_not_there() {
    let double = with(small(), |_| {}, Credential::Anonymous).await;
    assert!(!fetch(&double, FILE).await.unwrap().is_empty());
    let error = fetch(&double, "no such file").await.unwrap_err();
    assert_eq!(
        (error.class(), status_of(&error)),
        (ErrorClass::NotFound, 404)
    );
    for step in ["", ".", ".."] {
        assert!(double.client.download(&name(), step).is_none());
    }
}

#[tokio::test]
async fn no_file_is_larger_than_allowed_whatever_the_store_says() {
    let double = double().await;
    let size = fetch(&double, FILE).await.unwrap().len() as u64;
    let (endpoint, url) = download(&double, FILE);
    // It says so beforehand.
    let file = double.client.file(endpoint, &url, size - 1).await;
    let is_too_large = |error: &RequestError| {
        let limit = size - 1;
        matches!(error.kind, RequestErrorKind::TooLarge { limit_bytes } if limit_bytes == limit)
    };
    assert!(is_too_large(&file.unwrap_err()));
    assert!(double.client.file(endpoint, &url, size).await.is_ok());
}

#[tokio::test]
async fn only_encrypted_public_hosts_and_this_machine_are_asked() {
    let double = double().await;
    for address in [
        "http://files.example.org/secret?signature=s3cret",
        "ftp://127.0.0.1/secret",
        "https://user:s3cret@files.example.org/secret",
        "http://169.254.169.254/latest/meta-data?s3cret",
        "",
    ] {
        double.control.reset_log();
        double.control.clear_faults();
        let fault = Fault::on_path("/downloads/", leads_to(address));
        double.control.add_fault(fault);
        let error = fetch(&double, FILE).await.unwrap_err();
        let is_refused = matches!(error.kind, RequestErrorKind::FileStore { .. })
            || (address.is_empty() && error.class() == ErrorClass::Permanent);
        assert!(is_refused, "{address}: {error:?}");
        assert!(
            !format!("{error:?} {}", error.kind).contains("s3cret"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn redirects_on_the_api_keep_the_credential_and_those_in_a_circle_end() {
    let double = double().await;
    let (_, url) = download(&double, FILE);
    // A repository that was renamed.
    let fault = Fault::on_path("/old-name/downloads/", leads_to(&url.to_string()));
    double.control.add_fault(fault);
    let old = double.url("repositories/seaside/old-name/downloads/x");
    let old = double.client.page_url(&old).unwrap();
    let file = double.client.file(Endpoint::Download, &old, LIMIT).await;
    assert!(!whole(file.unwrap()).await.unwrap().is_empty());
    let credentials: Vec<_> = double.control.requests();
    assert_eq!(credentials[1].credential.as_deref(), Some("oauth2"));

    let circle = Fault::on_path("/downloads/", leads_to(&url.to_string()));
    double.control.clear_faults();
    double.control.reset_log();
    double.control.add_fault(circle);
    let error = fetch(&double, FILE).await.unwrap_err();
    assert!(
        matches!(error.kind, RequestErrorKind::FileStore { .. }),
        "{error:?}"
    );
    assert!(double.requests() < 10);
}

#[tokio::test]
async fn a_store_in_trouble_is_asked_under_a_new_address() {
    for answer in [403, 429, 500, 503] {
        let double = double().await;
        // The second request is the first one to the store.
        let fault = Fault::on_request(2, status(answer, &[], "s3cret"));
        double.control.add_fault(fault);
        assert!(fetch(&double, FILE).await.is_ok(), "{answer}");
        assert_eq!(double.requests(), 4, "{answer}");
    }
    for (answer, class) in [
        (404, ErrorClass::NotFound),
        (410, ErrorClass::Gone),
        (400, ErrorClass::Permanent),
    ] {
        let double = double().await;
        let fault = Fault::on_request(2, status(answer, &[], "s3cret"));
        double.control.add_fault(fault);
        let error = fetch(&double, FILE).await.unwrap_err();
        assert_eq!(error.class(), class);
        assert_eq!(double.requests(), 2);
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn half_a_file_is_an_error_that_passes() {
    let double = double().await;
    double
        .control
        .add_fault(Fault::on_request(2, Effect::Truncate));
    let error = fetch(&double, FILE).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    // reqwest would have shown the signed address.
    let said = format!("{error:?}");
    assert!(!said.contains("Signature"), "{said}");
    assert!(fetch(&double, FILE).await.is_ok());
}

#[tokio::test]
async fn files_have_a_quota_of_their_own() {
    let double = patient(|options| {
        options.raw_hourly_quota = Some(2);
        options.hourly_quota = Some(1);
        options.wait = WaitPolicy::GiveUp;
    })
    .await;
    for fine in [true, true, false] {
        let result = fetch(&double, FILE).await;
        assert_eq!(result.is_ok(), fine, "{result:?}");
    }
    // The store's requests count for nothing, and REST was not touched.
    let rest = log(&double)
        .iter()
        .filter(|one| one.0 == RequestKind::Rest)
        .count();
    assert_eq!(rest, 2);
    assert!(double.page::<serde_json::Value>().await.is_ok());
    assert!(double.page::<serde_json::Value>().await.is_err());
}

#[tokio::test]
async fn a_429_stops_files_and_nothing_else() {
    let double = patient(|options| options.wait = WaitPolicy::GiveUp).await;
    let refusal = Effect::RateLimited {
        hint: RetryHint::RetryAfter,
        seconds: 745,
    };
    double.control.add_fault(Fault::on_request(1, refusal));
    for _ in 0..2 {
        let error = fetch(&double, FILE).await.unwrap_err();
        assert!(matches!(error.kind, RequestErrorKind::QuotaSpent { .. }));
    }
    assert_eq!(double.requests(), 1);
    assert!(double.page::<serde_json::Value>().await.is_ok());
    let waits = double.sink.events().into_iter();
    let retries = waits.filter(|event| {
        matches!(event, ProgressEvent::WaitStarted(wait) if wait.reason == WaitReason::Retry)
    });
    assert_eq!(retries.count(), 0);
}

#[tokio::test]
async fn an_api_in_trouble_is_asked_again() {
    for effect in [Effect::Html { status: 502 }, Effect::Disconnect] {
        let double = double().await;
        double.control.add_fault(Fault::on_request(1, effect));
        assert!(fetch(&double, FILE).await.is_ok());
        assert_eq!(double.requests(), 3);
    }
}

/// Lets so much time pass at once.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_minute_of_silence_ends_a_transfer() {
    let double = double().await;
    double.control.add_fault(Fault::on_request(2, Effect::Hang));
    let silence = async {
        double.control.wait_for_request(2).await;
        pass(61).await;
    };
    let (file, ()) = tokio::join!(fetch(&double, FILE), silence);
    assert!(file.is_ok(), "{file:?}");
    assert_eq!(double.requests(), 4);
}

#[tokio::test]
async fn a_file_may_take_as_long_as_it_takes() {
    let double = double().await;
    let (endpoint, url) = download(&double, FILE);
    let mut file = double.client.file(endpoint, &url, LIMIT).await.unwrap();
    let size = file.size_bytes.unwrap();
    let mut received = file.chunk().await.unwrap().unwrap().len() as u64;
    assert!(received < size);
    pass(24 * 3600).await;
    while let Some(chunk) = file.chunk().await.unwrap() {
        received += chunk.len() as u64;
    }
    assert_eq!(received, size);
}

#[tokio::test]
async fn what_a_file_shows_of_itself_is_not_where_it_lies() {
    let double = double().await;
    let (endpoint, url) = download(&double, FILE);
    let file = double.client.file(endpoint, &url, LIMIT).await.unwrap();
    let shown = format!("{file:?}");
    assert!(
        shown.contains(FILE) && !shown.contains("Signature"),
        "{shown}"
    );
}
