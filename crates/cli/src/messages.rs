//! What a person sees when something goes wrong: what happened, on what, why,
//! what to do. And the exit codes.

mod archive;
mod credentials;
mod database;
mod issues;
mod saved_images;
mod server;
mod stopping;
mod wiki;

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use bucketload_archive::mirror::MirrorError;
use bucketload_archive::{DataDirError, DatabaseError};
use bucketload_auth::CredentialSource;
use bucketload_bitbucket::{BuildError, RequestError, RequestErrorKind};
use bucketload_model::{ErrorClass, ImportReport, ImportState, ParseSourceError};
use bucketload_simulator::SimulatorError;
use bucketload_worker::queue::QueueError;
use bucketload_worker::{ImportError, SelectionError, StageError};
use chrono::{DateTime, Utc};

use crate::output;

pub(crate) use archive::{DAMAGED_ARCHIVE, DAMAGED_MIRROR};
pub(crate) use issues::{issue_export_failure, with_offline};
pub(crate) use saved_images::saved_images_failure;
pub(crate) use stopping::{STOPPING, STOPPING_IMPORT, STOPPING_WORK, stopped_work};
pub(crate) use wiki::wiki_copy_failure;

pub(crate) use credentials::{
    app_password, callback_elsewhere, cannot_listen, ended, needs_email, needs_workspace,
    no_consumer, no_token, token_failure, whose_token,
};

/// How the command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything is there.
    Complete,
    /// Finished, and objects are missing.
    Gaps,
    /// Failed; it can be run again.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// The credential is missing, wrong or not enough.
    NotAuthorised,
    /// The quota is spent and the caller did not want to wait.
    Quota,
    /// Stopped on request; it can be resumed.
    Interrupted,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Gaps => 3,
            Self::NotAuthorised => 4,
            Self::Quota => 5,
            Self::Interrupted => 130,
        }
    }

    /// How an import ended.
    pub(crate) fn of_report(report: &ImportReport, failure: Option<&StageError>) -> Self {
        match (report.state, failure.map(StageError::class)) {
            (ImportState::Complete, _) => Self::Complete,
            (ImportState::CompleteWithGaps, _) => Self::Gaps,
            (_, Some(class)) => Self::of_class(class),
            (_, None) => Self::Failed,
        }
    }

    const fn of_class(class: ErrorClass) -> Self {
        match class {
            ErrorClass::Unauthorized | ErrorClass::Forbidden => Self::NotAuthorised,
            ErrorClass::RateLimited => Self::Quota,
            ErrorClass::Cancelled => Self::Interrupted,
            ErrorClass::Transient
            | ErrorClass::NotFound
            | ErrorClass::Gone
            | ErrorClass::Permanent => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Something that keeps a command from doing what it was asked.
#[derive(Debug)]
pub(crate) struct Problem {
    what: String,
    causes: Vec<String>,
    remedy: Option<String>,
    exit: Exit,
}

impl Problem {
    /// A problem with its cause.
    pub(crate) fn of(what: impl Into<String>, error: &dyn Error) -> Self {
        Self {
            what: what.into(),
            causes: causes(error),
            remedy: None,
            exit: Exit::Failed,
        }
    }

    /// A problem that is an error in its own words.
    fn from_error(error: &dyn Error) -> Self {
        let mut causes = causes(error);
        Self {
            what: causes.remove(0),
            causes,
            remedy: None,
            exit: Exit::Failed,
        }
    }

    /// A wrong command line or configuration.
    pub(crate) fn usage(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            causes: Vec::new(),
            remedy: Some(remedy.into()),
            exit: Exit::Usage,
        }
    }

    fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn with_usage_exit(self) -> Self {
        self.with_exit(Exit::Usage)
    }

    /// How the command ends because of it.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// What happened and why, without a break.
    pub(crate) fn in_one_line(&self) -> String {
        let mut line = self.what.clone();
        for cause in &self.causes {
            line.push_str(": ");
            line.push_str(cause);
        }
        line
    }

    /// What to do about it.
    pub(crate) fn what_to_do(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for cause in &self.causes {
            write!(f, "\n  because: {cause}")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "\n  what to do: {remedy}")?;
        }
        Ok(())
    }
}

/// The messages of an error and its causes, safe for a terminal, each once.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = vec![output::printable(&error.to_string())];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = output::printable(&error.to_string());
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        cause = error.source();
    }
    causes
}

/// Prints a problem and returns how the command ends.
pub(crate) fn report(problem: &Problem) -> Exit {
    output::complain(&problem.to_string());
    problem.exit
}

const RUN_AGAIN: &str = "run the same command again: it goes on where it stopped";
const DISK_FULL: &str = "free some space, then run the same command again: it goes on where it \
                         stopped";

/// Why an import of `source` could not end.
pub(crate) fn import_failure(
    source: &str,
    error: &StageError,
    credential: &CredentialSource,
) -> Problem {
    let problem = match error {
        StageError::Request(error) | StageError::Outage { source: error, .. } => {
            return request_failure(source, error, credential);
        }
        StageError::Cancelled => return stopped(source),
        StageError::LeaseLost => {
            Problem::of(format!("the import of {source} goes on elsewhere"), error)
                .remedy(format!("“bucketload status {source}” shows how it goes"))
        }
        StageError::Database(DatabaseError::DiskFull(_))
        | StageError::Mirror(MirrorError::DiskFull { .. }) => {
            Problem::of(format!("the disk is full while importing {source}"), error)
                .remedy(DISK_FULL)
        }
        StageError::File(cause) if cause.kind() == std::io::ErrorKind::StorageFull => {
            Problem::of(format!("the disk is full while importing {source}"), error)
                .remedy(DISK_FULL)
        }
        StageError::Mirror(cause @ MirrorError::Busy { .. }) => {
            Problem::of(format!("cannot update the git mirror of {source}"), cause)
                .remedy("wait for the other one to end, or stop it")
        }
        StageError::Mirror(cause @ MirrorError::QuotaSpent { until }) => Problem::of(
            format!("the quota of git requests is spent, importing {source}"),
            cause,
        )
        .remedy(run_again_after(*until)),
        StageError::Mirror(cause) => Problem::of(
            format!("cannot bring the git history of {source} home"),
            cause,
        )
        .remedy(format!(
            "{RUN_AGAIN}; --git-transport git uses the git program"
        )),
        StageError::Database(cause @ (DatabaseError::Away(_) | DatabaseError::Conflict(_))) => {
            Problem::of(format!("cannot store what came from {source}"), cause).remedy(format!(
                "see that the database's server runs, then {RUN_AGAIN}"
            ))
        }
        StageError::Credential(cause) => {
            Problem::of(format!("cannot go on with importing {source}"), cause)
                .remedy(credentials::grant_remedy(cause.class()))
        }
        StageError::Database(cause) => {
            Problem::of(format!("cannot store what came from {source}"), cause)
                .remedy("check the disk and the data directory, then run the same command again")
        }
        StageError::File(cause) => Problem::of(
            format!("cannot change the archive of {source}"),
            cause,
        )
        .remedy(
            "check the permissions of the data directory, and the object store if there is one, \
                 then run the same command again",
        ),
        StageError::Copy(cause) => Problem::of(
            format!("cannot share the git mirror of {source}"),
            cause,
        )
        .remedy(
            "bring the object back if the store keeps versions, or import on a machine that has \
                 the mirror (docs/SCALING.md)",
        ),
        StageError::Lost => Problem::of(format!("the import of {source} broke off"), error)
            .remedy(format!("please report it; {RUN_AGAIN}")),
    };
    problem.with_exit(Exit::of_class(error.class()))
}

/// Why `source` could not be compared with what Bitbucket has.
pub(crate) fn compare_failure(
    source: &str,
    error: &StageError,
    credential: &CredentialSource,
) -> Problem {
    match error {
        StageError::Request(error) => request_failure(source, error, credential),
        error => Problem::of(format!("cannot compare {source} with Bitbucket"), error)
            .with_exit(Exit::of_class(error.class())),
    }
}

fn run_again_after(until: DateTime<Utc>) -> String {
    let until = until.with_timezone(&chrono::Local).format("%H:%M:%S");
    format!("run the same command again after {until}, or without --no-wait to wait")
}

fn stopped(source: &str) -> Problem {
    Problem {
        what: format!("the import of {source} was stopped"),
        causes: Vec::new(),
        remedy: Some(format!("everything that arrived is kept; {RUN_AGAIN}")),
        exit: Exit::Interrupted,
    }
}

/// Why a request about `source` failed for good.
pub(crate) fn request_failure(
    source: &str,
    error: &RequestError,
    credential: &CredentialSource,
) -> Problem {
    let who = credential.description();
    let problem = match &error.kind {
        RequestErrorKind::QuotaSpent { until } => Problem::of(
            format!("the request quota is spent, importing {source}"),
            error,
        )
        .remedy(run_again_after(*until)),
        RequestErrorKind::Stopped => {
            Problem::of(format!("stopped before {source} was read"), error).remedy(RUN_AGAIN)
        }
        RequestErrorKind::Status { status: 401, .. } if credential.is_anonymous() => {
            Problem::of(format!("Bitbucket wants a credential for {source}"), error)
                .remedy(SET_CREDENTIAL)
        }
        RequestErrorKind::Status { status: 401, .. } => {
            Problem::of(format!("Bitbucket refuses {who}"), error).remedy(
                "it may be mistyped, expired or revoked: make a new one and set it. App \
                 passwords ended on 2026-07-28; a personal API token takes their place",
            )
        }
        RequestErrorKind::Status {
            status: 403,
            accepted_scopes,
            ..
        } => {
            let scope = accepted_scopes.as_deref().unwrap_or("repository");
            Problem::of(format!("{who} may not read {source}"), error).remedy(format!(
                "make a token with the scope “{scope}”, for somebody who may read {source}"
            ))
        }
        RequestErrorKind::Status { status: 404, .. } if credential.is_anonymous() => Problem::of(
            format!("Bitbucket knows no {source}, or it is private"),
            error,
        )
        .remedy(format!(
            "check the name; if it is private, {SET_CREDENTIAL}"
        )),
        RequestErrorKind::Status { status: 404, .. } => Problem::of(
            format!("Bitbucket knows no {source}, or hides it from {who}"),
            error,
        )
        .remedy("check the name, and that the credential is for that workspace"),
        RequestErrorKind::Network(_) | RequestErrorKind::Silence { .. } => {
            Problem::of(format!("cannot reach Bitbucket for {source}"), error)
                .remedy(format!("check the network, then {RUN_AGAIN}"))
        }
        RequestErrorKind::ForeignNext { .. } => {
            Problem::of(format!("refused to follow an answer about {source}"), error).remedy(
                "nothing was sent there. A proxy or a wrong BUCKETLOAD_BITBUCKET_API_URL may be \
                 the cause",
            )
        }
        RequestErrorKind::Credential(cause) => {
            Problem::of(format!("cannot go on with importing {source}"), cause)
                .remedy(credentials::grant_remedy(cause.class()))
        }
        RequestErrorKind::Ledger(_) => {
            Problem::of(format!("cannot count the requests for {source}"), error)
                .remedy("check the disk and the data directory, then run the same command again")
        }
        RequestErrorKind::Status { .. }
        | RequestErrorKind::TooLarge { .. }
        | RequestErrorKind::NotJson { .. }
        | RequestErrorKind::Shape { .. }
        | RequestErrorKind::FileStore { .. }
        | RequestErrorKind::FileStoreStatus { .. }
        | RequestErrorKind::HostStatus { .. }
        | RequestErrorKind::PagesInCircle => Problem::of(
            format!("Bitbucket's answer about {source} cannot be used"),
            error,
        )
        .remedy(format!("{RUN_AGAIN}; if it stays, please report it")),
    };
    problem.with_exit(Exit::of_class(error.class()))
}

pub(crate) const SET_CREDENTIAL: &str = "set BUCKETLOAD_BITBUCKET_TOKEN to an access token, or \
                              BUCKETLOAD_BITBUCKET_EMAIL and BUCKETLOAD_BITBUCKET_API_TOKEN to a \
                              personal API token";

impl From<DataDirError> for Problem {
    fn from(error: DataDirError) -> Self {
        let remedy = match error {
            DataDirError::InUse { .. } => {
                "wait for it to end, or give another directory with --data-dir"
            }
            DataDirError::Create { .. } | DataDirError::Lock { .. } => {
                "check the permissions, or give another directory with --data-dir"
            }
        };
        Self::from_error(&error).remedy(remedy)
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Database(error) => error.into(),
            ImportError::Busy { ref name, .. } => Self::from_error(&error).remedy(format!(
                "wait for it to end, or stop it with “bucketload cancel {name}”; “bucketload \
                 status {name}” shows how it goes"
            )),
            ImportError::Life(_) => Self::from_error(&error)
                .remedy("check the disk and the permissions of the data directory"),
            ImportError::Ticket(_) => Self::from_error(&error).remedy("check the disk"),
            ImportError::Vanished(_) | ImportError::Move(_) => Self::from_error(&error),
        }
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Database(error) => error.into(),
            QueueError::Move(_) => Self::from_error(&error)
                .remedy("“bucketload status” shows where the imports stand")
                .with_usage_exit(),
            QueueError::Ticket(_) => {
                Self::from_error(&error).remedy("check the disk and the data directory")
            }
        }
    }
}

impl From<BuildError> for Problem {
    fn from(error: BuildError) -> Self {
        let remedy = match error {
            BuildError::Insecure { .. } => {
                "use an https:// address; BUCKETLOAD_ALLOW_INSECURE=1 sends credentials in clear"
            }
            BuildError::Address { .. } => "check BUCKETLOAD_BITBUCKET_API_URL",
            BuildError::Credential => "check that the token was copied whole and alone",
            BuildError::Http(_) => "check the certificates and proxies of this machine",
        };
        Self::from_error(&error).remedy(remedy).with_usage_exit()
    }
}

impl From<ParseSourceError> for Problem {
    fn from(error: ParseSourceError) -> Self {
        Self::from_error(&error)
            .remedy("name workspace/repository, a workspace, or a bitbucket.org address of either")
            .with_usage_exit()
    }
}

impl From<SelectionError> for Problem {
    fn from(error: SelectionError) -> Self {
        Self::from_error(&error)
            .remedy("“bucketload stages” shows which stages there are")
            .with_usage_exit()
    }
}

impl From<SimulatorError> for Problem {
    fn from(error: SimulatorError) -> Self {
        Self::from_error(&error)
    }
}

#[cfg(test)]
mod tests {
    use bucketload_auth::Credential;

    use super::*;

    fn failed(kind: RequestErrorKind) -> RequestError {
        RequestError {
            endpoint: bucketload_bitbucket::Endpoint::Repository,
            url: "https://api.bitbucket.org/2.0/repositories/teapots/kettle"
                .parse()
                .unwrap(),
            requests: 1,
            kind,
        }
    }

    fn status(status: u16, message: &str) -> RequestErrorKind {
        RequestErrorKind::Status {
            status,
            message: message.to_owned(),
            accepted_scopes: (status == 403).then(|| "pullrequest".to_owned()),
            granted_scopes: None,
        }
    }

    #[test]
    fn failures_in_words() {
        let token = CredentialSource::from(Credential::access_token("s3cret"));
        let all = [
            (status(404, "Not Found"), CredentialSource::default()),
            (status(404, "Not Found"), token.clone()),
            (status(401, "Token is invalid"), token.clone()),
            (status(403, "lack scopes"), token.clone()),
            (
                RequestErrorKind::ForeignNext {
                    address: "https://attacker.example".to_owned(),
                },
                token.clone(),
            ),
            (
                RequestErrorKind::NotJson {
                    excerpt: "an HTML page, “502\u{1b}[2J”".to_owned(),
                },
                token,
            ),
        ];
        let texts = all.map(|(kind, credential)| {
            let problem = request_failure("teapots/kettle", &failed(kind), &credential);
            format!("{problem}\n  exit code {}", problem.exit.code())
        });
        let text = texts.join("\n\n");
        assert!(!text.contains("s3cret"));
        insta::assert_snapshot!(text);
    }
}
