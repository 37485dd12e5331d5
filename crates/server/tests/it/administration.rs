//! What administrators decide.

use bucketload_archive::{DeliveryClaim, Failure, NewNotice};
use bucketload_model::{ChannelKind, Clock as _, LeaseOwner, NoticeKind, UserRole, UserState};

use crate::support::House;

#[tokio::test]
async fn roles_are_given_and_the_last_administrator_keeps_theirs() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.open_door("viewer").await;
    let mut other = house.signed_in(&house.member(1).await).await;
    let users = house.archive.users().await.unwrap();
    let [first, second] = [users[0].id.to_string(), users[1].id.to_string()];
    ada.get("/administration/users").await.is(200);
    for fields in [
        vec![("user", &*first), ("action", "role"), ("role", "member")],
        vec![("user", &*first), ("action", "block")],
    ] {
        let page = ada.post("/administration/users", &fields).await;
        page.is(422).says("last administrator");
    }
    let fields = [
        ("user", &*second),
        ("action", "role"),
        ("role", "administrator"),
    ];
    ada.post("/administration/users", &fields).await.is(303);
    other.get("/administration/users").await.is(200);
    let fields = [("user", &*first), ("action", "role"), ("role", "viewer")];
    other.post("/administration/users", &fields).await.is(303);
    ada.get("/administration/users").await.is(403);
    let users = house.archive.users().await.unwrap();
    assert_eq!(users[0].role, UserRole::Viewer);
    assert_eq!(users[1].role, UserRole::Administrator);
    assert!(users.iter().all(|user| user.state == UserState::Active));
}

#[tokio::test]
async fn changes_that_make_no_sense_are_refused() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let id = house.archive.users().await.unwrap()[0].id.to_string();
    ada.get("/administration/users").await;
    for (fields, status) in [
        (vec![("user", "x"), ("action", "block")], 404),
        (vec![("user", &*id), ("action", "explode")], 422),
        (
            vec![("user", &*id), ("action", "role"), ("role", "king")],
            422,
        ),
        (
            vec![
                ("user", "01920000-0000-7000-8000-000000000000"),
                ("action", "block"),
            ],
            404,
        ),
    ] {
        let page = ada.post("/administration/users", &fields).await;
        assert_eq!(page.status, status, "{fields:?}");
    }
}

/// The form of the switches, with everything on it.
fn switches<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("bitbucket_sign_in", "on"),
        ("admission", "members"),
        ("workspaces", "Teapots, kettles\n"),
        ("approval", "on"),
        ("new_role", "member"),
        ("idle_days", "3"),
        ("session_days", "9"),
    ];
    fields.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    fields.extend(changes);
    fields
}

#[tokio::test]
async fn switches_are_kept_shown_and_noted() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    ada.get("/administration/sign-in").await.is(200);
    let answer = ada.post("/administration/sign-in", &switches(&[])).await;
    assert_eq!(answer.is(303).location(), "/administration/sign-in");
    let stored = house.archive.service_settings().await.unwrap();
    assert_eq!(stored["admission"], "members");
    assert_eq!(stored["workspaces"], "teapots kettles");
    assert_eq!(stored["session_days"], "9");
    ada.get("/administration/sign-in")
        .await
        .says("value=\"teapots, kettles\"");
    let page = ada.get("/administration/audit").await;
    page.says("changed a setting")
        .says("admission: nobody → members")
        .says("became the first administrator");
    // What did not change is not noted.
    let before = house.archive.audit_log(None, 100).await.unwrap().len();
    ada.post("/administration/sign-in", &switches(&[]))
        .await
        .is(303);
    let after = house.archive.audit_log(None, 100).await.unwrap().len();
    assert_eq!(before, after);
}

#[tokio::test]
async fn switches_that_make_no_sense_change_nothing() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    ada.get("/administration/sign-in").await;
    for change in [
        ("admission", "everybody"),
        ("workspaces", "../etc"),
        ("new_role", "administrator"),
        ("idle_days", "0"),
        ("session_days", "366"),
        ("session_days", "many"),
    ] {
        let page = ada
            .post("/administration/sign-in", &switches(&[change]))
            .await;
        assert_eq!(page.status, 422, "{change:?}");
    }
    assert!(house.archive.service_settings().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_audit_log_is_read_page_by_page() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    ada.get("/account").await;
    for number in 0..60 {
        house.clock.advance(chrono::Duration::seconds(1));
        let name = format!("token number {number}");
        let fields = [("name", &*name), ("days", "7"), ("scope", "imports:read")];
        let page = ada.post("/account/tokens", &fields).await;
        // Nobody needs more than fifty.
        assert_eq!(page.status, if number < 50 { 201 } else { 422 });
    }
    let page = ada
        .get("/administration/audit")
        .await
        .says("token number 49");
    assert!(!page.body.contains("became the first administrator"));
    let next = crate::support::between(&page.body, "href=\"administration/audit?", "\"");
    let next = format!("/administration/audit?{}", next.unwrap());
    let page = ada.get(&next).await.says("became the first administrator");
    assert!(!page.body.contains("token number 49"));
}

/// Something that somebody is to be told, as a worker writes it.
async fn put_notice(house: &House, kind: NoticeKind, subject: &str, line: &str) {
    let notice = NewNotice {
        kind,
        subject,
        happened_at: house.clock.now(),
        repository: Some(&"teapots/kettle".parse().unwrap()),
        import: None,
        line,
    };
    let mut transaction = house.archive.begin().await.unwrap();
    transaction.put_notice(&notice).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn notices_say_what_happened_and_whether_somebody_was_told() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    ada.get("/administration/notices")
        .await
        .says("Nothing happened");
    let now = house.clock.now();
    let (channel, kinds) = (ChannelKind::Webhook, &[NoticeKind::Failed]);
    let mut transaction = house.archive.begin().await.unwrap();
    transaction.subscribe(channel, kinds, now).await.unwrap();
    transaction.commit().await.unwrap();
    let hostile = "<script>alert(1)</script> failed";
    put_notice(&house, NoticeKind::Failed, "one", hostile).await;
    put_notice(
        &house,
        NoticeKind::Finished,
        "two",
        "teapots/kettle was imported",
    )
    .await;
    let owner = LeaseOwner::new();
    let mut transaction = house.archive.begin().await.unwrap();
    transaction
        .take_up_notices(channel, kinds, now, now)
        .await
        .unwrap();
    let claim = DeliveryClaim {
        channel,
        owner: &owner,
        now,
        until: now,
        limit: 1,
        none_since: None,
    };
    let claimed = transaction.claim_notices(&claim).await.unwrap();
    let failure = Failure {
        why: "the receiver answered 503",
        now,
        again_at: now + chrono::Duration::minutes(1),
        give_up_before: now - chrono::Duration::days(2),
    };
    transaction
        .not_delivered(channel, &[claimed[0].notice.id], &owner, &failure)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let page = ada.get("/administration/notices").await.is(200);
    let page = page
        .says("&lt;script&gt;alert(1)&lt;/script&gt; failed")
        .says("pending")
        .says("the receiver answered 503; tried again")
        .says("shown here only")
        .says("href=\"repositories/teapots/kettle\"");
    assert!(!page.body.contains("<script>alert"));
}

#[tokio::test]
async fn notices_are_read_page_by_page() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    for number in 0..60 {
        house.clock.advance(chrono::Duration::seconds(1));
        let line = format!("notice number {number}.");
        put_notice(&house, NoticeKind::Finished, "x", &line).await;
    }
    let page = ada.get("/administration/notices").await.says("number 59.");
    assert!(!page.body.contains("number 9."));
    let next = crate::support::between(&page.body, "href=\"administration/notices?", "\"");
    let next = format!("/administration/notices?{}", next.unwrap());
    let page = ada.get(&next).await.says("number 9.").says("number 0.");
    assert!(!page.body.contains("number 10."));
}
