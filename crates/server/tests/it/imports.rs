//! The list of imports, one import, and what people ask of them.

use bucketload_model::{ImportEvent, ImportId, ImportState, Stage};

use crate::support::{Browser, House, Page};

async fn state(house: &House, import: ImportId) -> ImportState {
    let import = house.archive.import(import).await.unwrap();
    import.unwrap().state
}

/// The repositories on a page, in order.
fn listed(page: &Page) -> Vec<&str> {
    let rows = page.body.split("aria-label=\"Choose ").skip(1);
    let names = rows.filter_map(|row| row.split_once('"'));
    names
        .map(|(name, _)| name)
        .filter(|name| name.contains('/'))
        .collect()
}

#[tokio::test]
async fn the_list_is_filtered_by_state_workspace_and_text() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    for name in [
        "teapots/kettle",
        "teapots/pot_1",
        "boats/kettle",
        "boats/oar",
    ] {
        house.enqueue(name).await;
    }
    let oar = "boats/oar".parse().unwrap();
    let oar = house.archive.latest_import(&oar).await.unwrap().unwrap();
    house.claim(oar.id).await;
    let mut names = async |query: &str| -> Vec<String> {
        let page = ada.get(&format!("/imports?{query}")).await.is(200);
        listed(&page).into_iter().map(ToOwned::to_owned).collect()
    };
    let all = [
        "boats/oar",
        "boats/kettle",
        "teapots/pot_1",
        "teapots/kettle",
    ];
    assert_eq!(names("").await, all);
    assert_eq!(names("q=KETTLE").await, ["boats/kettle", "teapots/kettle"]);
    // No pattern: an underscore is an underscore.
    assert_eq!(names("q=t_1").await, ["teapots/pot_1"]);
    assert!(names("q=%25").await.is_empty());
    assert_eq!(names("workspace=boats").await, all[..2]);
    assert_eq!(names("state=running").await, all[..1]);
    assert_eq!(names("state=running&state=queued&q=boats").await, all[..2]);
    assert!(names("state=failed").await.is_empty());
    // A newer import of the same repository takes its place.
    house.enqueue("boats/oar").await;
    assert_eq!(names("").await.len(), 4);
}

#[tokio::test]
async fn long_lists_have_pages() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    for number in 0..51 {
        house.enqueue(&format!("teapots/cup-{number:02}")).await;
    }
    let page = ada.get("/imports?q=cup").await.is(200);
    assert_eq!(listed(&page).len(), 50);
    let page = page.says("all 51 that match");
    let next = crate::support::between(&page.body, "class=\"pager\"><a href=\"", "\"").unwrap();
    let page = ada.get(&next.replace("&amp;", "&")).await.is(200);
    assert_eq!(listed(&page), ["teapots/cup-00"]);
    assert!(!page.body.contains("class=\"pager\""));
}

#[tokio::test]
async fn a_row_tells_how_far_how_fast_and_until_when() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let kettle = house.enqueue("teapots/kettle").await;
    let claimed = house.claim(kettle).await;
    house
        .advance(kettle, Stage::PullRequestComments, 300, 1_200)
        .await;
    house.clock.advance(chrono::Duration::seconds(60));
    house.add_gap(kettle, "comments of #7", None).await;
    let page = ada.get("/imports").await.is(200);
    page.says("<span>300 of 1,200</span> · <span>300 a minute</span>")
        .says("about 3 min left")
        .says("pull request comments")
        .says(">1 gap<")
        .says("<progress");
    house
        .release(&claimed, ImportEvent::WaitBegan, Some("the quota is spent"))
        .await;
    let page = ada.get("/imports").await.is(200);
    page.says("waiting for quota")
        .says("until <time")
        .says("the quota is spent");
}

#[tokio::test]
async fn one_import_shows_stages_gaps_requests_and_what_happened() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let kettle = house.enqueue("teapots/kettle").await;
    house.claim(kettle).await;
    house.advance(kettle, Stage::Git, 3, 4).await;
    let seventh = format!("{}/teapots/kettle/x", house.simulator.web_url());
    house.add_gap(kettle, "members", Some(&seventh)).await;
    house
        .add_gap(kettle, "comments of #7", Some("javascript:alert(1)"))
        .await;
    let mut transaction = house.archive.begin().await.unwrap();
    transaction
        .add_requests(kettle, "pull_requests", 41)
        .await
        .unwrap();
    transaction.add_requests(kettle, "users", 1).await.unwrap();
    transaction.commit().await.unwrap();
    let page = ada.get(&format!("/imports/{kettle}")).await.is(200);
    let page = page
        .says("needs pull requests, pull request activity")
        .says("3 of 4")
        .says("Not permitted")
        .says("Give it the scope that is named")
        .says(&format!("href=\"{seventh}\""))
        .says("/teapots/kettle/pull-requests/7\"")
        .says("403 &lt;i&gt;Forbidden")
        .says("42 requests")
        .says("asked for")
        .says("by cli:ada");
    assert!(!page.body.contains("javascript:"), "{}", page.body);
    ada.get(&format!("/imports/{}", ImportId::new(house.now())))
        .await
        .is(404);
}

#[tokio::test]
async fn a_flood_of_gaps_is_shown_when_somebody_wants_it() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let kettle = house.enqueue("teapots/kettle").await;
    for number in 0..30 {
        house
            .add_gap(kettle, &format!("comments of #{number}"), None)
            .await;
    }
    let address = format!("/imports/{kettle}");
    let page = ada.get(&address).await.is(200).says("Show all 30");
    assert_eq!(page.body.matches("comments of #").count(), 2 * 20);
    let page = ada
        .get(&format!("{address}?gaps=not_permitted"))
        .await
        .is(200);
    assert_eq!(page.body.matches("comments of #").count(), 2 * 30);
}

async fn ask(browser: &mut Browser, fields: &[(&str, &str)]) -> Page {
    browser.get("/imports").await;
    browser.post("/imports/ask", fields).await
}

#[tokio::test]
async fn many_are_asked_at_once_and_the_audit_log_knows_by_whom() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let kettle = house.enqueue("teapots/kettle").await.to_string();
    let pot = house.enqueue("teapots/pot").await.to_string();
    let chosen = [
        ("ask", "pause"),
        ("import", &*kettle),
        ("import", &*pot),
        ("back", "/imports?state=queued"),
    ];
    let page = ask(&mut ada, &chosen).await.is(303);
    assert_eq!(page.location(), "/imports?state=queued");
    for id in [&kettle, &pot] {
        assert_eq!(
            state(&house, id.parse().unwrap()).await,
            ImportState::Paused
        );
    }
    let page = ada.get(&format!("/imports/{kettle}")).await.is(200);
    page.says("paused an import").says("asked to halt");
    ada.get("/administration/audit").await.says("teapots/pot");
    // What makes no sense for one is told, and costs nobody the other.
    ask(&mut ada, &[("ask", "cancel"), ("import", &kettle)])
        .await
        .is(303);
    let both = [("ask", "pause"), ("import", &*kettle), ("import", &*pot)];
    ask(&mut ada, &both)
        .await
        .is(200)
        .says("an import that is cancelled cannot be paused")
        .says("1 import");
}

#[tokio::test]
async fn all_that_match_are_asked_and_nobody_else() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let kettle = house.enqueue("teapots/kettle").await;
    let oar = house.enqueue("boats/oar").await;
    let done = house.enqueue("teapots/done").await;
    let claimed = house.claim(done).await;
    house.release(&claimed, ImportEvent::Completed, None).await;
    let all = [("ask", "pause"), ("all", "1"), ("workspace", "teapots")];
    let page = ask(&mut ada, &all).await.is(303);
    assert_eq!(page.location(), "/imports");
    assert_eq!(state(&house, kettle).await, ImportState::Paused);
    assert_eq!(state(&house, oar).await, ImportState::Queued);
    assert_eq!(state(&house, done).await, ImportState::Complete);
}

#[tokio::test]
async fn who_only_looks_has_no_buttons() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("viewer").await;
    let mut viewer = house.signed_in(&house.member(1).await).await;
    let kettle = house.enqueue("teapots/kettle").await.to_string();
    for path in ["/imports".to_owned(), format!("/imports/{kettle}")] {
        let page = viewer.get(&path).await.is(200).says("teapots/kettle");
        assert!(!page.body.contains("/imports/ask"), "{path}");
        assert!(!page.body.contains("checkbox"), "{path}");
    }
    ask(&mut viewer, &[("ask", "cancel"), ("import", &kettle)])
        .await
        .is(403);
    assert_eq!(
        state(&house, kettle.parse().unwrap()).await,
        ImportState::Queued
    );
}
