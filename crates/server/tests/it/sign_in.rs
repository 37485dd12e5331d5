//! Who comes in with Bitbucket, and as whom.

use bucketload_model::{UserRole, UserState};

use crate::support::{House, Plan, WORKSPACE};

#[tokio::test]
async fn nobody_comes_in_whom_nobody_thought_of() {
    let house = House::new().await;
    house.administrator().await;
    house.consents(&house.member(0).await);
    let mut browser = house.browser();
    let page = browser.sign_in().await;
    page.is(403).says("You have no account here");
    assert!(!browser.is_in().await);
    assert_eq!(house.archive.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn somebody_new_waits_for_approval_and_then_comes_in() {
    let house = House::new().await;
    let mut administrator = house.administrator().await;
    house.switch(&[("admission", "anyone")]).await;
    let mut browser = house.signed_in(&house.member(1).await).await;
    browser.get("/").await.is(403).says("has to approve");
    browser.get("/account").await.is(403).says("has to approve");
    let user = house.archive.users().await.unwrap().remove(1);
    assert_eq!(
        (user.state, user.role),
        (UserState::Pending, UserRole::Viewer)
    );
    administrator
        .get("/administration/users")
        .await
        .says("Waiting for approval");
    let fields = [("user", user.id.to_string()), ("action", "approve".into())];
    administrator
        .post("/administration/users", &fields)
        .await
        .is(303);
    browser
        .get("/imports")
        .await
        .is(200)
        .says("Nothing was imported yet");
}

#[tokio::test]
async fn the_second_time_they_are_the_same_user() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    let person = house.member(1).await;
    house.signed_in(&person).await;
    house.switch(&[("admission", "nobody")]).await;
    house.signed_in(&person).await;
    let users = house.archive.users().await.unwrap();
    assert_eq!(users.len(), 2);
    assert_eq!(users[1].role, UserRole::Member);
    let identities = house.archive.identities_of(users[1].id).await.unwrap();
    assert_eq!(identities.len(), 1);
    assert_eq!(users[1].email, identities[0].email);
}

#[tokio::test]
async fn members_of_a_named_workspace_come_in_and_others_do_not() {
    let house = House::new().await;
    house.administrator().await;
    let members = [("admission", "members"), ("workspaces", "elsewhere")];
    house.switch(&members).await;
    let person = house.member(1).await;
    house.consents(&person);
    let page = house.browser().sign_in().await;
    page.is(403).says("in none of them");
    house.switch(&[("workspaces", WORKSPACE)]).await;
    house.signed_in(&person).await;
    assert_eq!(house.archive.users().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_address_links_only_when_it_is_confirmed_and_that_is_switched_on() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("viewer").await;
    let person = house.member(1).await;
    house.signed_in(&person).await;
    // The user stays, the account at Bitbucket becomes a stranger to it.
    let user = house.archive.users().await.unwrap().remove(1);
    let identity = house
        .archive
        .identities_of(user.id)
        .await
        .unwrap()
        .remove(0);
    assert!(identity.email.is_some(), "the simulator gives an address");
    let mut transaction = house.archive.begin().await.unwrap();
    transaction
        .remove_identity(user.id, &identity.account)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    house.switch(&[("admission", "nobody")]).await;
    house.browser().sign_in().await.is(403);
    house.switch(&[("link_by_email", "1")]).await;
    house.signed_in(&person).await;
    let users = house.archive.users().await.unwrap();
    assert_eq!(users.len(), 2);
    let identities = house.archive.identities_of(user.id).await.unwrap();
    assert_eq!(identities[0].account, identity.account);
}

#[tokio::test]
async fn who_is_blocked_is_out_at_once_and_stays_out() {
    let house = House::new().await;
    let mut administrator = house.administrator().await;
    house.open_door("member").await;
    let person = house.member(1).await;
    let mut browser = house.signed_in(&person).await;
    assert!(browser.is_in().await);
    let user = house.archive.users().await.unwrap().remove(1);
    administrator.get("/administration/users").await;
    let fields = [("user", user.id.to_string()), ("action", "block".into())];
    administrator
        .post("/administration/users", &fields)
        .await
        .is(303);
    assert!(!browser.is_in().await);
    browser.sign_in().await.is(403).says("blocked");
    // The state alone would do: a session that was left over opens nothing.
    let mut left_over = house.browser();
    house.set_user(user.id, user.role, UserState::Active).await;
    left_over.sign_in().await.is(303);
    house.set_user(user.id, user.role, UserState::Blocked).await;
    assert!(!left_over.is_in().await);
}

#[tokio::test]
async fn sign_in_can_be_off_while_the_consumer_is_there() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("viewer").await;
    house.switch(&[("bitbucket_sign_in", "0")]).await;
    let mut browser = house.browser();
    let page = browser.get("/sign-in").await.is(200);
    assert!(!page.body.contains("action=\"sign-in/bitbucket\""));
    let page = browser.post("/sign-in/bitbucket", &[("next", "/")]).await;
    page.is(403).says("switched it off");
}

#[tokio::test]
async fn what_is_switched_off_meanwhile_is_off() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("viewer").await;
    house.consents(&house.member(1).await);
    let mut browser = house.browser();
    let begun = browser.begin().await;
    let callback = browser.at_bitbucket(&begun).await;
    house.switch(&[("bitbucket_sign_in", "0")]).await;
    browser.get(&callback).await.is(403).says("switched it off");
}

#[tokio::test]
async fn without_a_consumer_there_is_no_button_and_the_page_says_what_is_missing() {
    let house = House::planned(Plan {
        has_consumer: false,
        ..Plan::default()
    })
    .await;
    let mut administrator = house.administrator().await;
    let mut browser = house.browser();
    browser.get("/sign-in").await.says("no OAuth consumer");
    let page = browser.post("/sign-in/bitbucket", &[("next", "/")]).await;
    page.is(404).says("BUCKETLOAD_OAUTH_CLIENT_ID");
    browser
        .get("/auth/bitbucket/callback?code=a&state=b")
        .await
        .is(404);
    let page = administrator.get("/administration/sign-in").await;
    page.says("/auth/bitbucket/callback");
}

#[tokio::test]
async fn the_way_to_bitbucket_names_the_public_address_whatever_the_host_header_says() {
    let house = House::new().await;
    house.administrator().await;
    let mut browser = house.browser();
    browser.get("/sign-in").await;
    let token = browser.form_token.clone().unwrap();
    let request = browser
        .form("/sign-in/bitbucket", format!("form_token={token}"))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "https");
    let answer = browser.send(request).await.is(303);
    assert!(!answer.location().contains("evil"), "{}", answer.location());
    let expected = format!("{}auth/bitbucket/callback", house.url);
    let url = url::Url::parse(answer.location()).unwrap();
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri");
    assert_eq!(redirect.unwrap().1, expected);
}

#[tokio::test]
async fn the_tokens_of_a_sign_in_are_kept_nowhere() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    house.signed_in(&house.member(1).await).await;
    let calls = house.bitbucket.request_counts();
    assert_eq!(calls.get("/user"), Some(&1));
    assert_eq!(calls.get("/user/emails"), Some(&1));
    assert_eq!(calls.get("/user/workspaces"), None);
    // Only the hash of the session is there, and no flow is left.
    let user = house.archive.users().await.unwrap().remove(1);
    let sessions = house.archive.sessions_of(user.id, house.now()).await;
    let sessions = sessions.unwrap();
    assert!(sessions.iter().all(|session| session.flow.is_none()));
}

#[tokio::test]
async fn another_account_is_connected_and_disconnected() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.consents(&house.member(1).await);
    ada.get("/account").await.says("None yet");
    let begun = ada.post::<&str>("/account/identities", &[]).await.is(303);
    let callback = ada.at_bitbucket(&begun).await;
    assert_eq!(ada.get(&callback).await.is(303).location(), "/account");
    let user = house.archive.users().await.unwrap().remove(0);
    let identities = house.archive.identities_of(user.id).await.unwrap();
    assert_eq!(identities.len(), 1);
    let account = identities[0].account.to_string();
    // It signs in now, although nobody gets an account by signing in.
    let mut again = house.browser();
    assert_eq!(again.sign_in().await.is(303).location(), "/");
    // The last administrator's last way in is not closed.
    ada.get("/account").await;
    let fields = [("account", account.as_str()), ("confirm", "yes")];
    let page = ada.post("/account/identities/disconnect", &fields).await;
    page.is(422).says("last administrator");
    // A second one makes the first dispensable.
    house.consents(&house.member(2).await);
    let begun = ada.post::<&str>("/account/identities", &[]).await;
    let callback = ada.at_bitbucket(&begun).await;
    ada.get(&callback).await.is(303);
    let fields = [("account", account.as_str())];
    ada.post("/account/identities/disconnect", &fields)
        .await
        .is(303);
    let identities = house.archive.identities_of(user.id).await.unwrap();
    assert_eq!(identities.len(), 1);
    assert_ne!(identities[0].account.to_string(), account);
}

#[tokio::test]
async fn the_last_way_in_is_closed_only_after_asking() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    let mut browser = house.signed_in(&house.member(1).await).await;
    let page = browser.get("/account").await.says("It is the last one");
    let account = crate::support::between(&page.body, "name=\"account\" value=\"", "\"");
    let account = account.unwrap().to_owned();
    let fields = [("account", account.as_str())];
    let page = browser
        .post("/account/identities/disconnect", &fields)
        .await;
    page.is(422).says("Tick the box");
    let fields = [("account", account.as_str()), ("confirm", "yes")];
    browser
        .post("/account/identities/disconnect", &fields)
        .await
        .is(303);
}

#[tokio::test]
async fn an_account_of_somebody_else_is_not_connected() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.open_door("member").await;
    house.signed_in(&house.member(1).await).await;
    ada.get("/account").await;
    let begun = ada.post::<&str>("/account/identities", &[]).await;
    let callback = ada.at_bitbucket(&begun).await;
    ada.get(&callback).await.is(409).says("somebody else");
    let users = house.archive.users().await.unwrap();
    assert!(
        house
            .archive
            .identities_of(users[0].id)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        house
            .archive
            .identities_of(users[1].id)
            .await
            .unwrap()
            .len(),
        1
    );
}
