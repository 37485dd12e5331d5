//! Objects that need no columns of their own.

use bucketload_model::{RepositoryUuid, Stage};

use super::members::last_of_each;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Stored, Transaction, unsigned};

/// What tells an object apart among those of its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey<'a> {
    /// The pull request or issue that it belongs to; 0 where it is the repository's own.
    pub parent: i64,
    /// Its number; 0 where it has none.
    pub id: i64,
    /// Its name, hash or key; empty where its number says it all.
    pub key: &'a str,
}

/// An object to store.
#[derive(Debug, Clone, Copy)]
pub struct ObjectRecord<'a> {
    /// What tells it apart.
    pub key: ObjectKey<'a>,
    /// When it was made.
    pub created_on: Option<&'a str>,
    /// When it last changed.
    pub updated_on: Option<&'a str>,
    /// As Bitbucket sent it.
    pub source: &'a str,
}

/// An object of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// The pull request or issue that it belongs to; 0 where it is the repository's own.
    pub parent: i64,
    /// Its number; 0 where it has none.
    pub id: i64,
    /// Its name, hash or key.
    pub key: String,
    /// The SHA-256 of the file that it stands for, where that is in the store.
    pub blob: Option<String>,
    /// As Bitbucket sent it.
    pub source: String,
}

type ObjectRow = (i64, i64, String, Option<String>, String);

impl Archive {
    /// How many objects of a stage a repository has in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_objects(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<u64, DatabaseError> {
        let count: i64 =
            statement("select count(*) from objects where repository_uuid = $1 and kind = $2")
                .bind(repository.as_str())
                .bind(stage.name())
                .fetch_scalar(&self.reader)
                .await?;
        Ok(unsigned(count))
    }

    /// The numbers of the objects of a stage that belong to one parent.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn object_ids(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
        parent: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        statement(
            "select entry_id from objects
             where repository_uuid = $1 and kind = $2 and parent_id = $3 order by entry_id",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .bind(parent)
        .fetch_all_scalars(&self.reader)
        .await
    }

    /// How many of them stand for a file that is in the store.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_objects_with_file(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<u64, DatabaseError> {
        let count: i64 = statement(
            "select count(*) from objects
             where repository_uuid = $1 and kind = $2 and blob_sha256 is not null",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .fetch_scalar(&self.reader)
        .await?;
        Ok(unsigned(count))
    }

    /// The objects of a stage that belong to one parent, 0 being the repository itself,
    /// in the order of their keys.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn objects(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
        parent: i64,
    ) -> Result<Vec<StoredObject>, DatabaseError> {
        let rows: Vec<ObjectRow> = statement(
            "select parent_id, entry_id, entry_key, blob_sha256, source from objects
             where repository_uuid = $1 and kind = $2 and parent_id = $3
             order by entry_id, entry_key",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .bind(parent)
        .fetch_all(&self.reader)
        .await?;
        let objects = rows
            .into_iter()
            .map(|(parent, id, key, blob, source)| StoredObject {
                parent,
                id,
                key,
                blob,
                source,
            });
        Ok(objects.collect())
    }
}

impl Transaction {
    /// Stores a page of objects. The file that one stands for stays with it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_objects(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        records: &[ObjectRecord<'_>],
    ) -> Result<Stored, DatabaseError> {
        if records.is_empty() {
            return Ok(Stored::default());
        }
        let records: Vec<_> = last_of_each(records, |record| record.key).collect();
        let known = self
            .count_known_objects(repository, stage, &records)
            .await?;
        let mut query = StatementBuilder::new(
            "insert into objects (repository_uuid, kind, parent_id, entry_id, entry_key,
                 created_on, updated_on, source) ",
        );
        query.push_values(&records, |row, record| {
            row.push_bind(repository.as_str())
                .push_bind(stage.name())
                .push_bind(record.key.parent)
                .push_bind(record.key.id)
                .push_bind(record.key.key)
                .push_bind(record.created_on)
                .push_bind(record.updated_on)
                .push_bind(record.source);
        });
        query.push(
            " on conflict (repository_uuid, kind, parent_id, entry_id, entry_key) do update set
                  created_on = excluded.created_on, updated_on = excluded.updated_on,
                  source = excluded.source, searched = 0
              where objects.source <> excluded.source",
        );
        let written = query.build().execute(&mut self.inner).await?;
        let inserted = (records.len() as u64).saturating_sub(known);
        Ok(Stored {
            inserted,
            updated: written.saturating_sub(inserted),
        })
    }

    async fn count_known_objects(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        records: &[ObjectRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        let mut query =
            StatementBuilder::new("select count(*) from objects where repository_uuid = ");
        query
            .push_bind(repository.as_str())
            .push(" and kind = ")
            .push_bind(stage.name())
            .push(" and (parent_id, entry_id, entry_key) in (");
        query.push_values(records, |row, record| {
            row.push_bind(record.key.parent)
                .push_bind(record.key.id)
                .push_bind(record.key.key);
        });
        query.push(")");
        let count: i64 = query.build().fetch_scalar(&mut self.inner).await?;
        Ok(unsigned(count))
    }

    /// Notes the file that an object stands for, or that it is missing.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_object_blob(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        key: ObjectKey<'_>,
        blob: Option<&str>,
    ) -> Result<(), DatabaseError> {
        statement(
            "update objects set blob_sha256 = $6
             where repository_uuid = $1 and kind = $2 and parent_id = $3 and entry_id = $4
                 and entry_key = $5",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .bind(key.parent)
        .bind(key.id)
        .bind(key.key)
        .bind(blob)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
