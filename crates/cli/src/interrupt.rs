//! Ctrl-C and SIGTERM: the first stops cleanly, the second at once.

use indicatif::MultiProgress;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::messages::Exit;
use crate::output;

/// Cancels `cancel` on the first signal and ends the process on the second, until the
/// handle is dropped. What it says to the first goes above the bars.
#[must_use = "signals are watched as long as the handle lives"]
pub(crate) fn watch(
    cancel: CancellationToken,
    bars: MultiProgress,
    says: &'static str,
) -> AbortOnDropHandle<()> {
    // Caught from now on, and not only once the task has its first turn.
    let mut signals = Signals::new();
    AbortOnDropHandle::new(tokio::spawn(async move {
        signals.next().await;
        bars.suspend(|| output::note(says));
        cancel.cancel();
        signals.next().await;
        #[expect(
            clippy::disallowed_methods,
            reason = "the second signal means at once; every commit so far is durable"
        )]
        std::process::exit(i32::from(Exit::Interrupted.code()));
    }))
}

/// Ctrl-C and SIGTERM, where they can be caught.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) {
        async fn one(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = one(&mut self.interrupt) => {}
            () = one(&mut self.terminate) => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    const fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
