//! What every answer has in common.

use bucketload_archive::{Claim, IdentityRecord, NewImport, Release, UserRecord};
use bucketload_model::{
    AnnouncedRemoval, ImportEvent, LeaseOwner, Priority, RepositoryName, Stage, UserId, UserRole,
    UserState,
};

use crate::support::{House, Plan};

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_strangers_out() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    for path in [
        "/imports",
        "/account",
        "/nowhere",
        "/healthz",
        "/api/v1/user",
    ] {
        let headers = ada.get(path).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        for rule in [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'self'",
        ] {
            assert!(policy.contains(rule), "{path} {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["referrer-policy"], "same-origin");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(!headers.contains_key("strict-transport-security"));
    }
}

#[tokio::test]
async fn behind_https_the_cookie_is_secure_and_browsers_stay_with_it() {
    let house = House::planned(Plan {
        public_url: Some("https://loads.example.org".parse().unwrap()),
        ..Plan::default()
    })
    .await;
    let page = house.browser().get("/setup").await.is(200);
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-bucketload="), "{cookie}");
    for word in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    assert!(page.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn pages_run_one_script_of_ours_and_load_nothing_from_elsewhere() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    for path in [
        "/imports",
        "/account",
        "/administration/users",
        "/administration/sign-in",
        "/administration/notices",
        "/administration/audit",
        "/nowhere",
    ] {
        let page = ada.get(path).await;
        let script = crate::support::between(&page.body, "<script src=\"", "\" defer></script>");
        let script = script.unwrap();
        assert!(script.starts_with("assets/"), "{script}");
        assert_eq!(page.body.matches("<script").count(), 1, "{path}");
        for bad in [" style=", " onclick", "src=\"http", "href=\"http"] {
            assert!(!page.body.contains(bad), "{path} {bad}");
        }
        let style = crate::support::between(&page.body, "rel=\"stylesheet\" href=\"", "\"");
        let style = ada.get(style.unwrap()).await.is(200);
        assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
        assert!(!style.body.contains("http"), "the style sheet is alone");
    }
}

#[tokio::test]
async fn announced_removals_stand_on_the_first_page_as_text() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let page = ada.get("/imports").await;
    assert!(!page.body.contains("announces removals"));
    let mut transaction = house.archive.begin().await.unwrap();
    let removal = AnnouncedRemoval {
        endpoint: "issues".to_owned(),
        deprecation: Some("@1771545600".to_owned()),
        sunset: Some("Fri, 21 Aug 2026 00:00:00 UTC".to_owned()),
        link: Some("<https://attacker.example/<b>>; rel=\"deprecation\"".to_owned()),
    };
    for _ in 0..2 {
        transaction
            .put_announced_removal(&removal, house.now())
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    let page = ada.get("/imports").await.says("Ends on Fri, 21 Aug 2026");
    assert_eq!(page.body.matches("<code>issues</code>").count(), 1);
    assert!(!page.body.contains("<b>"), "{}", page.body);
}

#[tokio::test]
async fn hostile_names_are_text() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'; DROP TABLE users; --",
        "</title><svg/onload=alert(1)>",
        "{{7*7}}",
    ];
    let mut transaction = house.archive.begin().await.unwrap();
    for (index, name) in hostile.iter().enumerate() {
        let user = UserRecord {
            id: UserId::new(house.now()),
            display_name: (*name).to_owned(),
            email: Some(format!("{name}@example.org")),
            role: UserRole::Member,
            state: UserState::Pending,
            created_at: house.now(),
            seen_at: None,
        };
        transaction.put_user(&user).await.unwrap();
        let identity = IdentityRecord {
            account: format!("{{00000000-0000-4000-8000-00000000000{index}}}")
                .parse()
                .unwrap(),
            user: user.id,
            display_name: Some((*name).to_owned()),
            nickname: Some((*name).to_owned()),
            email: None,
            linked_at: house.now(),
            used_at: None,
        };
        transaction.put_identity(&identity).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let mut page = ada.get("/administration/users").await.is(200);
    page = page.says("&lt;script&gt;alert(1)&lt;/script&gt;");
    for bad in ["<script>", "<img", "<svg/", "\"><img"] {
        assert!(!page.body.contains(bad), "{bad}");
    }
    // Also where the person themselves comes from Bitbucket under such a name.
    house.open_door("member").await;
    let person = house.member(1).await;
    house
        .bitbucket
        .add_fault(bucketload_simulator::Fault::on_path(
            "/2.0/user",
            bucketload_simulator::Effect::ReplaceField {
                field: "display_name".to_owned(),
                value: "</title><script>alert(1)</script>\u{1b}[2J\n".into(),
            },
        ));
    let mut browser = house.signed_in(&person).await;
    for path in ["/imports", "/account"] {
        let page = browser.get(path).await.is(200);
        assert!(!page.body.contains("<script>"));
        assert!(!page.body.contains('\u{1b}'));
    }
    let page = ada.get("/administration/audit").await.is(200);
    assert!(!page.body.contains("<script>"));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let house = House::new().await;
    let mut browser = house.browser();
    let page = browser.get("/nowhere?<script>").await.is(404);
    page.says("There is no such page");
    browser.get("/assets/../Cargo.toml").await.is(404);
}

#[tokio::test]
async fn health_and_readiness_tell_the_process_from_its_storage() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.get("/healthz").await.is(200).says("ok");
    browser
        .get("/readyz")
        .await
        .is(200)
        .says("\"database\":\"ok\"");
    house.archive.close().await;
    browser.get("/healthz").await.is(200);
    let page = browser.get("/readyz").await.is(503);
    page.says("\"database\":\"failed\"");
}

#[tokio::test]
async fn the_list_tells_who_is_gone_and_until_when_somebody_waits() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let name = |text: &str| text.parse::<RepositoryName>().unwrap();
    let (kettle, pot) = (name("teapots/kettle"), name("teapots/pot"));
    let mut transaction = house.archive.begin().await.unwrap();
    for (second, name) in [(1, &kettle), (2, &pot)] {
        let now = house.now() + chrono::Duration::seconds(second);
        let new = NewImport {
            name,
            stages: Stage::ALL,
            whole_lists: false,
            priority: Priority::default(),
            not_before: None,
            asked_by: None,
            credential: None,
            now,
        };
        let import = transaction.enqueue(&new).await.unwrap().import();
        let owner = LeaseOwner::new();
        let claim = Claim {
            owner: &owner,
            now,
            until: now + chrono::Duration::seconds(15),
            is_foreground: second == 1,
        };
        let claimed = transaction.claim(import, &claim).await.unwrap().unwrap();
        if second == 2 {
            let release = Release {
                event: ImportEvent::WaitBegan,
                error: Some("the quota is spent"),
                wait_until: Some(now + chrono::Duration::hours(1)),
                counts: false,
                now,
            };
            transaction.release(&claimed.lease, &release).await.unwrap();
        }
    }
    transaction.commit().await.unwrap();
    let until = house.now() + chrono::Duration::seconds(3602);
    let page = ada.get("/imports").await.is(200);
    let page = page.says("running").says("the quota is spent");
    page.says(&until.format("%H:%M:%S UTC").to_string());
    house.clock.advance(chrono::Duration::seconds(30));
    let page = ada.get("/imports").await.is(200);
    assert!(
        !page.body.contains("data-state=\"running\" data"),
        "{}",
        page.body
    );
    page.says("its process ended; import again to go on")
        .says("data-state=\"cancelled\"");
}
