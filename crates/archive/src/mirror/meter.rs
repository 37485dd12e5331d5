//! How far a transfer is, and the thread that tells.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bucketload_model::{GitPhase, GitSegment, GitTransfer};
use prodash::tree;
use tokio::sync::watch;

use super::http::HttpState;

/// Ten times a second: smooth for an eye, nothing for a processor, and a
/// cancellation is seen well within a second.
const TICK: Duration = Duration::from_millis(100);

/// Collects how far the carrier is.
#[derive(Default)]
pub(super) struct Meter {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    transfer: GitTransfer,
    /// Bytes that came before the carrier of now.
    before_bytes: u64,
    gix: Option<(Arc<tree::Root>, Arc<HttpState>)>,
}

impl Meter {
    /// Begins anew, with another carrier, after so many bytes.
    pub(super) fn begin(&self, before_bytes: u64) {
        *self.lock() = State {
            before_bytes,
            ..State::default()
        };
    }

    /// Begins a segment, with the same carrier.
    pub(super) fn begin_segment(&self, segment: GitSegment) {
        let mut state = self.lock();
        // gix counts the bytes of all its requests, git those of its pack.
        if state.gix.is_none() {
            state.before_bytes += state.transfer.received_bytes;
        }
        state.transfer = GitTransfer {
            segment: Some(segment),
            ..GitTransfer::default()
        };
    }

    /// Changes what is known.
    pub(super) fn set(&self, change: impl FnOnce(&mut GitTransfer)) {
        change(&mut self.lock().transfer);
    }

    /// Reads from gix from now on.
    pub(super) fn follow_gix(&self, tree: &Arc<tree::Root>, http: Arc<HttpState>) {
        self.lock().gix = Some((Arc::clone(tree), http));
    }

    /// How far it is now.
    pub(super) fn read(&self) -> GitTransfer {
        let mut state = self.lock();
        if let Some((tree, http)) = state.gix.clone() {
            read_gix(&tree, &http, &mut state.transfer);
        }
        let mut transfer = state.transfer;
        transfer.received_bytes += state.before_bytes;
        transfer
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds the counters of gix by their ids; the names are for people.
fn read_gix(tree: &tree::Root, http: &HttpState, transfer: &mut GitTransfer) {
    use gix_pack::index::write::ProgressId;

    transfer.received_bytes = http.received.load(Ordering::Relaxed);
    if transfer.phase == GitPhase::Finishing {
        return;
    }
    let mut tasks = Vec::new();
    tree.sorted_snapshot(&mut tasks);
    for (_, task) in tasks {
        let Some(value) = task.progress else { continue };
        let step = value.step.load(Ordering::Relaxed) as u64;
        let total = value.done_at.map(|total| total as u64);
        if task.id == <[u8; 4]>::from(ProgressId::IndexObjects) {
            transfer.phase = GitPhase::Receiving;
            transfer.received_objects = step;
            transfer.total_objects = total;
        } else if task.id == <[u8; 4]>::from(ProgressId::ResolveObjects) && total.is_some() {
            transfer.phase = GitPhase::Resolving;
            transfer.resolved_deltas = step;
            transfer.total_deltas = total;
        }
    }
}

/// Runs `work`, and beside it a thread that passes progress on and turns
/// `cancel` into a signal which waiting code wakes up to.
pub(super) fn watched<T>(
    meter: &Meter,
    progress: &(dyn Fn(GitTransfer) + Send + Sync),
    cancel: &AtomicBool,
    work: impl FnOnce(watch::Receiver<bool>) -> T,
) -> T {
    let (stop, stopped) = watch::channel(cancel.load(Ordering::Relaxed));
    let (done, is_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut last = None;
            loop {
                let ended = is_done.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout);
                if cancel.load(Ordering::Relaxed) {
                    stop.send_if_modified(|stop| !std::mem::replace(stop, true));
                }
                let now = meter.read();
                if last != Some(now) {
                    progress(now);
                    last = Some(now);
                }
                if ended {
                    return;
                }
            }
        });
        let result = work(stopped);
        drop(done);
        result
    })
}
