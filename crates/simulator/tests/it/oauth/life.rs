//! Tokens rotate, expire and are taken back; what they may use up.

use super::{
    CALLBACK, PRIVATE, access, approved_by, ask, ask_as, get, git_status, invalid_grant, issued,
    refresh, refused, renewal, tokens,
};
use crate::support::{R, json};
use bucketload_simulator::{OAuthConsumer, OAuthOptions, RateLimit, RetryHint};
use std::time::Duration;

#[tokio::test]
async fn refresh_tokens_rotate_and_the_old_one_has_its_grace() {
    let double = approved_by("ada").await;
    let control = double.simulator.control();
    let first = tokens(&double, &[]).await;
    let second = issued(refresh(&double, renewal(&first)).await).await;
    assert_ne!(renewal(&first), renewal(&second));
    assert_ne!(access(&first), access(&second));
    // Access tokens live their time.
    assert_eq!(get(&double, R, &first).await.status(), 200);
    assert_eq!(get(&double, R, &second).await.status(), 200);

    control.advance_clock(Duration::from_secs(590));
    let third = issued(refresh(&double, renewal(&first)).await).await;
    assert_ne!(renewal(&second), renewal(&third));
    control.advance_clock(Duration::from_secs(20));
    let dead = refresh(&double, renewal(&first)).await;
    assert_eq!(
        refused(dead).await,
        invalid_grant(),
        "its own grace is over"
    );
    control.advance_clock(Duration::from_mins(10));
    let dead = refresh(&double, renewal(&second)).await;
    assert_eq!(refused(dead).await, invalid_grant(), "not the newest");
    assert_eq!(refresh(&double, renewal(&third)).await.status(), 200);
    assert_eq!(control.grants()[0].refreshes, 3);

    control.add_consumer(OAuthConsumer::new("other", "secret", CALLBACK));
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", renewal(&third)),
    ];
    let answer = ask_as(&double, "other", "secret", &pairs).await;
    assert_eq!(refused(answer).await, invalid_grant());
    let missing = ask(&double, &[("grant_type", "refresh_token")]).await;
    assert_eq!(refused(missing).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn access_tokens_expire_for_rest_and_git() {
    let double = approved_by("ada").await;
    let control = double.simulator.control();
    let tokens = tokens(&double, &[]).await;
    control.advance_clock(Duration::from_secs(3_590));
    assert_eq!(get(&double, PRIVATE, &tokens).await.status(), 200);
    assert_eq!(git_status(&double, access(&tokens)).await, 200);
    control.advance_clock(Duration::from_secs(10));
    let expired = get(&double, PRIVATE, &tokens).await;
    assert_eq!(expired.status(), 401);
    assert_eq!(
        json(expired).await["error"]["message"],
        "Token is invalid, expired, or not supported for this endpoint."
    );
    assert_eq!(git_status(&double, access(&tokens)).await, 401);

    let fresh = issued(refresh(&double, renewal(&tokens)).await).await;
    assert_eq!(get(&double, PRIVATE, &fresh).await.status(), 200);
    control.expire_access_tokens();
    assert_eq!(get(&double, PRIVATE, &fresh).await.status(), 401);
    let day = Duration::from_hours(24);
    control.advance_clock(day * 89);
    let fresh = issued(refresh(&double, renewal(&fresh)).await).await;
    control.advance_clock(day * 90);
    let idle = refresh(&double, renewal(&fresh)).await;
    assert_eq!(
        refused(idle).await,
        invalid_grant(),
        "unused for three months"
    );
}

#[tokio::test]
async fn consent_can_be_taken_back() {
    let double = approved_by("ada").await;
    let control = double.simulator.control();
    let (first, second) = (tokens(&double, &[]).await, tokens(&double, &[]).await);
    let grants = control.grants();
    assert_eq!(grants[0].client_id, OAuthConsumer::DEFAULT_ID);
    control.revoke_grant(grants[0].id).unwrap();
    assert!(control.revoke_grant(grants[0].id).is_err());
    assert_eq!(get(&double, R, &first).await.status(), 401);
    let dead = refresh(&double, renewal(&first)).await;
    assert_eq!(refused(dead).await, invalid_grant());
    assert_eq!(get(&double, R, &second).await.status(), 200);
    assert_eq!(refresh(&double, renewal(&second)).await.status(), 200);
}

#[tokio::test]
async fn all_tokens_of_a_consumer_share_one_quota() {
    let double = approved_by("ada").await;
    let control = double.simulator.control();
    let ada = tokens(&double, &[]).await;
    control.set_oauth_options(OAuthOptions::approved_by("ghopper"));
    let grace = tokens(&double, &[]).await;
    control.add_consumer(OAuthConsumer::new("other", "secret", CALLBACK));
    let pairs = [("grant_type", "client_credentials")];
    let other = issued(ask_as(&double, "other", "secret", &pairs).await).await;
    control.set_rate_limit(Some(RateLimit {
        anonymous: 1,
        credential: 2,
        window_seconds: 3_600,
        hint: RetryHint::None,
    }));
    for (tokens, status) in [(&ada, 200), (&grace, 200), (&ada, 429), (&other, 200)] {
        let response = get(&double, R, tokens).await;
        assert_eq!(response.status(), status);
        assert!(response.headers().get("x-ratelimit-limit").is_none());
    }
    assert_eq!(double.status(R).await, 200, "a token that is no consumer's");
    let renewed = refresh(&double, renewal(&grace)).await;
    let renewed = issued(renewed).await;
    assert_eq!(get(&double, R, &renewed).await.status(), 429);
    control.advance_clock(Duration::from_secs(3_500));
    assert_eq!(get(&double, R, &renewed).await.status(), 429);
    control.advance_clock(Duration::from_secs(99));
    let renewed = issued(refresh(&double, renewal(&renewed)).await).await;
    control.advance_clock(Duration::from_secs(1));
    assert_eq!(get(&double, R, &renewed).await.status(), 200);
}
