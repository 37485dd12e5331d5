//! What was found when repositories were last proven.

use std::collections::BTreeMap;

use bucketload_model::{RepositoryName, RepositoryUuid};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::imports::inconsistent;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Transaction, signed, time, unsigned};

/// A list of objects, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDigest {
    /// The SHA-256 of its lines, in hexadecimal: that of its file in an export.
    pub sha256: String,
    /// Objects in it.
    pub objects: u64,
}

/// What was found when a repository was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRecord {
    /// When it was looked at last and nothing was found, if it ever was.
    pub proven_at: Option<DateTime<Utc>>,
    /// When it was looked at last.
    pub tried_at: DateTime<Utc>,
    /// Whether only a sample of its files was read.
    pub is_sample: bool,
    /// What was found: objects that are missing or damaged.
    pub problems: u64,
    /// Its lists of objects by their file in an export.
    pub manifest: BTreeMap<String, ListDigest>,
}

#[derive(sqlx::FromRow)]
struct ProofRow {
    repository_uuid: String,
    proven_at_ms: Option<i64>,
    tried_at_ms: i64,
    is_sample: i64,
    problems: i64,
    manifest: String,
}

impl TryFrom<ProofRow> for ProofRecord {
    type Error = DatabaseError;

    fn try_from(row: ProofRow) -> Result<Self, Self::Error> {
        let manifest = serde_json::from_str(&row.manifest);
        Ok(Self {
            proven_at: row.proven_at_ms.map(time),
            tried_at: time(row.tried_at_ms),
            is_sample: row.is_sample != 0,
            problems: unsigned(row.problems),
            manifest: manifest.map_err(|_| inconsistent("proofs", "manifest", &row.manifest))?,
        })
    }
}

impl Archive {
    /// What was found when each repository was last looked at, by its permanent id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn proofs(&self) -> Result<BTreeMap<String, ProofRecord>, DatabaseError> {
        let rows: Vec<ProofRow> = statement(
            "select repository_uuid, proven_at_ms, tried_at_ms, is_sample, problems, manifest
             from proofs",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|row| Ok((row.repository_uuid.clone(), row.try_into()?)))
            .collect()
    }

    /// What was found when a repository was last looked at, if it ever was.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn proof(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Option<ProofRecord>, DatabaseError> {
        let row: Option<ProofRow> = statement(
            "select repository_uuid, proven_at_ms, tried_at_ms, is_sample, problems, manifest
             from proofs where repository_uuid = $1",
        )
        .bind(repository.as_str())
        .fetch_optional(&self.reader)
        .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Whether somebody may have changed a repository's objects since: an import that did
    /// not end before, or an export or an image that was taken in after.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn may_have_changed_since(
        &self,
        name: &RepositoryName,
        repository: &RepositoryUuid,
        since: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let changes: i64 = statement(
            "select
                 (select count(*) from imports
                  where workspace = $1 and slug = $2
                      and (finished_at_ms is null or finished_at_ms >= $4))
                 + (select count(*) from issue_exports
                    where repository_uuid = $3 and taken_at_ms >= $4)
                 + (select count(*) from images
                    where repository_uuid = $3 and changed_at_ms >= $4)",
        )
        .bind(name.workspace.as_str())
        .bind(name.slug.as_str())
        .bind(repository.as_str())
        .bind(since.timestamp_millis())
        .fetch_scalar(&self.reader)
        .await?;
        Ok(changes > 0)
    }
}

impl Transaction {
    /// Notes what was found. When it was proven before stays where something was.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_proof(
        &mut self,
        repository: &RepositoryUuid,
        proof: &ProofRecord,
    ) -> Result<(), DatabaseError> {
        let manifest = serde_json::to_string(&proof.manifest)
            .map_err(|_| inconsistent("proofs", "manifest", "unwritable"))?;
        statement(
            "insert into proofs (repository_uuid, proven_at_ms, tried_at_ms, is_sample,
                 problems, manifest)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (repository_uuid) do update set
                 proven_at_ms = coalesce(excluded.proven_at_ms, proofs.proven_at_ms),
                 tried_at_ms = excluded.tried_at_ms, is_sample = excluded.is_sample,
                 problems = excluded.problems, manifest = excluded.manifest",
        )
        .bind(repository.as_str())
        .bind(proof.proven_at.map(|at| at.timestamp_millis()))
        .bind(proof.tried_at.timestamp_millis())
        .bind(i64::from(proof.is_sample))
        .bind(signed(proof.problems))
        .bind(manifest)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes that the content of files was read and found right.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_blobs_proven(
        &mut self,
        blobs: &[String],
        at: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        for part in blobs.chunks(500) {
            let mut query = StatementBuilder::new("update blobs set proven_at_ms = ");
            query
                .push_bind(at.timestamp_millis())
                .push(" where sha256 in ")
                .push_list(part.iter().map(String::as_str));
            query.build().execute(&mut self.inner).await?;
        }
        Ok(())
    }
}
