//! Exports of issue trackers that were taken in.

use bucketload_model::{RepositoryName, RepositoryUuid};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::IssueCounts;
use crate::database::sql::statement;
use crate::database::{signed, unsigned};
use crate::hexadecimal::hexadecimal;
use crate::{Archive, DatabaseError, Transaction};

/// An export that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueExportRecord {
    /// The SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// When it was last taken in.
    pub taken_at: DateTime<Utc>,
    /// What stands in it.
    pub counts: IssueCounts,
}

/// The id under which a repository is kept that only an export tells of, until Bitbucket
/// tells its own. It follows from the name, so that the next export finds it.
///
/// # Errors
///
/// Never: what is made is an id.
pub fn provisional_repository(name: &RepositoryName) -> Result<RepositoryUuid, DatabaseError> {
    let hash = Sha256::digest(format!("repository of an issue export: {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // Version 8, which is for whoever makes ids of his own (RFC 9562, section 5.8).
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hexadecimal(&bytes);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    let text = format!("{{{}}}", parts.join("-"));
    text.parse().map_err(|_| DatabaseError::Inconsistent {
        table: "repositories",
        column: "uuid",
        value: text.clone(),
    })
}

impl Archive {
    /// The exports that were taken in for a repository, by hash.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_exports(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Vec<IssueExportRecord>, DatabaseError> {
        let rows: Vec<(String, i64, i64, i64, i64, i64)> = statement(
            "select sha256, taken_at_ms, issues, comments, changes, attachments
             from issue_exports where repository_uuid = $1 order by sha256",
        )
        .bind(repository.as_str())
        .fetch_all(&self.reader)
        .await?;
        let record = |(sha256, taken_at, issues, comments, changes, attachments)| {
            let counts = IssueCounts {
                issues: unsigned(issues),
                comments: unsigned(comments),
                changes: unsigned(changes),
                attachments: unsigned(attachments),
            };
            IssueExportRecord {
                sha256,
                taken_at: crate::database::time(taken_at),
                counts,
            }
        };
        Ok(rows.into_iter().map(record).collect())
    }
}

/// What brings to one repository what it has not, and then forgets the rest of the other.
const MOVES: &[(&str, &str)] = &[
    (
        "update issues set repository_uuid = $2 where repository_uuid = $1
             and id not in (select id from issues where repository_uuid = $2)",
        "delete from issues where repository_uuid = $1",
    ),
    (
        "update issue_comments set repository_uuid = $2 where repository_uuid = $1
             and id not in (select id from issue_comments where repository_uuid = $2)",
        "delete from issue_comments where repository_uuid = $1",
    ),
    (
        // All of a change or nothing of it: the origins have it in different pieces.
        "update issue_changes set repository_uuid = $2 where repository_uuid = $1
             and change_id not in (select change_id from issue_changes
                 where repository_uuid = $2)",
        "delete from issue_changes where repository_uuid = $1",
    ),
    (
        "update issue_attachments set repository_uuid = $2 where repository_uuid = $1
             and (issue_id, entry_key, number) not in (
                 select issue_id, entry_key, number from issue_attachments
                 where repository_uuid = $2)",
        "delete from issue_attachments where repository_uuid = $1",
    ),
    (
        "update issue_fields set repository_uuid = $2 where repository_uuid = $1
             and (kind, entry_key) not in (
                 select kind, entry_key from issue_fields where repository_uuid = $2)",
        "delete from issue_fields where repository_uuid = $1",
    ),
    (
        "update issue_exports set repository_uuid = $2 where repository_uuid = $1
             and sha256 not in (select sha256 from issue_exports where repository_uuid = $2)",
        "delete from issue_exports where repository_uuid = $1",
    ),
    (
        "update person_names set scope = $2 where scope = $1
             and (person, kind, name) not in (
                 select person, kind, name from person_names where scope = $2)",
        "delete from person_names where scope = $1",
    ),
    (
        "update wikis set repository_uuid = $2 where repository_uuid = $1
             and not exists (select 1 from wikis where repository_uuid = $2)",
        "delete from wikis where repository_uuid = $1",
    ),
    (
        "update mirror_copies set repository_uuid = $2 where repository_uuid = $1
             and not exists (
                 select 1 from mirror_copies other
                 where other.repository_uuid = $2 and other.mirror = mirror_copies.mirror)",
        "delete from mirror_copies where repository_uuid = $1",
    ),
    (
        "update images set repository_uuid = $2 where repository_uuid = $1
             and url_key not in (select url_key from images where repository_uuid = $2)",
        "delete from images where repository_uuid = $1",
    ),
    (
        "update image_links set repository_uuid = $2 where repository_uuid = $1
             and (kind, parent_id, entry_id, entry_key) not in (
                 select kind, parent_id, entry_id, entry_key from image_links
                 where repository_uuid = $2)",
        "delete from image_links where repository_uuid = $1",
    ),
];

impl Transaction {
    /// Notes that an export was taken in.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_issue_export(
        &mut self,
        repository: &RepositoryUuid,
        record: &IssueExportRecord,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into issue_exports (repository_uuid, sha256, taken_at_ms, issues, comments,
                 changes, attachments)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (repository_uuid, sha256) do update set
                 taken_at_ms = excluded.taken_at_ms, issues = excluded.issues,
                 comments = excluded.comments, changes = excluded.changes,
                 attachments = excluded.attachments",
        )
        .bind(repository.as_str())
        .bind(&record.sha256)
        .bind(record.taken_at.timestamp_millis())
        .bind(signed(record.counts.issues))
        .bind(signed(record.counts.comments))
        .bind(signed(record.counts.changes))
        .bind(signed(record.counts.attachments))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Gives what was kept under the provisional id of a name to the repository that
    /// Bitbucket knows by it. Returns whether there was anything.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn adopt_issue_export(
        &mut self,
        name: &RepositoryName,
        repository: &RepositoryUuid,
    ) -> Result<bool, DatabaseError> {
        let provisional = provisional_repository(name)?;
        let known: i64 = statement("select count(*) from repositories where uuid = $1")
            .bind(provisional.as_str())
            .fetch_scalar(&mut self.inner)
            .await?;
        if known == 0 || provisional == *repository {
            return Ok(false);
        }
        for (bring, forget) in MOVES {
            statement(bring)
                .bind(provisional.as_str())
                .bind(repository.as_str())
                .execute(&mut self.inner)
                .await?;
            statement(forget)
                .bind(provisional.as_str())
                .execute(&mut self.inner)
                .await?;
        }
        statement("delete from repositories where uuid = $1")
            .bind(provisional.as_str())
            .execute(&mut self.inner)
            .await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provisional_id_is_an_id_and_follows_from_the_name() {
        let kettle = provisional_repository(&"teapots/kettle".parse().unwrap()).unwrap();
        let again = provisional_repository(&"teapots/kettle".parse().unwrap()).unwrap();
        let other = provisional_repository(&"teapots/lid".parse().unwrap()).unwrap();
        assert_eq!(kettle, again);
        assert_ne!(kettle, other);
        assert_eq!(&kettle.as_str()[15..16], "8");
    }
}
