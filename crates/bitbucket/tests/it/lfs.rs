//! Where LFS objects are: what is asked, and how the answer is read.

use bucketload_auth::Credential;
use bucketload_bitbucket::{Endpoint, LfsBatch, RequestError};
use bucketload_model::{ErrorClass, LfsObject};
use bucketload_simulator::{Effect, Fault};
use serde_json::{Value, json};
use url::Url;

use crate::support::{Double, double, small, with};

const NAME: &str = "seaside/lighthouse";
const BATCH: &str = "/info/lfs/objects/batch";

fn repository(double: &Double) -> Url {
    let web = double.simulator.web_url();
    format!("{web}/{NAME}.git").parse().unwrap()
}

fn object(digit: char) -> LfsObject {
    LfsObject {
        oid: digit.to_string().repeat(64).parse().unwrap(),
        size_bytes: 3,
    }
}

/// An object that the simulator has.
fn there(double: &Double) -> LfsObject {
    let pointer = double.control.put_lfs_object(NAME, b"abc").unwrap();
    let oid = pointer.lines().nth(1).unwrap();
    LfsObject {
        oid: oid.strip_prefix("oid sha256:").unwrap().parse().unwrap(),
        size_bytes: 3,
    }
}

async fn ask(double: &Double, objects: &[LfsObject]) -> Result<LfsBatch, RequestError> {
    let repository = repository(double);
    double.client.lfs_batch(&repository, objects).await
}

fn answers(double: &Double, body: &Value) {
    let answer = Effect::Answer {
        status: 200,
        headers: Vec::new(),
        body: body.to_string(),
    };
    double.control.clear_faults();
    double.control.add_fault(Fault::on_path(BATCH, answer));
}

#[tokio::test]
async fn an_object_comes_from_its_beginning_or_from_its_middle() {
    let double = double().await;
    let object = there(&double);
    let batch = ask(&double, &[object.clone(), self::object('0')])
        .await
        .unwrap();
    assert_eq!((batch.requests, batch.answers.len()), (1, 2));
    assert_eq!(batch.answers[1].action.as_ref().unwrap_err().code, 404);
    let action = batch.answers[0].action.as_ref().unwrap();
    let shown = format!("{:?}", batch.answers);
    assert!(
        !shown.contains("Bearer") && !shown.contains("/lfs/"),
        "{shown}"
    );
    for (from, begins_at, rest) in [(0, 0, "abc"), (1, 1, "bc"), (2, 2, "c")] {
        let repository = repository(&double);
        let download = double
            .client
            .lfs_download(&repository, &object, action, from);
        let mut download = download.await.unwrap();
        assert_eq!(download.begins_at, begins_at);
        let mut bytes = Vec::new();
        while let Some(piece) = download.chunk().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        assert_eq!(bytes, rest.as_bytes());
    }
    double.control.set_lfs_ranges(false);
    let repository = repository(&double);
    let download = double.client.lfs_download(&repository, &object, action, 2);
    assert_eq!(download.await.unwrap().begins_at, 0);
}

#[tokio::test]
async fn more_than_there_is_of_an_object_is_an_error() {
    let double = double().await;
    let mut object = there(&double);
    let batch = ask(&double, std::slice::from_ref(&object)).await.unwrap();
    let action = batch.answers[0].action.as_ref().unwrap();
    object.size_bytes = 2;
    let repository = repository(&double);
    let download = double.client.lfs_download(&repository, &object, action, 0);
    assert_eq!(download.await.unwrap_err().class(), ErrorClass::Permanent);
}

#[tokio::test]
async fn answers_of_all_shapes_are_read_and_others_are_nobodys_business() {
    let double = double().await;
    let oid = object('a').oid.to_string();
    let action =
        |download: Value| json!({ "oid": oid, "size": 3, "actions": { "download": download } });
    for (answer, code, words) in [
        (
            json!({ "oid": oid, "error": { "code": 410, "message": "gone" } }),
            410,
            "gone",
        ),
        (json!({ "oid": oid, "error": {} }), 0, "no reason"),
        (json!({ "oid": oid, "size": 3 }), 0, "no address"),
        (json!({ "oid": "b".repeat(64) }), 0, "does not speak of it"),
        (
            json!({ "oid": 7, "actions": "x" }),
            0,
            "does not speak of it",
        ),
        (action(json!({})), 0, "cannot be read"),
        (action(json!({ "href": "http://[" })), 0, "cannot be read"),
        (
            action(json!({ "href": "x", "header": { "a b": "c" } })),
            0,
            "header",
        ),
        (
            action(json!({ "href": "x", "header": { "a": "c\nd" } })),
            0,
            "header",
        ),
    ] {
        answers(&double, &json!({ "objects": [answer] }));
        let batch = ask(&double, &[object('a')]).await.unwrap();
        let refusal = batch.answers[0].action.as_ref().unwrap_err();
        assert_eq!(refusal.code, code, "{answer}");
        assert!(refusal.message.contains(words), "{refusal:?}");
    }
    let expired = action(json!({ "href": "x", "expires_in": -1 }));
    answers(&double, &json!({ "objects": [expired] }));
    let batch = ask(&double, &[object('a')]).await.unwrap();
    // The client's clock is a test's.
    let now = "2100-01-01T00:00:00Z".parse().unwrap();
    assert!(batch.answers[0].action.as_ref().unwrap().has_expired(now));
    for zero in [
        json!({ "href": "x", "expires_in": 0, "expires_at": "0001-01-01T00:00:00Z" }),
        json!({ "href": "x", "expires_in": i64::MAX }),
        json!({ "href": "x", "expires_at": "soon" }),
    ] {
        answers(&double, &json!({ "objects": [action(zero)] }));
        let batch = ask(&double, &[object('a')]).await.unwrap();
        assert!(!batch.answers[0].action.as_ref().unwrap().has_expired(now));
    }
    answers(&double, &json!({ "transfer": "tus", "objects": [] }));
    let error = ask(&double, &[object('a')]).await.unwrap_err();
    assert_eq!(
        (error.class(), error.endpoint),
        (ErrorClass::Permanent, Endpoint::LfsBatch)
    );
}

#[tokio::test]
async fn passing_trouble_is_tried_again_and_a_429_stops_git() {
    let double = double().await;
    let object = there(&double);
    let html = Fault::on_path(BATCH, Effect::Html { status: 502 }).times(2);
    double.control.add_fault(html);
    let batch = ask(&double, std::slice::from_ref(&object)).await.unwrap();
    assert_eq!(batch.requests, 3);
    let denied = Fault::on_path(BATCH, Effect::Html { status: 413 });
    double.control.add_fault(denied);
    let error = ask(&double, &[object]).await.unwrap_err();
    assert_eq!((error.class(), error.requests), (ErrorClass::Permanent, 1));
}

#[tokio::test]
async fn a_credential_that_is_unknown_is_refused() {
    let double = with(small(), |_| {}, Credential::access_token("nonsense")).await;
    let error = ask(&double, &[object('a')]).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert!(!format!("{error:?}").contains("nonsense"));
}
