//! What happens to imports reaches who looks, whoever makes it happen.

use std::collections::BTreeMap;

use bucketload_model::{ImportEvent, Stage, UserRole, UserState};
use reqwest::header;
use serde_json::Value;

use crate::support::{Browser, House, between};

/// Somebody who listens.
pub(crate) struct Listening {
    response: reqwest::Response,
    text: String,
}

/// One event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) kind: String,
    id: Option<String>,
    pub(crate) data: String,
}

impl Event {
    fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

impl Listening {
    pub(crate) async fn begin(browser: &Browser, after: &str, last: Option<&str>) -> Self {
        let mut request = browser
            .http
            .get(browser.address(&format!("/events?after={after}")))
            .header(
                header::COOKIE,
                browser.cookie.as_deref().unwrap_or_default(),
            );
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event; nothing once it is over.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let fields: BTreeMap<&str, &str> = event
                    .lines()
                    .filter_map(|line| line.split_once(':'))
                    .map(|(name, value)| (name, value.trim_start()))
                    .collect();
                let event = fields.get("event").map(|kind| Event {
                    kind: (*kind).to_owned(),
                    id: fields.get("id").map(|id| (*id).to_owned()),
                    data: fields["data"].to_owned(),
                });
                let rest = rest.to_owned();
                self.text = rest;
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// Waits for an event that is wanted, whatever comes before it.
    async fn until(&mut self, is_wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if is_wanted(&event) {
                return event;
            }
        }
    }

    async fn until_state(&mut self, state: &str) -> Event {
        self.until(|event| event.kind == "import" && event.json()["state"] == state)
            .await
    }
}

/// The last event that a page knows of.
async fn seen_until(browser: &mut Browser) -> String {
    let page = browser.get("/imports").await.is(200);
    between(&page.body, "data-events=\"", "\"")
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn what_other_processes_do_is_told_as_it_happens() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let after = seen_until(&mut ada).await;
    let mut events = Listening::begin(&ada, &after, None).await;
    // Nobody listened when the page was made.
    assert_eq!(events.next().await.unwrap().kind, "anew");
    let kettle = house.enqueue("teapots/kettle").await;
    let event = events.until_state("queued").await;
    assert_eq!(event.json()["id"], kettle.to_string());
    let counts = events.until(|event| event.kind == "counts").await.json();
    assert_eq!(
        (&counts["queued"], &counts["running"]),
        (&1.into(), &0.into())
    );
    let claimed = house.claim(kettle).await;
    events.until_state("running").await;
    house.advance(kettle, Stage::PullRequests, 20, 80).await;
    let moved = events.until(|event| event.data.contains("20 of 80")).await;
    assert!(moved.data.contains("<progress"), "{}", moved.data);
    house.release(&claimed, ImportEvent::Completed, None).await;
    let event = events.until_state("complete").await;
    assert_eq!(event.json()["said"], "teapots/kettle: complete");
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let mut others = Listening::begin(&ada, "", None).await;
    let first = others.next().await.unwrap();
    let kettle = house.enqueue("teapots/kettle").await;
    others.until_state("queued").await;
    let mut late = Listening::begin(&ada, "", first.id.as_deref()).await;
    assert_eq!(late.next().await.unwrap().kind, "ready");
    let missed = late.until_state("queued").await;
    assert_eq!(missed.json()["id"], kettle.to_string());
    // The browser's own word is newer than the page's.
    let seen = seen_until(&mut ada).await;
    let mut again = Listening::begin(&ada, first.id.as_deref().unwrap(), Some(&seen)).await;
    assert_eq!(again.next().await.unwrap().kind, "ready");
    house.claim(kettle).await;
    let next = again.until(|event| event.kind == "import").await;
    assert_eq!(next.json()["state"], "running");
    let mut strange = Listening::begin(&ada, "7-1", None).await;
    assert_eq!(strange.next().await.unwrap().kind, "anew");
}

#[tokio::test]
async fn an_import_whose_process_is_gone_is_told_without_a_word_in_the_database() {
    let house = House::new().await;
    let ada = house.administrator().await;
    let kettle = house.enqueue("teapots/kettle").await;
    house.claim(kettle).await;
    let mut events = Listening::begin(&ada, "", None).await;
    events.until_state("running").await;
    house.clock.advance(chrono::Duration::minutes(11));
    let event = events.until_state("queued").await;
    assert!(event.data.contains("its worker is gone"), "{}", event.data);
}

#[tokio::test]
async fn nobody_listens_who_may_not_look() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("viewer").await;
    let mut stranger = house.browser();
    let page = stranger.get("/events").await.is(303);
    assert!(page.location().starts_with("/sign-in"));
    let viewer = house.signed_in(&house.member(1).await).await;
    let user = house.archive.users().await.unwrap().pop().unwrap();
    house
        .set_user(user.id, UserRole::Viewer, UserState::Pending)
        .await;
    viewer.clone().get("/events").await.is(403);
}

#[tokio::test]
async fn streams_end_with_the_process() {
    let house = House::new().await;
    let ada = house.administrator().await;
    let mut events = Listening::begin(&ada, "", None).await;
    events.next().await.unwrap();
    house.stopping.cancel();
    while events.next().await.is_some() {}
}
