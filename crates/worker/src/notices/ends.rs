//! What the end of a run is told as. One cause is told once: an import that fails because of
//! its credential, or because its repository is gone, is not told to have failed, too.

use bucketload_archive::{Claimed, DatabaseError, NewNotice, Transaction};
use bucketload_auth::CredentialSource;
use bucketload_model::{CredentialId, ErrorClass, ImportReport, NoticeKind, Stage};
use bucketload_notify::one_line;
use chrono::{DateTime, Utc};

use super::MOST_CHARACTERS;
use crate::Importer;
use crate::import::Failure;

/// How a run ended, for those who do not watch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End<'a> {
    /// It reached the import's end.
    Reached(&'a ImportReport),
    /// It failed, and nobody tries again by himself.
    Failed {
        /// Why, in words.
        why: &'a str,
        /// What failed.
        failure: &'a Failure,
    },
    /// It was not begun.
    NotBegun {
        /// Why, in words.
        why: &'a str,
        /// What kept it from beginning.
        refusal: Refusal,
    },
}

/// What keeps an import from beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refusal {
    /// Its credential has ended.
    Credential(CredentialId),
    /// Something else.
    Other,
}

/// A notice in the making.
struct Told {
    kind: NoticeKind,
    subject: String,
    line: String,
}

/// A credential as notices know it: a grant by its id, for its tokens come and go, others by
/// the name of their bucket, which says nothing about them.
fn subject(credential: &CredentialSource) -> String {
    match credential {
        CredentialSource::Grant(session) => session.id().to_string(),
        CredentialSource::Fixed(credential) => credential.bucket(),
    }
}

/// An import as notices know it: those of other stages may go well.
pub(super) fn subject_of_import(
    name: &bucketload_model::RepositoryName,
    stages: &[Stage],
) -> String {
    let stages: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
    format!("{name} {}", stages.join(","))
}

impl Importer {
    /// Notes what is to be told of a run that has ended, and what is over by it.
    pub(crate) async fn tell(
        &self,
        transaction: &mut Transaction,
        claimed: &Claimed,
        end: End<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        if let End::Reached(_) = end {
            self.end_what_is_over(transaction, claimed, now).await?;
        }
        let told = self.told(claimed, end).await?;
        let notice = NewNotice {
            kind: told.kind,
            subject: &told.subject,
            happened_at: now,
            repository: Some(&claimed.name),
            import: Some(claimed.lease.import),
            line: &one_line(&told.line, MOST_CHARACTERS),
        };
        transaction.put_notice(&notice).await?;
        Ok(())
    }

    /// What a good end says of everything that was not well.
    async fn end_what_is_over(
        &self,
        transaction: &mut Transaction,
        claimed: &Claimed,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let name = claimed.name.to_string();
        let import = subject_of_import(&claimed.name, &claimed.stages);
        let credential = subject(self.client.credential());
        for (kind, subject) in [
            (NoticeKind::Failed, &import),
            (NoticeKind::Overdue, &import),
            (NoticeKind::RepositoryGone, &name),
            (NoticeKind::CredentialExpired, &credential),
        ] {
            transaction.end_notice(kind, subject, now).await?;
        }
        Ok(())
    }

    async fn told(&self, claimed: &Claimed, end: End<'_>) -> Result<Told, DatabaseError> {
        let name = &claimed.name;
        let failed = |why: &str| Told {
            kind: NoticeKind::Failed,
            subject: subject_of_import(name, &claimed.stages),
            line: format!("The import of {name} failed: {why}"),
        };
        Ok(match end {
            End::Reached(report) => Told {
                kind: NoticeKind::Finished,
                subject: claimed.lease.import.to_string(),
                line: match report.gaps.len() as u64 + report.missing() {
                    0 => format!("{name} was imported, and nothing is missing."),
                    1 => format!("{name} was imported, and one thing is missing."),
                    more => format!("{name} was imported, and {more} things are missing."),
                },
            },
            End::NotBegun {
                refusal: Refusal::Credential(id),
                why,
            } => Told {
                kind: NoticeKind::CredentialExpired,
                subject: id.to_string(),
                line: format!("The import of {name} could not begin: {why}"),
            },
            End::NotBegun { why, .. } => failed(why),
            End::Failed { why, failure } => {
                let credential = self.client.credential();
                let description = credential.description();
                match failure.error.class() {
                    ErrorClass::Unauthorized if !credential.is_anonymous() => Told {
                        kind: NoticeKind::CredentialExpired,
                        subject: subject(credential),
                        line: format!(
                            "Bitbucket refuses {description}, and imports fail until it is \
                             replaced. The import of {name} met it: {why}"
                        ),
                    },
                    ErrorClass::NotFound | ErrorClass::Gone
                        if failure.stage == Stage::Repository
                            && self.archive.repository(name).await?.is_some() =>
                    {
                        Told {
                            kind: NoticeKind::RepositoryGone,
                            subject: name.to_string(),
                            line: format!(
                                "Bitbucket does not have {name} any more, or hides it from \
                                 {description}. The archive keeps what it has."
                            ),
                        }
                    }
                    _ => failed(why),
                }
            }
        })
    }
}
