//! Requests take leave before they are sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bucketload_archive::mirror::{MirrorError, MirrorUpdate, TransportKind, UpdateOptions};
use bucketload_model::{ErrorClass, GateFuture, Leave, LedgerError, NoLeave, RequestGate};

use super::fixture::{Fixture, everything_said, noon};
use super::server::Server;
use super::with_both_transports;

with_both_transports!(
    every_update_takes_leave_for_its_requests,
    a_closed_gate_keeps_every_request_back,
    a_refusal_is_told_with_its_end,
    cancelling_ends_a_wait_for_leave_within_a_second,
    an_account_that_cannot_be_kept_stops_the_update,
);

/// How a gate answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Open,
    Waits,
    Closed,
    Broken,
}

/// What was asked of it, in short words.
#[derive(Debug)]
struct Gate {
    mood: Mood,
    log: Log,
    asked: mpsc::Sender<()>,
}

type Log = Arc<Mutex<Vec<String>>>;

fn gate(mood: Mood) -> (Arc<dyn RequestGate>, Log, mpsc::Receiver<()>) {
    let log = Arc::new(Mutex::default());
    let (asked, is_asked) = mpsc::channel();
    let gate = Gate {
        mood,
        log: Arc::clone(&log),
        asked,
    };
    (Arc::new(gate), log, is_asked)
}

impl Gate {
    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }
}

impl RequestGate for Gate {
    fn leave(&self) -> GateFuture<Result<Leave, NoLeave>> {
        self.note("leave");
        self.asked.send(()).ok();
        let mood = self.mood;
        Box::pin(async move {
            match mood {
                Mood::Open => Ok(Leave {
                    sent_at: noon(),
                    is_probe: false,
                }),
                Mood::Waits => std::future::pending().await,
                Mood::Closed => Err(NoLeave::Until(noon())),
                Mood::Broken => Err(NoLeave::Ledger(LedgerError("no disk".into()))),
            }
        })
    }

    fn answered(&self, _leave: Leave) -> GateFuture<Result<(), LedgerError>> {
        self.note("answered");
        Box::pin(std::future::ready(Ok(())))
    }

    fn refused(
        &self,
        _leave: Leave,
        told: Option<Duration>,
    ) -> GateFuture<Result<(), LedgerError>> {
        self.note(format!("refused {:?}", told.map(|told| told.as_secs())));
        Box::pin(std::future::ready(Ok(())))
    }
}

fn update(fixture: &Fixture, gate: &Arc<dyn RequestGate>) -> Result<MirrorUpdate, MirrorError> {
    let cancel = AtomicBool::new(false);
    let mut options = UpdateOptions::new(noon(), &|_| {}, &cancel);
    options.transport = fixture.transport;
    options.gate = Some(gate);
    fixture.mirror().update(&fixture.remote(), &options)
}

fn requests(server: &Server) -> usize {
    server.take_seen().len()
}

fn every_update_takes_leave_for_its_requests(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let count = |log: &Mutex<Vec<String>>, what: &str| {
        let log = log.lock().unwrap();
        log.iter().filter(|one| *one == what).count()
    };
    // A first fetch, nothing new, and a second fetch.
    for step in 0..3 {
        if step == 2 {
            fixture.origin.commit("refs/heads/main", 3);
        }
        let (gate, log, _) = gate(Mood::Open);
        update(&fixture, &gate).unwrap();
        let sent = requests(&fixture.server);
        assert!(sent >= 2, "{sent}");
        assert_eq!(count(&log, "leave"), sent, "step {step}");
        if transport == TransportKind::Gix {
            assert_eq!(count(&log, "answered"), sent, "step {step}");
        }
    }
    fixture.assert_sound();
}

fn a_closed_gate_keeps_every_request_back(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let (gate, _, _) = gate(Mood::Closed);
    let error = update(&fixture, &gate).unwrap_err();
    assert!(matches!(error, MirrorError::QuotaSpent { until } if until == noon()));
    assert_eq!(error.class(), ErrorClass::RateLimited);
    assert_eq!(requests(&fixture.server), 0);
}

fn a_refusal_is_told_with_its_end(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.server.behave(|it| it.status = Some(429));
    let (gate, log, _) = gate(Mood::Open);
    let error = update(&fixture, &gate).unwrap_err();
    assert!(
        matches!(error, MirrorError::RateLimited { .. }),
        "{error:?}"
    );
    let log = log.lock().unwrap();
    let told = match transport {
        TransportKind::Gix => "refused Some(7)",
        // The program does not say what came beside the status.
        _ => "refused None",
    };
    assert_eq!(log.last().map(String::as_str), Some(told), "{log:?}");
}

fn cancelling_ends_a_wait_for_leave_within_a_second(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let (gate, _, is_asked) = gate(Mood::Waits);
    let cancel = AtomicBool::new(false);
    let mut options = UpdateOptions::new(noon(), &|_| {}, &cancel);
    options.transport = transport;
    options.gate = Some(&gate);
    let (mirror, remote) = (fixture.mirror(), fixture.remote());
    let (error, took) = std::thread::scope(|scope| {
        let update = scope.spawn(|| mirror.update(&remote, &options));
        is_asked.recv().unwrap();
        let asked = Instant::now();
        cancel.store(true, Ordering::Relaxed);
        (update.join().unwrap().unwrap_err(), asked.elapsed())
    });
    assert_eq!(error.class(), ErrorClass::Cancelled, "{error:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(requests(&fixture.server), 0);
}

fn an_account_that_cannot_be_kept_stops_the_update(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let (gate, _, _) = gate(Mood::Broken);
    let error = update(&fixture, &gate).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert!(everything_said(&error).contains("no disk"), "{error:?}");
    assert_eq!(requests(&fixture.server), 0);
}
