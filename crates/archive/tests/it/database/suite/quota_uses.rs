//! What buckets were used for, over time.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::QuotaUse;
use bucketload_model::{QuotaLedger as _, QuotaRule, QuotaSaid, Verdict};
use chrono::{DateTime, Duration, Utc};

use super::store;

const RULE: QuotaRule = QuotaRule {
    assumed_limit: 10,
    window: Duration::hours(1),
    reserve_percent: 0,
};

/// A full five minutes begin here.
fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

#[tokio::test]
async fn requests_are_kept_by_five_minutes_and_by_who_asked() {
    let Some(store) = store().await else { return };
    let archive = &store.archive;
    let take = async |bucket: &str, second: i64, is_interactive: bool| {
        let verdict = archive.decide(
            bucket,
            Box::new(move |account| account.take(&RULE, at(second), is_interactive)),
        );
        verdict.await.unwrap()
    };
    for second in [0, 10, 299] {
        assert_eq!(take("rest:a", second, false).await, Verdict::Go);
    }
    take("rest:a", 20, true).await;
    take("rest:a", 300, false).await;
    take("git:a", 0, false).await;
    let said = QuotaSaid {
        limit: Some(10),
        remaining: Some(3),
        reset: None,
    };
    let others = archive.update(
        "rest:a",
        Box::new(move |account| account.answered(&RULE, at(300), at(301), said)),
    );
    others.await.unwrap();
    let used = |began_at, imports, people, others| QuotaUse {
        began_at,
        imports,
        people,
        others,
    };
    let uses = archive.quota_uses(at(0)).await.unwrap();
    assert_eq!(uses["git:a"], [used(at(0), 1, 0, 0)]);
    let expected = [used(at(0), 3, 1, 0), used(at(300), 1, 0, 2)];
    assert_eq!(uses["rest:a"], expected);
    // What was refused is no use.
    for _ in 0..9 {
        take("rest:b", 0, false).await;
    }
    assert_eq!(take("rest:b", 0, false).await, Verdict::Go);
    assert!(matches!(
        take("rest:b", 0, false).await,
        Verdict::SpentUntil(_)
    ));
    let uses = archive.quota_uses(at(0)).await.unwrap();
    assert_eq!(uses["rest:b"], [used(at(0), 10, 0, 0)]);
    // A week later it is forgotten.
    take("rest:a", 8 * 86_400, false).await;
    let uses = archive.quota_uses(at(0)).await.unwrap();
    assert_eq!(uses["rest:a"].len(), 1);
    assert!(!uses.contains_key("git:a"));
}
