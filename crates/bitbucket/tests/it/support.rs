//! A simulator, clients for it, scripted answers, and a sink that can be waited for.

use std::sync::Arc;
use std::time::Duration;

use bucketload_auth::Credential;
use bucketload_bitbucket::{
    Client, ClientOptions, Endpoint, Page, PageUrl, RequestError, RequestErrorKind,
};
use bucketload_model::{
    AnswerClass, Clock, ProgressEvent, ProgressSink, RecordingSink, RepositoryName,
};
use bucketload_simulator::{
    Control, Effect, Fault, SeedOptions, Simulator, SimulatorOptions, World,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

pub(crate) const TOKEN: &str = "simulator-full-access";

/// A simulator and a client whose retries come at once.
pub(crate) struct Double {
    pub(crate) simulator: Simulator,
    pub(crate) control: Control,
    pub(crate) client: Client,
    pub(crate) sink: Arc<WatchedSink>,
}

/// A clock that goes with tokio's, which tests can move.
#[derive(Debug)]
pub(crate) struct TokioClock(pub(crate) tokio::time::Instant);

impl Clock for TokioClock {
    fn now(&self) -> DateTime<Utc> {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        start + TimeDelta::from_std(self.0.elapsed()).unwrap()
    }
}

/// One commit only: nothing here looks at git.
pub(crate) fn small() -> SeedOptions {
    SeedOptions {
        git_commits: 1,
        ..SeedOptions::default()
    }
}

pub(crate) async fn double() -> Double {
    seeded(small()).await
}

pub(crate) async fn seeded(options: SeedOptions) -> Double {
    with(options, |_| {}, Credential::access_token(TOKEN)).await
}

pub(crate) async fn with(
    seed: SeedOptions,
    change: impl FnOnce(&mut ClientOptions),
    credential: Credential,
) -> Double {
    let world = World::seeded(seed).unwrap();
    let simulator = Simulator::start(SimulatorOptions::default(), world)
        .await
        .unwrap();
    let sink = Arc::new(WatchedSink::default());
    let mut options = ClientOptions::new(simulator.api_url().parse().unwrap());
    options.first_retry_delay = Duration::from_millis(1);
    options.sink = sink.clone();
    options.clock = Arc::new(TokioClock(tokio::time::Instant::now()));
    change(&mut options);
    let client = Client::new(options, credential).unwrap();
    let control = simulator.control();
    Double {
        simulator,
        control,
        client,
        sink,
    }
}

pub(crate) fn name() -> RepositoryName {
    "seaside/lighthouse".parse().unwrap()
}

impl Double {
    /// An address below the REST root that only scripted answers know.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.simulator.api_url())
    }

    pub(crate) fn list(&self) -> (Endpoint, PageUrl) {
        self.client.pull_requests(&name())
    }

    /// The first page of pull requests.
    pub(crate) async fn page<T: DeserializeOwned>(&self) -> Result<Page<T>, RequestError> {
        let (endpoint, first) = self.list();
        self.client.page(endpoint, &first).await
    }

    /// Every page of a list.
    pub(crate) async fn all<T: DeserializeOwned>(
        &self,
        (endpoint, first): (Endpoint, PageUrl),
    ) -> Result<Vec<Page<T>>, RequestError> {
        self.client.pages(endpoint, first).try_collect().await
    }

    /// What becomes of the first page of pull requests when this happens to every request.
    pub(crate) async fn error_of(&self, effect: Effect) -> RequestError {
        self.control.clear_faults();
        self.control.reset_log();
        self.control.add_fault(Fault::on_path("/2.0/", effect));
        self.page::<Value>().await.unwrap_err()
    }

    /// Lets the n-th request from now be answered with the n-th of these bodies.
    pub(crate) fn script(&self, bodies: &[String]) {
        self.control.reset_log();
        for (number, body) in (1..).zip(bodies) {
            self.control.add_fault(Fault::on_request(number, ok(body)));
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.control.requests().len()
    }
}

/// This body with status 200.
pub(crate) fn ok(body: &str) -> Effect {
    status(200, &[], body)
}

pub(crate) fn status(status: u16, headers: &[(&str, &str)], body: &str) -> Effect {
    let headers = headers.iter();
    Effect::Answer {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

pub(crate) fn ids(pages: &[Page<Value>]) -> Vec<u64> {
    let items = pages.iter().flat_map(|page| &page.items);
    items
        .map(|item| item.value["id"].as_u64().unwrap())
        .collect()
}

pub(crate) fn status_of(error: &RequestError) -> u16 {
    match &error.kind {
        RequestErrorKind::Status { status, .. } => *status,
        kind => panic!("no status: {kind:?}"),
    }
}

/// Keeps every event, and wakes whoever waits for one that is no answer.
#[derive(Debug)]
pub(crate) struct WatchedSink {
    events: RecordingSink,
    answers: RecordingSink,
    count: watch::Sender<usize>,
}

impl Default for WatchedSink {
    fn default() -> Self {
        Self {
            events: RecordingSink::default(),
            answers: RecordingSink::default(),
            count: watch::Sender::new(0),
        }
    }
}

impl ProgressSink for WatchedSink {
    fn emit(&self, event: ProgressEvent) {
        if matches!(event, ProgressEvent::RequestAnswered { .. }) {
            self.answers.emit(event);
            return;
        }
        self.events.emit(event);
        self.count.send_modify(|count| *count += 1);
    }
}

impl WatchedSink {
    /// All events but answers.
    pub(crate) fn events(&self) -> Vec<ProgressEvent> {
        self.events.events()
    }

    /// What requests for a kind of thing were answered with.
    pub(crate) fn answers(&self, of: Endpoint) -> Vec<AnswerClass> {
        let answers = self.answers.events().into_iter();
        answers
            .filter_map(|event| match event {
                ProgressEvent::RequestAnswered { endpoint, answer } if endpoint == of.name() => {
                    Some(answer)
                }
                _ => None,
            })
            .collect()
    }

    /// Resolves when so many events have come.
    pub(crate) async fn wait_for(&self, count: usize) {
        let mut changed = self.count.subscribe();
        changed.wait_for(|now| *now >= count).await.unwrap();
    }
}
