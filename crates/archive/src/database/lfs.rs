//! Objects of git LFS.

use std::collections::BTreeSet;

use bucketload_model::{LfsObject, RepositoryUuid};
use chrono::{DateTime, Utc};

use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Tally, Transaction, signed, unsigned};

/// Rows of one statement: five values each, of the 32,766 that SQLite takes.
const AT_A_TIME: usize = 1_000;

/// An object that a pointer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLfsObject {
    /// The object.
    pub object: LfsObject,
    /// The hash of a pointer to it.
    pub pointer: String,
}

type Row = (String, i64, String);

fn stored((oid, size, pointer): Row) -> Result<StoredLfsObject, DatabaseError> {
    let oid = oid.parse().map_err(|_| DatabaseError::Inconsistent {
        table: "lfs_objects",
        column: "oid",
        value: oid.clone(),
    })?;
    Ok(StoredLfsObject {
        object: LfsObject {
            oid,
            size_bytes: unsigned(size),
        },
        pointer,
    })
}

impl Archive {
    /// Objects that are there, or are still wanted, in their order; behind `after`, and so
    /// many at most.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lfs_objects(
        &self,
        repository: &RepositoryUuid,
        is_stored: bool,
        after: Option<&LfsObject>,
        limit: u64,
    ) -> Result<Vec<StoredLfsObject>, DatabaseError> {
        let (oid, size) = after.map_or(("", -1), |after| {
            (after.oid.as_str(), signed(after.size_bytes))
        });
        let rows: Vec<Row> = statement(
            "select oid, size_bytes, pointer from lfs_objects
             where repository_uuid = $1 and is_stored = $2
                 and (oid > $3 or (oid = $3 and size_bytes > $4))
             order by oid, size_bytes limit $5",
        )
        .bind(repository.as_str())
        .bind(i64::from(is_stored))
        .bind(oid)
        .bind(size)
        .bind(signed(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(stored).collect()
    }

    /// How many objects there should be, and how many there are.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn tally_lfs(&self, repository: &RepositoryUuid) -> Result<Tally, DatabaseError> {
        let (expected, stored): (i64, i64) = statement(
            "select count(*), cast(coalesce(sum(is_stored), 0) as bigint)
             from lfs_objects where repository_uuid = $1",
        )
        .bind(repository.as_str())
        .fetch_one(&self.reader)
        .await?;
        Ok(Tally {
            expected: unsigned(expected),
            stored: unsigned(stored),
        })
    }

    /// The packs that were searched for pointers.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lfs_packs(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<BTreeSet<String>, DatabaseError> {
        let packs: Vec<String> = statement("select pack from lfs_packs where repository_uuid = $1")
            .bind(repository.as_str())
            .fetch_all_scalars(&self.reader)
            .await?;
        Ok(packs.into_iter().collect())
    }
}

impl Transaction {
    /// Notes objects that pointers name. What is known of them stays.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_lfs_pointers(
        &mut self,
        repository: &RepositoryUuid,
        pointers: &[StoredLfsObject],
    ) -> Result<(), DatabaseError> {
        for part in pointers.chunks(AT_A_TIME) {
            let mut insert = StatementBuilder::new(
                "insert into lfs_objects (repository_uuid, oid, size_bytes, pointer, is_stored) ",
            );
            insert.push_values(part, |row, pointer| {
                row.push_bind(repository.as_str())
                    .push_bind(pointer.object.oid.as_str())
                    .push_bind(signed(pointer.object.size_bytes))
                    .push_bind(pointer.pointer.as_str())
                    .push_bind(0_i64);
            });
            insert.push(" on conflict (repository_uuid, oid, size_bytes) do nothing");
            insert.build().execute(&mut self.inner).await?;
        }
        Ok(())
    }

    /// Notes which packs were searched, and are there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_lfs_packs(
        &mut self,
        repository: &RepositoryUuid,
        packs: &BTreeSet<String>,
    ) -> Result<(), DatabaseError> {
        statement("delete from lfs_packs where repository_uuid = $1")
            .bind(repository.as_str())
            .execute(&mut self.inner)
            .await?;
        for pack in packs {
            statement("insert into lfs_packs (repository_uuid, pack) values ($1, $2)")
                .bind(repository.as_str())
                .bind(pack.as_str())
                .execute(&mut self.inner)
                .await?;
        }
        Ok(())
    }

    /// Notes whether an object is there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_lfs_stored(
        &mut self,
        repository: &RepositoryUuid,
        object: &LfsObject,
        is_stored: bool,
    ) -> Result<(), DatabaseError> {
        statement(
            "update lfs_objects set is_stored = $4
             where repository_uuid = $1 and oid = $2 and size_bytes = $3",
        )
        .bind(repository.as_str())
        .bind(object.oid.as_str())
        .bind(signed(object.size_bytes))
        .bind(i64::from(is_stored))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes that the content of objects was read and found right.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_lfs_proven(
        &mut self,
        repository: &RepositoryUuid,
        oids: &[String],
        at: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        for part in oids.chunks(500) {
            let mut update = StatementBuilder::new("update lfs_objects set proven_at_ms = ");
            update
                .push_bind(at.timestamp_millis())
                .push(" where repository_uuid = ")
                .push_bind(repository.as_str())
                .push(" and is_stored = 1 and oid in ")
                .push_list(part.iter().map(String::as_str));
            update.build().execute(&mut self.inner).await?;
        }
        Ok(())
    }
}
