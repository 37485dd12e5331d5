//! Leave for each request to the git server.

use std::sync::Arc;
use std::time::Duration;

use bucketload_model::{Leave, NoLeave, RequestGate};
use tokio::sync::watch;

use super::error::MirrorError;

/// Lets the requests of one update through, and is left at once when the update
/// is cancelled.
#[derive(Debug, Clone)]
pub(super) struct Turnstile {
    /// Without one nobody counts.
    pub(super) gate: Option<Arc<dyn RequestGate>>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Turnstile {
    /// Waits until a request may be sent.
    pub(super) async fn leave(&self) -> Result<Option<Leave>, MirrorError> {
        let Some(gate) = &self.gate else {
            return Ok(None);
        };
        let leave = self.unless_cancelled(gate.leave()).await?;
        Ok(Some(leave?))
    }

    /// Tells that a request was answered, and not with 429.
    pub(super) async fn answered(&self, leave: Option<Leave>) -> Result<(), MirrorError> {
        if let (Some(gate), Some(leave)) = (&self.gate, leave) {
            let noted = self.unless_cancelled(gate.answered(leave)).await?;
            noted.map_err(NoLeave::from)?;
        }
        Ok(())
    }

    /// Tells that a request was refused with 429, which stops all others.
    pub(super) async fn refused(
        &self,
        leave: Option<Leave>,
        told: Option<Duration>,
    ) -> Result<(), MirrorError> {
        if let (Some(gate), Some(leave)) = (&self.gate, leave) {
            let noted = self.unless_cancelled(gate.refused(leave, told)).await?;
            noted.map_err(NoLeave::from)?;
        }
        Ok(())
    }

    async fn unless_cancelled<T>(
        &self,
        question: impl Future<Output = T>,
    ) -> Result<T, MirrorError> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Err(MirrorError::Cancelled),
            answer = question => Ok(answer),
        }
    }
}

/// Asks from a thread that may block.
pub(super) fn block_on<T>(
    question: impl Future<Output = Result<T, MirrorError>>,
) -> Result<T, MirrorError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|source| MirrorError::Network {
        source: source.into(),
    })?;
    runtime.block_on(question)
}
