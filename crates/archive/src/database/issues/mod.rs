//! Issues and what belongs to them, from Bitbucket or from an export of its tracker.
//!
//! What both have is kept as Bitbucket sent it. Of two exports the newer form of an object
//! is kept, by its `updated_on`; where that does not tell, the one that came last.

mod attachments;
mod changes;
mod exports;
mod listed;
mod restored;
mod tallies;

pub(super) use attachments::sent_name;
pub use attachments::{AttachmentRecord, MissingAttachment};
pub use changes::{ChangeRecord, FieldRecord};
pub use exports::{IssueExportRecord, provisional_repository};
pub use restored::{RestoredAttachment, RestoredChange};
pub use tallies::IssueTallies;

use std::borrow::Cow;

use bucketload_model::{CommentId, IssueId, RepositoryUuid};
use sha2::{Digest as _, Sha256};

use super::members::last_of_each;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Transaction, unsigned};
use crate::hexadecimal::hexadecimal;

/// Where an object of an issue tracker came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueOrigin {
    /// Bitbucket itself, while the tracker answered.
    Bitbucket,
    /// An export that somebody had made.
    IssueExport,
}

impl IssueOrigin {
    /// The name used in the database and in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bitbucket => "bitbucket",
            Self::IssueExport => "issue_export",
        }
    }
}

/// An issue to store.
#[derive(Debug, Clone, Copy)]
pub struct IssueRecord<'a> {
    /// Its number.
    pub id: IssueId,
    /// Its title.
    pub title: Option<&'a str>,
    /// `new`, `open`, `resolved`, …
    pub state: Option<&'a str>,
    /// `bug`, `enhancement`, `proposal` or `task`.
    pub kind: Option<&'a str>,
    /// `trivial`, `minor`, `major`, `critical` or `blocker`.
    pub priority: Option<&'a str>,
    /// The name of who reported it.
    pub reporter: Option<&'a str>,
    /// When it was reported.
    pub created_on: Option<&'a str>,
    /// When it last changed.
    pub updated_on: Option<&'a str>,
    /// As it was sent.
    pub source: &'a str,
}

/// A comment on an issue to store.
#[derive(Debug, Clone, Copy)]
pub struct IssueCommentRecord<'a> {
    /// Its id.
    pub id: CommentId,
    /// The issue that it stands on.
    pub issue: IssueId,
    /// The name of who wrote it.
    pub author: Option<&'a str>,
    /// When it was written.
    pub created_on: Option<&'a str>,
    /// When it was last edited.
    pub updated_on: Option<&'a str>,
    /// As it was sent.
    pub source: &'a str,
}

/// Objects of an issue tracker, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IssueCounts {
    /// Issues.
    pub issues: u64,
    /// Comments, those that only carry changes included.
    pub comments: u64,
    /// Changes.
    pub changes: u64,
    /// Attachments.
    pub attachments: u64,
}

/// A text that people wrote, as part of a key. No index takes texts of any length, and
/// PostgreSQL none of more than 2,704 bytes.
pub fn short_key(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 255;
    if text.len() <= LONGEST && !text.contains('\0') {
        return Cow::Borrowed(text);
    }
    let hash = Sha256::digest(text.as_bytes());
    Cow::Owned(format!("sha256:{}", hexadecimal(&hash)))
}

impl Archive {
    /// How many objects of its issue tracker a repository has in the archive. An attachment
    /// counts once its content is there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_issues(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<IssueCounts, DatabaseError> {
        let (issues, comments, changes, attachments): (i64, i64, i64, i64) = statement(
            "select (select count(*) from issues where repository_uuid = $1),
                 (select count(*) from issue_comments where repository_uuid = $1),
                 (select count(*) from issue_changes where repository_uuid = $1),
                 (select count(*) from issue_attachments
                     where repository_uuid = $1 and blob_sha256 is not null)",
        )
        .bind(repository.as_str())
        .fetch_one(&self.reader)
        .await?;
        Ok(IssueCounts {
            issues: unsigned(issues),
            comments: unsigned(comments),
            changes: unsigned(changes),
            attachments: unsigned(attachments),
        })
    }
}

/// What writes issues, where it may.
fn upsert<'q>(
    repository: &'q RepositoryUuid,
    origin: IssueOrigin,
    records: &'q [IssueRecord<'q>],
) -> StatementBuilder<'q> {
    let mut query = StatementBuilder::new(
        "insert into issues (repository_uuid, id, origin, title, state, kind, priority,
             reporter, created_on, updated_on, source) ",
    );
    query.push_values(last_of_each(records, |record| record.id), |row, record| {
        row.push_bind(repository.as_str())
            .push_bind(record.id.0)
            .push_bind(origin.name())
            .push_bind(record.title)
            .push_bind(record.state)
            .push_bind(record.kind)
            .push_bind(record.priority)
            .push_bind(record.reporter)
            .push_bind(record.created_on)
            .push_bind(record.updated_on)
            .push_bind(record.source);
    });
    query.push(
        " on conflict (repository_uuid, id) do update set
              origin = excluded.origin, title = excluded.title, state = excluded.state,
              kind = excluded.kind, priority = excluded.priority,
              reporter = excluded.reporter, created_on = excluded.created_on,
              updated_on = excluded.updated_on, source = excluded.source, searched = 0
          where (issues.source <> excluded.source or issues.origin <> excluded.origin)
              and (excluded.origin = 'bitbucket' or (issues.origin = 'issue_export'
                  and coalesce(excluded.updated_on, '') >= coalesce(issues.updated_on, '')))",
    );
    query
}

impl Transaction {
    /// Stores issues. Returns how many of them are new or changed.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_issues(
        &mut self,
        repository: &RepositoryUuid,
        origin: IssueOrigin,
        records: &[IssueRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        if records.is_empty() {
            return Ok(0);
        }
        let query = upsert(repository, origin, records);
        query.build().execute(&mut self.inner).await
    }

    /// Stores comments on issues. Returns how many of them are new or changed.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_issue_comments(
        &mut self,
        repository: &RepositoryUuid,
        origin: IssueOrigin,
        records: &[IssueCommentRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        if records.is_empty() {
            return Ok(0);
        }
        let mut query = StatementBuilder::new(
            "insert into issue_comments (repository_uuid, id, issue_id, origin, author,
                 created_on, updated_on, source) ",
        );
        query.push_values(last_of_each(records, |record| record.id), |row, record| {
            row.push_bind(repository.as_str())
                .push_bind(record.id.0)
                .push_bind(record.issue.0)
                .push_bind(origin.name())
                .push_bind(record.author)
                .push_bind(record.created_on)
                .push_bind(record.updated_on)
                .push_bind(record.source);
        });
        query.push(
            " on conflict (repository_uuid, id) do update set
                  issue_id = excluded.issue_id, origin = excluded.origin,
                  author = excluded.author, created_on = excluded.created_on,
                  updated_on = excluded.updated_on, source = excluded.source,
                  searched = 0
              where (issue_comments.source <> excluded.source
                      or issue_comments.origin <> excluded.origin)
                  and (excluded.origin = 'bitbucket' or (issue_comments.origin = 'issue_export'
                      and coalesce(excluded.updated_on, '')
                          >= coalesce(issue_comments.updated_on, '')))",
        );
        query.build().execute(&mut self.inner).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_and_those_that_no_database_takes_are_keys_by_their_hash() {
        assert_eq!(short_key("../Übersicht.png"), "../Übersicht.png");
        for name in ["x".repeat(4000), "a\0b".to_owned()] {
            let key = short_key(&name);
            assert!(key.starts_with("sha256:") && key.len() == 71, "{key}");
        }
        assert_ne!(short_key("a\0b"), short_key("a\0c"));
    }
}
