//! What becomes of an import whose run failed, decided in one place by the class of the
//! failure alone. What a failed request means to a stage stands in `failure`.

use std::time::Duration;

use bucketload_archive::DatabaseError;
use bucketload_archive::mirror::MirrorError;
use bucketload_bitbucket::RequestErrorKind;
use bucketload_model::ErrorClass;
use chrono::{DateTime, Utc};

use crate::StageError;

/// How often, and how soon, a failed import is tried again.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// How long to wait after the first attempt that brought nothing forward, the second,
    /// and so on; the last one for all further ones.
    pub backoff: Vec<Duration>,
    /// Attempts in a row that bring nothing forward, after which nobody tries again.
    pub fruitless_attempts: u64,
}

impl Default for RetryPolicy {
    /// An outage of an hour and a half is outlived.
    fn default() -> Self {
        Self {
            backoff: [30, 120, 600, 1_800, 3_600].map(Duration::from_secs).into(),
            fruitless_attempts: 6,
        }
    }
}

/// What becomes of a failed import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It waits for quota, if it is known until when.
    WaitUntil(Option<DateTime<Utc>>),
    /// It is tried again after a while.
    RetryAfter(Duration),
    /// Nobody tries again by himself.
    Fail,
}

impl RetryPolicy {
    /// What becomes of an import. `fruitless` is how many attempts in a row, this one
    /// included, brought nothing forward.
    pub(crate) fn decide(&self, error: &StageError, fruitless: u64) -> Verdict {
        match error.class() {
            ErrorClass::RateLimited => Verdict::WaitUntil(quota_returns(error)),
            ErrorClass::Transient => self.again(fruitless),
            ErrorClass::Permanent if is_of_this_machine(error) => self.again(fruitless),
            ErrorClass::Unauthorized
            | ErrorClass::Forbidden
            | ErrorClass::NotFound
            | ErrorClass::Gone
            | ErrorClass::Cancelled
            | ErrorClass::Permanent => Verdict::Fail,
        }
    }

    fn again(&self, fruitless: u64) -> Verdict {
        if fruitless >= self.fruitless_attempts {
            return Verdict::Fail;
        }
        let index = usize::try_from(fruitless.saturating_sub(1)).unwrap_or(usize::MAX);
        let pause = self.backoff.get(index).or(self.backoff.last());
        Verdict::RetryAfter(pause.copied().unwrap_or_default())
    }
}

/// A disk that is full is emptied, a database that was locked is free again; and what broke
/// off once because of a defect may not do so twice.
fn is_of_this_machine(error: &StageError) -> bool {
    match error {
        StageError::Database(DatabaseError::DiskFull(_) | DatabaseError::Sql(_))
        | StageError::File(_)
        | StageError::Lost
        | StageError::Mirror(
            MirrorError::DiskFull { .. } | MirrorError::Busy { .. } | MirrorError::Io { .. },
        ) => true,
        StageError::Request(error) => matches!(error.kind, RequestErrorKind::Ledger(_)),
        StageError::Outage { .. }
        | StageError::Mirror(_)
        | StageError::Database(_)
        | StageError::Copy(_)
        | StageError::Credential(_)
        | StageError::Cancelled
        | StageError::LeaseLost => false,
    }
}

/// When the quota is there again.
pub(crate) fn quota_returns(error: &StageError) -> Option<DateTime<Utc>> {
    match error {
        StageError::Request(error) => match error.kind {
            RequestErrorKind::QuotaSpent { until } => Some(until),
            _ => None,
        },
        StageError::Mirror(MirrorError::QuotaSpent { until }) => Some(*until),
        _ => None,
    }
}

/// What a person can do about an import that nobody tries again by himself.
pub(crate) fn remedy(error: &StageError) -> &'static str {
    match error.class() {
        ErrorClass::Unauthorized => {
            "connect Bitbucket again on the account page of the dashboard, or give a credential that \
             is valid, then retry the import"
        }
        ErrorClass::Forbidden => "give a credential that may read the repository, then retry",
        ErrorClass::NotFound | ErrorClass::Gone => {
            "check the name, and that the credential may see the repository, then retry"
        }
        ErrorClass::Transient => "check that Bitbucket can be reached, then retry",
        ErrorClass::Permanent if is_of_this_machine(error) => {
            "check the disk and the log, then retry"
        }
        ErrorClass::RateLimited | ErrorClass::Cancelled | ErrorClass::Permanent => {
            "retry; if it stays, please report it"
        }
    }
}

#[cfg(test)]
mod tests {
    use bucketload_bitbucket::{Endpoint, RequestError};

    use super::*;

    fn request(kind: RequestErrorKind) -> StageError {
        StageError::from(RequestError {
            endpoint: Endpoint::Repository,
            url: "https://api.bitbucket.org/2.0/x".parse().unwrap(),
            requests: 1,
            kind,
        })
    }

    fn status(status: u16) -> StageError {
        request(RequestErrorKind::Status {
            status,
            message: String::new(),
            accepted_scopes: None,
            granted_scopes: None,
        })
    }

    fn policy() -> RetryPolicy {
        RetryPolicy {
            backoff: vec![Duration::from_secs(1), Duration::from_secs(2)],
            fruitless_attempts: 4,
        }
    }

    #[test]
    fn the_class_decides() {
        let until = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let again = Verdict::RetryAfter(Duration::from_secs(1));
        let table = [
            (
                request(RequestErrorKind::QuotaSpent { until }),
                Verdict::WaitUntil(Some(until)),
            ),
            (status(503), again.clone()),
            (status(401), Verdict::Fail),
            (status(403), Verdict::Fail),
            (status(404), Verdict::Fail),
            (status(410), Verdict::Fail),
            (request(RequestErrorKind::PagesInCircle), Verdict::Fail),
            (StageError::Lost, again.clone()),
            (StageError::File(std::io::Error::other("x")), again),
        ];
        for (error, verdict) in table {
            assert_eq!(policy().decide(&error, 1), verdict, "{error:?}");
        }
    }

    #[test]
    fn pauses_grow_and_patience_ends() {
        let verdicts: Vec<_> = (0..=4)
            .map(|fruitless| policy().decide(&status(503), fruitless))
            .collect();
        let after = |seconds| Verdict::RetryAfter(Duration::from_secs(seconds));
        assert_eq!(
            verdicts,
            [after(1), after(1), after(2), after(2), Verdict::Fail]
        );
    }
}
