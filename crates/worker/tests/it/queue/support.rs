//! A worker in the background, and what is waited for.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bucketload_archive::DatabaseError;
use bucketload_bitbucket::{Client, ClientOptions, WaitPolicy};
use bucketload_model::{
    ImportId, ImportReport, ImportState, ProgressEvent, ProgressSink, RecordingSink,
};
use bucketload_worker::queue::{Queue, Wish, Worker, WorkerOptions};
use bucketload_worker::{Importer, LeaseTimes, RetryPolicy, Selection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Kind, Local, NAME, Remote, TOKEN, remote, small};

/// As usual, only quicker.
pub(super) fn options() -> WorkerOptions {
    WorkerOptions {
        concurrency: 2,
        retry: RetryPolicy {
            backoff: vec![Duration::from_millis(10)],
            fruitless_attempts: 3,
        },
        poll: Duration::from_millis(20),
        reconcile: Duration::from_millis(200),
        ..WorkerOptions::default()
    }
}

/// A simulator and an archive that knows it; `None` where there is no such database.
pub(super) async fn bench(kind: Kind) -> Option<(Remote, Local)> {
    let remote = remote(small()).await;
    let local = Local::on(kind, &remote).await?;
    Some((remote, local))
}

pub(super) fn wish(name: &str) -> Wish {
    Wish {
        name: name.parse().unwrap(),
        stages: Selection::default().stages().to_vec(),
        whole_lists: false,
        priority: bucketload_model::Priority::default(),
        not_before: None,
        credential: None,
    }
}

/// A client that makes room for others when the quota is spent.
pub(super) fn impatient(remote: &Remote, importer: &Importer) -> Client {
    let mut options = ClientOptions::new(remote.simulator.api_url().parse().unwrap());
    options.first_retry_delay = Duration::from_millis(1);
    options.hourly_quota = Some(0);
    options.wait = WaitPolicy::AtMost(Duration::from_millis(100));
    options.ledger = Arc::new(importer.archive.clone());
    Client::new(options, bucketload_auth::Credential::access_token(TOKEN)).unwrap()
}

pub(super) async fn queue(local: &Local) -> Queue {
    let importer = &local.importer;
    Queue::open(importer.archive.clone(), importer.clock.clone())
        .await
        .unwrap()
}

/// Puts the one repository of the world into the queue.
pub(super) async fn enqueue(local: &Local) -> (Queue, ImportId) {
    let queue = queue(local).await;
    let answers = queue.enqueue(&[wish(NAME)]).await.unwrap();
    (queue, answers[0].import())
}

/// A worker at work, until it is stopped or killed.
pub(super) struct Background {
    cancel: CancellationToken,
    task: JoinHandle<Result<(), DatabaseError>>,
}

impl Background {
    pub(super) async fn start(local: &Local) -> Self {
        Self::with(local, options()).await
    }

    pub(super) async fn with(local: &Local, options: WorkerOptions) -> Self {
        Self::of(local.importer.clone(), local.finish, options).await
    }

    /// A worker with an importer of its own, that waits so long for what is under way when
    /// it is stopped.
    pub(super) async fn of(
        mut importer: Importer,
        finish: Duration,
        options: WorkerOptions,
    ) -> Self {
        importer.times = LeaseTimes {
            // However busy the machine is, nobody is taken for dead.
            lease: Duration::from_mins(2),
            renew: Duration::from_millis(500),
            look: Duration::from_millis(50),
            finish,
        };
        importer.cancel = CancellationToken::new();
        let cancel = importer.cancel.clone();
        let worker = Worker::new(importer, options).await.unwrap();
        Self {
            cancel,
            task: tokio::spawn(worker.run()),
        }
    }

    /// As SIGKILL would, as far as a task can be killed.
    pub(super) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// As SIGTERM would.
    pub(super) async fn stop(self) {
        self.cancel.cancel();
        self.end().await.unwrap();
    }

    /// When it stops by itself.
    pub(super) async fn end(self) -> Result<(), DatabaseError> {
        within(Duration::from_secs(20), self.task).await.unwrap()
    }
}

pub(super) async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(limit, what).await;
    assert!(result.is_ok(), "it takes too long");
    result.unwrap()
}

/// Waits until something is so.
pub(super) async fn until(what: impl AsyncFn() -> bool) {
    within(Duration::from_mins(3), async {
        while !what().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub(super) async fn report(local: &Local, import: ImportId) -> ImportReport {
    local
        .importer
        .archive
        .report(import)
        .await
        .unwrap()
        .unwrap()
}

/// Waits until an import stands so.
pub(super) async fn until_state(local: &Local, import: ImportId, state: ImportState) {
    until(async || {
        let report = report(local, import).await;
        let is_hopeless = report.state.has_ended() && report.state != state;
        assert!(!is_hopeless, "{:?}: {:?}", report.state, report.error);
        report.state == state
    })
    .await;
}

/// How often runs of imports began.
pub(super) fn runs(sink: &RecordingSink) -> usize {
    let events = sink.events().into_iter();
    events
        .filter(|event| matches!(event, ProgressEvent::ImportStarted { .. }))
        .count()
}

/// Holds the thread of a run at the first event that fits, until it is let go.
#[derive(Debug)]
pub(super) struct Gate {
    fits: fn(&ProgressEvent) -> bool,
    reached: Mutex<Option<Sender<()>>>,
    go: Mutex<Receiver<()>>,
}

pub(super) struct Keeper {
    reached: Receiver<()>,
    go: Sender<()>,
}

pub(super) fn gate(fits: fn(&ProgressEvent) -> bool) -> (Arc<Gate>, Keeper) {
    let (reached_sender, reached) = channel();
    let (go, go_receiver) = channel();
    let gate = Gate {
        fits,
        reached: Mutex::new(Some(reached_sender)),
        go: Mutex::new(go_receiver),
    };
    (Arc::new(gate), Keeper { reached, go })
}

impl ProgressSink for Gate {
    fn emit(&self, event: ProgressEvent) {
        if !(self.fits)(&event) {
            return;
        }
        let reached = self.reached.lock().unwrap().take();
        if let Some(reached) = reached {
            let _ = reached.send(());
            // The other tasks of this thread go elsewhere.
            tokio::task::block_in_place(|| {
                let _ = self.go.lock().unwrap().recv();
            });
        }
    }
}

impl Keeper {
    /// Waits until the run stands at the gate.
    pub(super) fn wait(&self) {
        tokio::task::block_in_place(|| {
            self.reached.recv_timeout(Duration::from_mins(1)).unwrap();
        });
    }

    pub(super) fn let_go(&self) {
        self.go.send(()).unwrap();
    }
}

/// Panics at the first events that fit, so often.
#[derive(Debug)]
pub(super) struct Panicking {
    pub(super) fits: fn(&ProgressEvent) -> bool,
    pub(super) times: Mutex<u32>,
}

impl ProgressSink for Panicking {
    fn emit(&self, event: ProgressEvent) {
        let mut times = self.times.lock().unwrap();
        if *times > 0 && (self.fits)(&event) {
            *times -= 1;
            drop(times);
            panic!("as the test wants it");
        }
    }
}
