//! Files of issues.

use std::collections::BTreeMap;

use bucketload_model::{IssueId, RepositoryUuid};
use serde::Deserialize;

use super::{IssueOrigin, short_key};
use crate::database::sql::statement;
use crate::database::unsigned;
use crate::{Archive, DatabaseError, Transaction};

/// An attachment to store. Several of an issue may have the same name: they are told apart
/// by their order.
#[derive(Debug, Clone, Copy)]
pub struct AttachmentRecord<'a> {
    /// The issue that it belongs to.
    pub issue: IssueId,
    /// Its name, as somebody typed it: text, and never a path.
    pub name: &'a str,
    /// The SHA-256 of its content, if that is in the store.
    pub blob: Option<&'a str>,
    /// As it was sent.
    pub source: &'a str,
}

/// An attachment whose content is not in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingAttachment {
    /// The issue that it belongs to.
    pub issue: IssueId,
    /// Its name, as it was sent.
    pub name: String,
    /// Which of those with the same name.
    pub number: i64,
    /// Whether Bitbucket itself had it.
    pub is_online: bool,
}

/// The name in what was sent. The column of it has no letter NUL.
pub(in crate::database) fn sent_name(source: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(alias = "filename")]
        name: String,
    }
    Some(serde_json::from_str::<Named>(source).ok()?.name)
}

impl Archive {
    /// The attachments of a repository whose content is missing, by issue.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn missing_attachments(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Vec<MissingAttachment>, DatabaseError> {
        let rows: Vec<(i64, String, i64, String, String)> = statement(
            "select issue_id, name, number, origin, source from issue_attachments
             where repository_uuid = $1 and blob_sha256 is null
             order by issue_id, entry_key, number",
        )
        .bind(repository.as_str())
        .fetch_all(&self.reader)
        .await?;
        let missing = |(issue, name, number, origin, source): (i64, _, i64, String, String)| {
            let is_online = origin == IssueOrigin::Bitbucket.name();
            MissingAttachment {
                issue: IssueId(issue),
                name: sent_name(&source).unwrap_or(name),
                number,
                is_online,
            }
        };
        Ok(rows.into_iter().map(missing).collect())
    }

    /// How many attachments a repository's issues have, with content or without.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_attachments(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<u64, DatabaseError> {
        let count: i64 =
            statement("select count(*) from issue_attachments where repository_uuid = $1")
                .bind(repository.as_str())
                .fetch_scalar(&self.reader)
                .await?;
        Ok(unsigned(count))
    }
}

impl Transaction {
    /// Stores the attachments of some issues, all that these have. Returns how many of them
    /// are new or changed. Content that is there stays where none comes.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_issue_attachments(
        &mut self,
        repository: &RepositoryUuid,
        origin: IssueOrigin,
        records: &[AttachmentRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        let mut seen: BTreeMap<(IssueId, String), i64> = BTreeMap::new();
        let mut written = 0;
        for record in records {
            let key = short_key(record.name).into_owned();
            let number = seen.entry((record.issue, key.clone()));
            let number = *number.and_modify(|number| *number += 1).or_insert(0);
            written += statement(
                "insert into issue_attachments (repository_uuid, issue_id, entry_key, number,
                     origin, name, blob_sha256, source)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)
                 on conflict (repository_uuid, issue_id, entry_key, number) do update set
                     origin = excluded.origin, name = excluded.name,
                     blob_sha256 = coalesce(excluded.blob_sha256, issue_attachments.blob_sha256),
                     source = excluded.source
                 where (excluded.origin = 'bitbucket'
                         or issue_attachments.origin = 'issue_export')
                     and (issue_attachments.source <> excluded.source
                         or issue_attachments.origin <> excluded.origin
                         or (excluded.blob_sha256 is not null
                             and issue_attachments.blob_sha256
                                 is distinct from excluded.blob_sha256))",
            )
            .bind(repository.as_str())
            .bind(record.issue.0)
            .bind(&key)
            .bind(number)
            .bind(origin.name())
            .bind(record.name)
            .bind(record.blob)
            .bind(record.source)
            .execute(&mut self.inner)
            .await?;
            // What Bitbucket has no content for any more, an export may have.
            if let Some(blob) = record.blob {
                written += self
                    .set_attachment_blob(repository, record.issue, record.name, number, blob)
                    .await?;
            }
        }
        Ok(written)
    }

    /// Notes the content of an attachment that has none yet. Returns how many those are.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_attachment_blob(
        &mut self,
        repository: &RepositoryUuid,
        issue: IssueId,
        name: &str,
        number: i64,
        blob: &str,
    ) -> Result<u64, DatabaseError> {
        statement(
            "update issue_attachments set blob_sha256 = $5
             where repository_uuid = $1 and issue_id = $2 and entry_key = $3 and number = $4
                 and blob_sha256 is null",
        )
        .bind(repository.as_str())
        .bind(issue.0)
        .bind(short_key(name).into_owned())
        .bind(number)
        .bind(blob)
        .execute(&mut self.inner)
        .await
    }
}
