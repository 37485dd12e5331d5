//! Diffs, patches and diffstats by the links of pull requests.

use bucketload_bitbucket::{PullRequest, RequestErrorKind};
use bucketload_model::ErrorClass;
use bucketload_simulator::{Effect, Fault, SeedOptions};

use crate::support::{name, ok, seeded, small, status, status_of};

#[tokio::test]
async fn diffs_cost_one_request_each_and_keep_their_bytes() {
    let double = seeded(SeedOptions {
        git_commits: 20,
        ..SeedOptions::default()
    })
    .await;
    let (client, name) = (&double.client, name());
    let mut seen = 0;
    for pull_request in double
        .walk::<PullRequest>(client.pull_requests(&name))
        .await
    {
        let pull_request = pull_request.value;
        double.control.reset_log();
        let diff = client.pull_request_diff(&pull_request).await.unwrap();
        let patch = client.pull_request_patch(&pull_request).await.unwrap();
        assert_eq!(diff.is_some(), pull_request.diff_link().is_some());
        let Some((diff, patch)) = diff.zip(patch) else {
            assert_eq!(double.requests(), 0);
            continue;
        };
        assert_eq!(
            (diff.requests, patch.requests, double.requests()),
            (1, 1, 2)
        );
        assert_eq!(diff.content_type.as_deref(), Some("text/plain"));
        assert!(diff.bytes.is_empty() || diff.bytes.starts_with(b"diff --git "));
        assert!(patch.bytes.is_empty() || patch.bytes.starts_with(b"From "));
        seen += usize::from(!diff.bytes.is_empty() && !patch.bytes.is_empty());
    }
    assert!(seen > 10, "{seen}");
}

fn linking_to(diff: &str) -> PullRequest {
    let link = serde_json::json!({"href": diff});
    let links = serde_json::json!({"diff": link, "diffstat": link});
    serde_json::from_value(serde_json::json!({"id": 1, "links": links})).unwrap()
}

#[tokio::test]
async fn links_that_lead_away_are_not_followed() {
    let double = seeded(small()).await;
    let client = &double.client;
    for foreign in [
        "https://attacker.example/2.0/repositories/a/b/diff/c",
        "http://127.0.0.1:9/2.0/repositories/a/b/diff/c",
        "file:///etc/passwd",
        "diff",
    ] {
        let pull_request = linking_to(foreign);
        for error in [
            client.pull_request_diff(&pull_request).await.unwrap_err(),
            client.pull_request_patch(&pull_request).await.unwrap_err(),
        ] {
            assert_eq!((error.class(), error.requests), (ErrorClass::Permanent, 0));
            assert!(matches!(error.kind, RequestErrorKind::ForeignNext { .. }));
        }
        assert!(client.pull_request_diffstat(&pull_request).is_err());
    }
    // Ours, but no diff: there is no patch beside it.
    let elsewhere = linking_to(&double.url("repositories/a/b/commits/c"));
    assert!(
        client
            .pull_request_patch(&elsewhere)
            .await
            .unwrap()
            .is_none()
    );
    let unlinked: PullRequest = serde_json::from_str(r#"{"id": 1}"#).unwrap();
    assert!(client.pull_request_diff(&unlinked).await.unwrap().is_none());
    assert!(
        client
            .pull_request_patch(&unlinked)
            .await
            .unwrap()
            .is_none()
    );
    assert!(client.pull_request_diffstat(&unlinked).unwrap().is_none());
    assert_eq!(double.requests(), 0);
}

#[tokio::test]
async fn a_diff_in_trouble_is_asked_again_and_one_that_takes_too_long_is_not() {
    let double = seeded(small()).await;
    let pull_request = linking_to(&double.url("repositories/seaside/lighthouse/diff/x"));
    let html = Effect::Html { status: 502 };
    let control = &double.control;
    control.add_fault(Fault::on_request(1, html));
    control.add_fault(Fault::on_request(2, ok("diff --git")));
    let too_long = status(555, &[], "the diff took too long");
    control.add_fault(Fault::on_request(3, too_long));
    let diff = double.client.pull_request_diff(&pull_request).await;
    let diff = diff.unwrap().unwrap();
    assert_eq!(
        (diff.bytes.as_slice(), diff.requests),
        (&b"diff --git"[..], 2)
    );
    let error = double.client.pull_request_diff(&pull_request).await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.class(), status_of(&error)),
        (ErrorClass::Permanent, 555)
    );
    assert_eq!(double.requests(), 3);
}
