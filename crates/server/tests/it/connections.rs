//! Consent to imports, beside that of signing in.

use bucketload_model::{UserRole, UserState};

use crate::support::{Browser, House, Page, between};

/// Goes to Bitbucket for a grant and comes back with it.
pub(crate) async fn connect(browser: &mut Browser) -> Page {
    browser.get("/account").await.is(200);
    let begun = browser.post::<&str>("/account/connections", &[]).await;
    let callback = browser.at_bitbucket(&begun.is(303)).await;
    browser.get(&callback).await
}

#[tokio::test]
async fn a_grant_is_kept_for_its_user_sealed_and_replaced_by_the_next() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    let mut browser = house.signed_in(&house.member(1).await).await;
    // To sign in was no consent to imports.
    assert!(house.archive.credentials().await.unwrap().is_empty());
    browser.get("/account").await.says("Nothing yet");
    let cookie = browser.cookie.clone();
    assert_eq!(connect(&mut browser).await.is(303).location(), "/account");
    assert_eq!(browser.cookie, cookie);
    let user = house.archive.users().await.unwrap().remove(1);
    let kept = house.archive.credentials().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].owner, Some(user.id.to_string()));
    assert_eq!(kept[0].consumer.as_deref(), Some(crate::support::CONSUMER));
    assert!(kept[0].is_usable());
    let page = browser.get("/account").await;
    page.says("Bitbucket for imports").says("never used");
    // The same account again: the same connection, with newer tokens.
    connect(&mut browser).await.is(303);
    let again = house.archive.credentials().await.unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, kept[0].id);
    assert!(again[0].revision > kept[0].revision);
    // Another account of the same user is a connection of its own.
    house.consents(&house.member(2).await);
    connect(&mut browser).await.is(303);
    assert_eq!(house.archive.credentials().await.unwrap().len(), 2);
    // Who signs in with it is still unknown here.
    assert_eq!(house.archive.users().await.unwrap().len(), 2);
}

#[tokio::test]
async fn two_accounts_of_one_name_are_two_connections() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house
        .bitbucket
        .add_fault(bucketload_simulator::Fault::on_path(
            "/2.0/user",
            bucketload_simulator::Effect::ReplaceField {
                field: "display_name".to_owned(),
                value: "Sam".into(),
            },
        ));
    for index in [1, 2] {
        house.consents(&house.member(index).await);
        connect(&mut ada).await.is(303);
    }
    let kept = house.archive.credentials().await.unwrap();
    assert_eq!(kept.len(), 2);
    assert_ne!(kept[0].label, kept[1].label);
}

#[tokio::test]
async fn a_connection_is_removed_by_its_user_alone() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.open_door("member").await;
    let mut other = house.signed_in(&house.member(1).await).await;
    connect(&mut ada).await.is(303);
    let page = ada.get("/account").await;
    let id = between(&page.body, "name=\"connection\" value=\"", "\"");
    let fields = [("connection", id.unwrap())];
    let page = other.get("/account").await;
    assert!(!page.body.contains(fields[0].1));
    other
        .post("/account/connections/remove", &fields)
        .await
        .is(404);
    assert_eq!(house.archive.credentials().await.unwrap().len(), 1);
    ada.post("/account/connections/remove", &fields)
        .await
        .is(303);
    assert!(house.archive.credentials().await.unwrap().is_empty());
    let page = ada.get("/administration/audit").await;
    page.says("connected Bitbucket for imports")
        .says("removed a connection for imports");
}

#[tokio::test]
async fn who_is_no_member_any_more_connects_nothing() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    let mut browser = house.signed_in(&house.member(1).await).await;
    let user = house.archive.users().await.unwrap().remove(1);
    browser.get("/account").await;
    let begun = browser.post::<&str>("/account/connections", &[]).await;
    let callback = browser.at_bitbucket(&begun.is(303)).await;
    house
        .set_user(user.id, UserRole::Viewer, UserState::Active)
        .await;
    browser.get(&callback).await.is(403).says("for members");
    assert!(house.archive.credentials().await.unwrap().is_empty());
    let page = browser.get("/account").await.is(200);
    assert!(!page.body.contains("Bitbucket for imports"));
}

#[tokio::test]
async fn imports_can_be_consented_to_while_sign_in_with_bitbucket_is_off() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.switch(&[("bitbucket_sign_in", "0")]).await;
    house.consents(&house.member(1).await);
    connect(&mut ada).await.is(303);
    assert_eq!(house.archive.credentials().await.unwrap().len(), 1);
}
