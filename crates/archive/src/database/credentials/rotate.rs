//! A new key for everything that is sealed.

use bucketload_auth::Sealer;
use bucketload_model::CredentialId;
use secrecy::ExposeSecret as _;

use super::secret::purpose;
use super::{CredentialError, CredentialStore, LOCK};
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
        // A grant may be renewed meanwhile, where others write at the same time.
        loop {
            if let Some(count) = self.try_seal_anew(with).await? {
                return Ok(count);
            }
        }
    }

    /// None, and nothing is changed, when a secret has changed under its hands.
    async fn try_seal_anew(&self, with: &Sealer) -> Result<Option<u64>, CredentialError> {
        let mut transaction = self.archive.begin().await?;
        transaction.inner.lock(LOCK).await?;
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
            let anew = with.seal(&purpose, opened.expose_secret())?;
            let changed =
                statement("update credentials set secret = $3 where id = $1 and secret = $2")
                    .bind(text)
                    .bind(sealed)
                    .bind(anew)
                    .execute(&mut transaction.inner)
                    .await?;
            if changed == 0 {
                return Ok(None);
            }
        }
        transaction.commit().await?;
        self.archive.writer.reach_disk().await?;
        Ok(Some(count))
    }
}
