//! Parts of issues, read back from an export with their whole key.

use bucketload_model::RepositoryUuid;

use super::IssueOrigin;
use crate::database::sql::statement;
use crate::{DatabaseError, Transaction};

/// A change of an issue that was in the archive once.
#[derive(Debug, Clone, Copy)]
pub struct RestoredChange<'a> {
    /// The issue.
    pub issue: i64,
    /// Its id.
    pub change: i64,
    /// The field that it changed, where an export has one for each.
    pub field: &'a str,
    /// Which of those with the same key.
    pub number: i64,
    /// Where it came from.
    pub origin: IssueOrigin,
    /// When it was made.
    pub created_on: Option<&'a str>,
    /// As it was sent.
    pub source: &'a str,
}

/// An attachment that was in the archive once.
#[derive(Debug, Clone, Copy)]
pub struct RestoredAttachment<'a> {
    /// The issue.
    pub issue: i64,
    /// Its name, or the hash of a long one.
    pub key: &'a str,
    /// Which of those with the same name.
    pub number: i64,
    /// Where it came from.
    pub origin: IssueOrigin,
    /// Its whole name.
    pub name: &'a str,
    /// The SHA-256 of its content, if that is there.
    pub blob: Option<&'a str>,
    /// As it was sent.
    pub source: &'a str,
}

impl Transaction {
    /// Stores a change of a repository that had none.
    ///
    /// # Errors
    ///
    /// When the database fails, or there is one with that key.
    pub async fn restore_issue_change(
        &mut self,
        repository: &RepositoryUuid,
        change: RestoredChange<'_>,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into issue_changes (repository_uuid, issue_id, change_id, field, number,
                 origin, created_on, source)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(repository.as_str())
        .bind(change.issue)
        .bind(change.change)
        .bind(change.field)
        .bind(change.number)
        .bind(change.origin.name())
        .bind(change.created_on)
        .bind(change.source)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Stores an attachment of a repository that had none.
    ///
    /// # Errors
    ///
    /// When the database fails, or there is one with that key.
    pub async fn restore_issue_attachment(
        &mut self,
        repository: &RepositoryUuid,
        attachment: RestoredAttachment<'_>,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into issue_attachments (repository_uuid, issue_id, entry_key, number,
                 origin, name, blob_sha256, source)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(repository.as_str())
        .bind(attachment.issue)
        .bind(attachment.key)
        .bind(attachment.number)
        .bind(attachment.origin.name())
        .bind(attachment.name)
        .bind(attachment.blob)
        .bind(attachment.source)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
