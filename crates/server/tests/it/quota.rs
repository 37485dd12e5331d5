//! How much of the quota is used, by whom, and until when it lasts.

use bucketload_auth::Credential;
use bucketload_model::{QuotaLedger as _, QuotaRule, Verdict};
use chrono::Duration;
use serde_json::Value;

use crate::imports_api::{Script, json_of};
use crate::support::{House, between};

/// As the settings of the house have it for whoever has no credential.
const RULE: QuotaRule = QuotaRule {
    assumed_limit: 60,
    window: Duration::hours(1),
    reserve_percent: 5,
};

fn bucket() -> String {
    format!("rest:{}", Credential::Anonymous.bucket())
}

/// So many requests as an import sends them.
async fn use_up(house: &House, requests: usize) {
    let now = house.now();
    for _ in 0..requests {
        let take = Box::new(move |bucket: &mut bucketload_model::RateBucket| {
            bucket.take(&RULE, now, false)
        });
        let verdict = house.archive.decide(&bucket(), take).await.unwrap();
        assert_eq!(verdict, Verdict::Go);
    }
}

#[tokio::test]
async fn a_bucket_shows_what_is_used_and_by_whom() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let page = ada.get("/quota").await.is(200);
    page.says("Nothing was asked of Bitbucket yet");
    use_up(&house, 40).await;
    // Somebody looks for repositories.
    ada.get("/imports/new?workspace=seaside").await.is(200);
    let page = ada.get("/quota").await.is(200);
    let page = page.says("REST API").says("Without a credential");
    let used: Value = between(&page.body, "<strong>", "</strong> of 60")
        .unwrap()
        .parse()
        .unwrap();
    assert!(used.as_u64().unwrap() > 40, "{used}");
    let page = page
        .says("3 are kept back")
        .says("In this day 40 for imports");
    let page = page.says("class=\"chart\"").says("Hour by hour");
    assert!(!page.body.contains("style="), "{}", page.body);
    // The day after, it is past.
    house.clock.advance(Duration::hours(30));
    let mut ada = house.administrator().await;
    let page = ada
        .get("/quota")
        .await
        .is(200)
        .says("<strong>0</strong> of 60");
    assert!(!page.body.contains("Hour by hour"));
}

#[tokio::test]
async fn a_spent_bucket_says_until_when() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    use_up(&house, 57).await;
    ada.get("/quota").await.says("Spent: imports wait until");
    let script = Script::new(&house, &["imports:read"]).await;
    let quota = json_of(&script.get("/api/v1/quota").await.is(200));
    let first = &quota["buckets"][0];
    assert_eq!(first["name"], bucket());
    assert_eq!((&first["used"], &first["limit"]), (&57.into(), &60.into()));
    assert!(first["waits_until"].is_string(), "{first}");
    assert_eq!(first["hours"][0]["imports"], 57);
    assert_eq!(first["hours"].as_array().unwrap().len(), 24);
    // People still get what is kept back for them.
    ada.get("/imports/new?workspace=seaside")
        .await
        .says("lighthouse");
}
