//! Lists as no honest server sends them, made by chance and always the same: whatever
//! was shown arrives, nothing goes on for ever, every request is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use bucketload_auth::Credential;
use bucketload_bitbucket::{Client, ClientOptions, Endpoint, Page, RequestErrorKind};
use bucketload_model::ErrorClass;
use futures::StreamExt as _;
use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::Deserialize;
use serde_json::{Value, json};

const CASES: u32 = 256;

/// A request is given up after so many failures in a row.
const TRIES: usize = 6;

/// At the end of a page's address behind an empty one.
const REALLY: &str = "&really=1";

/// What the server does in one crawl.
#[derive(Debug, Clone)]
struct Script {
    objects: u64,
    page_length: usize,
    /// What it says of the list's length.
    size: Size,
    /// Pages in front of which an empty one comes.
    empty: BTreeSet<usize>,
    /// Objects whose id is no number.
    unreadable: BTreeSet<u64>,
    /// Whether each page begins with the last object of the one before.
    repeats: bool,
    /// What happens to the list before the n-th answer.
    changes: BTreeMap<usize, Change>,
    /// How often the n-th answer fails before it comes, and how.
    failures: BTreeMap<usize, (usize, Failure)>,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum Size {
    Absent,
    Exact,
    TooSmall,
    TooLarge,
    Negative,
    Text,
}

/// Offsets shift with the list. What leaves it in front of the crawl takes another
/// object out of sight, which no client can see: pull requests never leave.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// At this part of the list, in percent.
    Insert(usize),
    /// At this part of what was not shown yet, in percent.
    Remove(usize),
}

#[derive(Debug, Clone, Copy)]
enum Failure {
    Unavailable,
    Page,
    NotJson,
    Disconnected,
    CutOff,
}

/// Where the last page leads.
#[derive(Debug, Clone, Copy)]
enum End {
    Nowhere,
    Null,
    /// So many pages back: 0 is itself.
    Back(usize),
    Foreign,
}

/// A crawl as the server sees it.
#[derive(Debug)]
struct Crawl {
    script: Script,
    root: String,
    /// Ids, in order.
    list: Vec<u64>,
    next_id: u64,
    removed: BTreeSet<u64>,
    requests: usize,
    /// Answers that did not fail.
    answers: usize,
    /// Failures since the last of them.
    failed: usize,
    /// How much of the list was shown.
    shown: usize,
    /// What was shown on pages that a client must believe.
    believed: Vec<Value>,
}

impl Crawl {
    fn new(script: Script, root: String) -> Self {
        Self {
            list: (0..script.objects).collect(),
            next_id: 1_000,
            removed: BTreeSet::new(),
            requests: 0,
            answers: 0,
            failed: 0,
            shown: 0,
            believed: Vec::new(),
            script,
            root,
        }
    }

    fn address(&self, page: usize) -> String {
        format!("{}/list?page={page}", self.root)
    }

    fn failure(&mut self) -> Option<Failure> {
        let (times, failure) = *self.script.failures.get(&self.answers)?;
        self.failed += 1;
        (self.failed <= times).then_some(failure)
    }

    fn change(&mut self) {
        match self.script.changes.get(&self.answers) {
            Some(Change::Insert(part)) => {
                let place = self.list.len() * part / 100;
                self.list.insert(place, self.next_id);
                self.next_id += 1;
            }
            Some(Change::Remove(part)) => {
                let unseen = self.list.len().saturating_sub(self.shown);
                if unseen > 0 {
                    let place = self.shown + unseen * part / 100;
                    self.removed.insert(self.list.remove(place));
                }
            }
            None => {}
        }
    }

    fn object(&self, id: u64) -> Value {
        if self.script.unreadable.contains(&id) {
            json!({"id": format!("number {id}")})
        } else {
            json!({"id": id, "title": "…"})
        }
    }

    /// The page, and where it leads.
    fn page(&mut self, number: usize, is_empty: bool, is_detour: bool) -> Value {
        self.change();
        self.answers += 1;
        self.failed = 0;
        let length = self.script.page_length;
        let mut page = json!({"pagelen": length});
        match self.script.size {
            Size::Absent => {}
            Size::Exact => page["size"] = self.list.len().into(),
            Size::TooSmall => page["size"] = 1.into(),
            Size::TooLarge => page["size"] = 1_000_000.into(),
            Size::Negative => page["size"] = (-1).into(),
            Size::Text => page["size"] = "many".into(),
        }
        if is_empty {
            page["values"] = json!([]);
            page["next"] = (self.address(number) + REALLY).into();
            return page;
        }
        let begin = ((number - 1) * length).min(self.list.len());
        let end = (begin + length).min(self.list.len());
        let first = begin.saturating_sub(usize::from(self.script.repeats));
        let ids = &self.list[first..end];
        let values: Vec<Value> = ids.iter().map(|id| self.object(*id)).collect();
        self.shown = self.shown.max(end);
        let is_last = end == self.list.len();
        let next = match self.script.end {
            _ if !is_last => Some(self.address(number + 1)),
            End::Nowhere | End::Null => None,
            End::Back(pages) => Some(self.address(number.saturating_sub(pages).max(1))),
            End::Foreign => Some("https://attacker.example/2.0/list?page=2".to_owned()),
        };
        // A page that leads to itself or elsewhere is refused with all that is on it.
        let own = self.address(number) + if is_detour { REALLY } else { "" };
        let is_foreign = is_last && matches!(self.script.end, End::Foreign);
        if !is_foreign && next.as_ref() != Some(&own) {
            self.believed.extend(values.iter().cloned());
        }
        page["values"] = values.into();
        if next.is_some() || matches!(self.script.end, End::Null) {
            page["next"] = next.into();
        }
        page
    }

    fn answer(&mut self, query: &str) -> Response<Body> {
        self.requests += 1;
        let number = query.split(['=', '&']).nth(1);
        let number: usize = number.and_then(|text| text.parse().ok()).unwrap();
        let is_detour = query.ends_with(REALLY);
        let is_empty = self.script.empty.contains(&number) && !is_detour;
        let mut response = Response::new(Body::empty());
        let Some(failure) = self.failure() else {
            *response.body_mut() = self.page(number, is_empty, is_detour).to_string().into();
            return response;
        };
        let half = || Ok(Bytes::from_static(b"{\"values\": [{\"id\": 1}, {"));
        let cut = || Err(std::io::Error::other("cut off"));
        *response.body_mut() = match failure {
            Failure::Unavailable => {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                Body::empty()
            }
            Failure::Page => {
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                "<html><title>502 Bad Gateway</title></html>".into()
            }
            Failure::NotJson => "<html><title>Maintenance</title></html>".into(),
            Failure::Disconnected => Body::from_stream(futures::stream::iter([cut()])),
            Failure::CutOff => Body::from_stream(futures::stream::iter([half(), cut()])),
        };
        response
    }
}

/// Only the id is asked for.
#[derive(Debug, Deserialize)]
struct Numbered {
    id: u64,
}

fn scripts() -> impl Strategy<Value = Script> {
    let size = prop_oneof![
        Just(Size::Absent),
        Just(Size::Exact),
        Just(Size::TooSmall),
        Just(Size::TooLarge),
        Just(Size::Negative),
        Just(Size::Text),
    ];
    let change = prop_oneof![
        (0..=100_usize).prop_map(Change::Insert),
        (0..100_usize).prop_map(Change::Remove),
    ];
    let failure = prop_oneof![
        Just(Failure::Unavailable),
        Just(Failure::Page),
        Just(Failure::NotJson),
        Just(Failure::Disconnected),
        Just(Failure::CutOff),
    ];
    let end = prop_oneof![
        3 => Just(End::Nowhere),
        1 => Just(End::Null),
        2 => (0..6_usize).prop_map(End::Back),
        1 => Just(End::Foreign),
    ];
    let times = prop_oneof![9 => 1..TRIES, 1 => Just(TRIES)];
    (
        (0..40_u64, 1..7_usize, size, any::<bool>(), end),
        btree_set(1..12_usize, 0..4),
        btree_set(0..40_u64, 0..4),
        btree_map(0..12_usize, change, 0..4),
        btree_map(0..12_usize, (times, failure), 0..3),
    )
        .prop_map(|(shape, empty, unreadable, changes, failures)| {
            let (objects, page_length, size, repeats, end) = shape;
            Script {
                objects,
                page_length,
                size,
                empty,
                unreadable,
                repeats,
                changes,
                failures,
                end,
            }
        })
}

/// A server whose crawl can be changed, and its REST root.
async fn serve() -> (Arc<Mutex<Option<Crawl>>>, String) {
    let crawl = Arc::new(Mutex::new(None::<Crawl>));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/2.0", listener.local_addr().unwrap());
    let shared = Arc::clone(&crawl);
    let router = Router::new().fallback(move |request: Request| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut crawl = shared.lock().unwrap();
        std::future::ready(crawl.as_mut().unwrap().answer(&query))
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (crawl, root)
}

/// Everything that the stream gave, and how it ended.
async fn walk(
    client: &Client,
    first: &str,
) -> (Vec<Page<Numbered>>, Option<RequestErrorKind>, u64) {
    let first = client.page_url(first).unwrap();
    let mut pages = Vec::new();
    let mut requests = 0;
    let mut stream = std::pin::pin!(client.pages::<Numbered>(Endpoint::PullRequests, first));
    while let Some(page) = stream.next().await {
        match page {
            Ok(page) => {
                requests += page.requests;
                pages.push(page);
            }
            Err(error) => return (pages, Some(error.kind), requests + error.requests),
        }
    }
    (pages, None, requests)
}

async fn check(
    client: &Client,
    server: &Mutex<Option<Crawl>>,
    root: &str,
    script: Script,
) -> Result<&'static str, TestCaseError> {
    *server.lock().unwrap() = Some(Crawl::new(script.clone(), root.to_owned()));
    let first = format!("{root}/list?page=1");
    let walk = walk(client, &first);
    let Ok((pages, error, requests)) = tokio::time::timeout(Duration::from_secs(20), walk).await
    else {
        return Err(TestCaseError::fail("it goes on for ever"));
    };
    let crawl = server.lock().unwrap().take().unwrap();
    prop_assert_eq!(
        requests,
        crawl.requests as u64,
        "requests are counted exactly"
    );

    // It ends as the server made it end.
    let gave_up = crawl.failed == TRIES;
    let end = match (script.end, &error) {
        (_, Some(kind)) if gave_up && kind.class() == ErrorClass::Transient => "given up",
        (End::Nowhere | End::Null, None) => "whole",
        (End::Back(_), Some(RequestErrorKind::PagesInCircle)) => "circle",
        (End::Foreign, Some(RequestErrorKind::ForeignNext { .. })) => "foreign",
        (end, error) => {
            let text = format!("{end:?} ended with {error:?}");
            return Err(TestCaseError::fail(text));
        }
    };

    // What was shown arrives, in order, each object verbatim or named unreadable.
    let items = pages.iter().flat_map(|page| &page.items);
    let delivered: Vec<u64> = items.clone().map(|item| item.value.id).collect();
    let readable = crawl.believed.iter().filter(|value| value["id"].is_u64());
    let readable: Vec<&Value> = readable.collect();
    let shown: Vec<u64> = readable
        .iter()
        .filter_map(|one| one["id"].as_u64())
        .collect();
    prop_assert_eq!(&delivered, &shown);
    for (item, value) in items.zip(&readable) {
        prop_assert_eq!(item.source.get(), value.to_string());
    }
    let unreadable: usize = pages.iter().map(|page| page.unreadable.len()).sum();
    prop_assert_eq!(unreadable, crawl.believed.len() - readable.len());

    // What was there throughout is not missed, unless the stream says that it broke off.
    if error.is_none() {
        let delivered: BTreeSet<u64> = delivered.into_iter().collect();
        let there = (0..script.objects)
            .filter(|id| !crawl.removed.contains(id) && !script.unreadable.contains(id));
        let missed: Vec<u64> = there.filter(|id| !delivered.contains(id)).collect();
        prop_assert!(missed.is_empty(), "missed: {:?}", missed);
    }

    // What is no length of a list is none.
    let nonsense = matches!(script.size, Size::Absent | Size::Negative | Size::Text);
    prop_assert!(pages.iter().all(|page| page.size.is_none() == nonsense));
    Ok(end)
}

#[test]
fn streams_of_pages_bring_what_is_shown_and_end() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (server, root) = runtime.block_on(serve());
    let mut options = ClientOptions::new(root.parse().unwrap());
    options.first_retry_delay = Duration::from_micros(100);
    options.hourly_quota = Some(0);
    let client = Client::new(options, Credential::Anonymous).unwrap();
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        // Where a crawl without end is found, each smaller one takes its time-out.
        max_shrink_iters: 200,
        ..Config::default()
    };
    // The same cases every time: a test that fails now and then helps nobody.
    let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, chance);
    let ends = Mutex::new(BTreeMap::<&str, u32>::new());
    let outcome = runner.run(&scripts(), |script| {
        let end = runtime.block_on(check(&client, &server, &root, script))?;
        *ends.lock().unwrap().entry(end).or_default() += 1;
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // Chance brought about everything.
    let ends = ends.into_inner().unwrap();
    for end in ["whole", "circle", "foreign", "given up"] {
        assert!(ends.get(end).is_some_and(|count| *count >= 10), "{ends:?}");
    }
}
