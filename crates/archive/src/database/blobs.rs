//! Files that lie in the data directory under their hash.

use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, signed, unsigned};
use crate::Blob;

impl Archive {
    /// Every blob, by hash.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn blobs(&self) -> Result<Vec<Blob>, DatabaseError> {
        let rows: Vec<(String, i64)> =
            statement("select sha256, size_bytes from blobs order by sha256")
                .fetch_all(&self.reader)
                .await?;
        let blob = |(sha256, size): (String, i64)| Blob {
            sha256,
            size_bytes: unsigned(size),
        };
        Ok(rows.into_iter().map(blob).collect())
    }
}

impl Transaction {
    /// Notes that a blob is there, whole. Returns whether that is new.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_blob(&mut self, blob: &Blob) -> Result<bool, DatabaseError> {
        let written = statement(
            "insert into blobs (sha256, size_bytes) values ($1, $2)
             on conflict (sha256) do nothing",
        )
        .bind(&blob.sha256)
        .bind(signed(blob.size_bytes))
        .execute(&mut self.inner)
        .await?;
        Ok(written > 0)
    }
}
