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
    AbortOnDropHandle::new(tokio::spawn(async move {
        signal().await;
        bars.suspend(|| output::note(says));
        cancel.cancel();
        signal().await;
        #[expect(
            clippy::disallowed_methods,
            reason = "the second signal means at once; every commit so far is durable"
        )]
        std::process::exit(i32::from(Exit::Interrupted.code()));
    }))
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
