//! The git bucket, for those who send git's requests.

use std::sync::Arc;
use std::time::Duration;

use bucketload_model::{
    AnswerClass, GateFuture, Leave, LedgerError, NoLeave, ProgressEvent, ProgressSink, QuotaSaid,
    RequestGate,
};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::governor::Governor;
use crate::{Client, WaitPolicy};

/// Asks a governor on the runtime where the account is at home: git has another
/// one for each transfer, and a connection to the database must not end with it.
#[derive(Debug)]
struct Gate {
    governor: Arc<Governor>,
    runtime: Handle,
    patience: WaitPolicy,
    sink: Arc<dyn ProgressSink>,
}

/// What reports call the requests of git.
const ENDPOINT: &str = "git";

impl Client {
    /// Lets git's requests through, one by one, and waits where the client does.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn git_gate(&self) -> Arc<dyn RequestGate> {
        Arc::new(Gate {
            governor: self.buckets().git.clone(),
            runtime: Handle::current(),
            patience: self.options().wait,
            sink: self.options().sink.clone(),
        })
    }
}

impl Gate {
    fn note(&self, answer: AnswerClass) {
        self.sink.emit(ProgressEvent::RequestAnswered {
            endpoint: ENDPOINT,
            answer,
        });
    }

    fn at_home<T: Send + 'static, E: From<LedgerError> + Send + 'static>(
        &self,
        question: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> GateFuture<Result<T, E>> {
        // A set of one: it ends the task when the question is dropped.
        let mut task = JoinSet::new();
        task.spawn_on(question, &self.runtime);
        Box::pin(async move {
            match task.join_next().await {
                Some(Ok(answer)) => answer,
                Some(Err(lost)) => Err(LedgerError(lost.into()).into()),
                None => Err(LedgerError("nobody keeps it any more".into()).into()),
            }
        })
    }
}

impl RequestGate for Gate {
    fn leave(&self) -> GateFuture<Result<Leave, NoLeave>> {
        let (governor, patience) = (self.governor.clone(), self.patience);
        self.at_home(async move { governor.leave(patience).await })
    }

    fn answered(&self, leave: Leave) -> GateFuture<Result<(), LedgerError>> {
        let governor = self.governor.clone();
        self.note(AnswerClass::Other);
        self.at_home(async move { governor.answered(leave, QuotaSaid::default()).await })
    }

    fn refused(&self, leave: Leave, told: Option<Duration>) -> GateFuture<Result<(), LedgerError>> {
        let governor = self.governor.clone();
        self.note(AnswerClass::RateLimited);
        self.at_home(async move { governor.refused(leave, told).await })
    }
}
