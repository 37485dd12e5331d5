//! How long somebody is in, and how they get out.

use chrono::Duration;

use crate::support::House;

#[tokio::test]
async fn signing_in_changes_the_token() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    house.consents(&house.member(1).await);
    // A token that somebody planted in the browser.
    let mut attacker = house.browser();
    attacker.get("/sign-in").await;
    let planted = attacker.cookie.clone();
    let mut victim = house.browser();
    victim.cookie.clone_from(&planted);
    victim.sign_in().await.is(303);
    assert_ne!(victim.cookie, planted);
    assert!(victim.is_in().await);
    assert!(!attacker.is_in().await);
    // The same with a code, and with a token that a begun sign-in had.
    let mut attacker = house.browser();
    attacker.begin().await;
    let planted = attacker.cookie.clone();
    let mut victim = house.browser();
    victim.cookie.clone_from(&planted);
    victim.get("/sign-in").await;
    let code = house.administrator_code().await;
    victim
        .post("/sign-in/code", &[("code", code)])
        .await
        .is(303);
    assert_ne!(victim.cookie, planted);
    attacker.cookie = planted;
    assert!(!attacker.is_in().await);
}

#[tokio::test]
async fn a_made_up_token_is_nobodys() {
    let house = House::new().await;
    house.administrator().await;
    for token in ["x".repeat(43), String::new(), "'or 1=1--".to_owned()] {
        let mut browser = house.browser();
        browser.cookie = Some(format!("bucketload={token}"));
        assert!(!browser.is_in().await, "{token}");
    }
}

#[tokio::test]
async fn a_stolen_cookie_is_worth_nothing_after_sign_out() {
    let house = House::new().await;
    let mut browser = house.administrator().await;
    let mut thief = browser.clone();
    assert!(thief.is_in().await);
    browser.get("/imports").await;
    let answer = browser.post::<&str>("/sign-out", &[]).await.is(303);
    assert_eq!(answer.location(), "/sign-in");
    assert!(!browser.is_in().await);
    assert!(!thief.is_in().await);
}

#[tokio::test]
async fn unused_sessions_end_and_used_ones_go_on_until_they_are_old() {
    let house = House::new().await;
    let mut unused = house.administrator().await;
    house.clock.advance(Duration::days(7));
    assert!(!unused.is_in().await);
    let mut used = house.administrator().await;
    for _ in 0..5 {
        house.clock.advance(Duration::days(5));
        assert!(used.is_in().await);
    }
    house.clock.advance(Duration::days(5));
    assert!(!used.is_in().await);
}

#[tokio::test]
async fn the_life_of_sessions_can_be_set() {
    let house = House::new().await;
    house.administrator().await;
    let short = [("idle_days", "1"), ("session_days", "2")];
    house.switch(&short).await;
    let mut unused = house.administrator().await;
    house.clock.advance(Duration::days(1));
    assert!(!unused.is_in().await);
    let mut used = house.administrator().await;
    house.clock.advance(Duration::hours(23));
    assert!(used.is_in().await);
    house.clock.advance(Duration::hours(23));
    assert!(used.is_in().await);
    house.clock.advance(Duration::hours(2));
    assert!(!used.is_in().await);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all() {
    let house = House::new().await;
    let mut here = house.administrator().await;
    let mut there = house.administrator().await;
    let mut elsewhere = house.administrator().await;
    let page = here.get("/account").await.is(200);
    let listed: Vec<&str> = page
        .body
        .split("name=\"session\" value=\"")
        .skip(1)
        .collect();
    // Its own is not to be ended so.
    assert_eq!(listed.len(), 2);
    let first = listed[0].split('"').next().unwrap().to_owned();
    let fields = [("session", first)];
    here.post("/account/sessions/end", &fields).await.is(303);
    let left = [there.is_in().await, elsewhere.is_in().await];
    assert_eq!(left.iter().filter(|is_in| **is_in).count(), 1);
    assert!(here.is_in().await);
    here.get("/account").await;
    here.post::<&str>("/sign-out/everywhere", &[]).await.is(303);
    for browser in [&mut here, &mut there, &mut elsewhere] {
        assert!(!browser.is_in().await);
    }
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let user = house.archive.users().await.unwrap().remove(0);
    let session = house.archive.sessions_of(user.id, house.now()).await;
    let session = session.unwrap().remove(0).id;
    house.open_door("member").await;
    let mut other = house.signed_in(&house.member(1).await).await;
    other.get("/account").await;
    let fields = [("session", session)];
    other.post("/account/sessions/end", &fields).await.is(303);
    assert!(ada.is_in().await);
}

#[tokio::test]
async fn sessions_that_ended_are_cleared_away() {
    let house = House::new().await;
    house.administrator().await;
    for _ in 0..3 {
        house.browser().begin().await;
    }
    house.clock.advance(Duration::days(31));
    house.administrator().await;
    let user = house.archive.users().await.unwrap().remove(0);
    let long_ago = house.now() - Duration::days(365);
    let sessions = house.archive.sessions_of(user.id, long_ago).await.unwrap();
    assert_eq!(sessions.len(), 1);
}
