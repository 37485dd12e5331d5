//! A new key for everything that is sealed.

use bucketload_auth::Sealer;
use bucketload_model::CredentialId;
use secrecy::ExposeSecret as _;

use super::secret::purpose;
use super::{CredentialError, CredentialStore};
use crate::DatabaseError;
use crate::database::sql::statement;

impl CredentialStore {
    /// Seals everything anew with the first key of `with`, in one transaction: all
    /// of it or nothing. Returns how much that was.
    ///
    /// # Errors
    ///
    /// When something cannot be opened with the key at hand, or the database fails.
    pub async fn seal_anew(&self, with: &Sealer) -> Result<u64, CredentialError> {
        let mut transaction = self.archive.begin().await?;
        let rows: Vec<(String, String)> = statement("select id, secret from credentials")
            .fetch_all(&mut transaction.inner)
            .await?;
        let count = rows.len() as u64;
        for (text, sealed) in rows {
            let id: CredentialId = text.parse().map_err(|_| DatabaseError::Inconsistent {
                table: "credentials",
                column: "id",
                value: text.clone(),
            })?;
            let purpose = purpose(id);
            let opened = self.sealer.open(&purpose, &sealed);
            let opened = opened.map_err(|source| CredentialError::Sealed { id, source })?;
            let sealed = with.seal(&purpose, opened.expose_secret())?;
            statement("update credentials set secret = $2 where id = $1")
                .bind(text)
                .bind(sealed)
                .execute(&mut transaction.inner)
                .await?;
        }
        transaction.commit().await?;
        self.archive.writer.reach_disk().await?;
        Ok(count)
    }
}
