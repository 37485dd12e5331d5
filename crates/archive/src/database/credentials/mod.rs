//! Credentials for Bitbucket, sealed.

mod error;
mod grants;
mod rotate;
mod row;
mod secret;

pub use error::CredentialError;
pub use row::{CredentialRecord, NewCredential};
pub use secret::CredentialSecret;

use std::sync::Arc;

use bucketload_auth::oauth::OAuthClient;
use bucketload_auth::{CredentialKind, CredentialSource, GrantSession, Sealer};
use bucketload_model::{Clock, CredentialId};

use self::row::{COLUMNS, Row};
use self::secret::Opened;
use super::sql::statement;
use super::{Archive, DatabaseError};

/// Held while a label is looked for and taken, and while all secrets are sealed anew.
const LOCK: &str = "credentials";

/// The credentials in an archive's database, with the key that opens them.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    archive: Archive,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
}

impl Archive {
    /// Every credential, without its secret, in the order they were added.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn credentials(&self) -> Result<Vec<CredentialRecord>, DatabaseError> {
        let rows: Vec<Row> = statement(COLUMNS.in_order).fetch_all(&self.reader).await?;
        rows.into_iter().map(CredentialRecord::try_from).collect()
    }

    /// One credential, without its secret.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn credential(
        &self,
        id: CredentialId,
    ) -> Result<Option<CredentialRecord>, DatabaseError> {
        let row: Option<Row> = statement(COLUMNS.of_one)
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.map(CredentialRecord::try_from).transpose()
    }

    /// Removes a credential. False when there was none. What Bitbucket knows of it
    /// stays: a token is revoked there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_credential(&self, id: CredentialId) -> Result<bool, DatabaseError> {
        let mut transaction = self.begin().await?;
        let done = statement("delete from credentials where id = $1")
            .bind(id.to_string())
            .execute(&mut transaction.inner)
            .await?;
        transaction.commit().await?;
        Ok(done > 0)
    }

    /// The ids of the keys that secrets are sealed with: one, unless something
    /// went wrong.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn sealing_keys(&self) -> Result<Vec<String>, DatabaseError> {
        let secrets: Vec<String> = statement("select secret from credentials")
            .fetch_all_scalars(&self.reader)
            .await?;
        let mut keys: Vec<String> = secrets
            .iter()
            .filter_map(|secret| Some(Sealer::sealed_with(secret).ok()?.to_string()))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }
}

impl CredentialStore {
    /// The credentials of an archive.
    pub fn new(archive: Archive, sealer: Sealer, clock: Arc<dyn Clock>) -> Self {
        Self {
            archive,
            sealer,
            clock,
        }
    }

    /// The sealer, for what else is to be sealed with the same key.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Keeps a credential.
    ///
    /// # Errors
    ///
    /// When its owner has another of that label, or the database fails.
    pub async fn add(&self, new: &NewCredential) -> Result<CredentialId, CredentialError> {
        let now = self.clock.now();
        let id = CredentialId::new(now);
        let sealed = new.secret.seal(&self.sealer, id)?;
        let (consumer, expires_at, scopes) = match &new.secret {
            CredentialSecret::Grant { consumer, tokens } => (
                Some(consumer.as_str()),
                Some(tokens.expires_at),
                &tokens.scopes,
            ),
            _ => (None, new.expires_at, &new.scopes),
        };
        let mut transaction = self.archive.begin().await?;
        transaction.inner.lock(LOCK).await?;
        let taken: i64 = statement(
            "select count(*) from credentials
             where label = $1 and coalesce(owner_id, '') = coalesce($2, '')",
        )
        .bind(&new.label)
        .bind(new.owner.as_deref())
        .fetch_scalar(&mut transaction.inner)
        .await?;
        if taken > 0 {
            return Err(CredentialError::LabelTaken {
                label: new.label.clone(),
            });
        }
        statement(
            "insert into credentials (id, kind, label, account_uuid, account_name, workspace,
                 consumer, scopes, secret, revision, renewed_at_ms, expires_at_ms, owner_id,
                 created_at_ms)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $12, $10)",
        )
        .bind(id.to_string())
        .bind(new.secret.kind().name())
        .bind(&new.label)
        .bind(
            new.account_uuid
                .as_ref()
                .map(bucketload_model::AccountUuid::as_str),
        )
        .bind(new.account_name.as_deref())
        .bind(
            new.workspace
                .as_ref()
                .map(bucketload_model::WorkspaceSlug::as_str),
        )
        .bind(consumer)
        .bind(scopes.join(" "))
        .bind(sealed)
        .bind(now.timestamp_millis())
        .bind(expires_at.map(|time| time.timestamp_millis()))
        .bind(new.owner.as_deref())
        .execute(&mut transaction.inner)
        .await?;
        transaction.commit().await?;
        self.archive.writer.reach_disk().await?;
        Ok(id)
    }

    /// Gives a credential another secret of the same kind: somebody signed in again.
    /// What was dead is usable again.
    ///
    /// # Errors
    ///
    /// When there is none of that id and kind, or the database fails.
    pub async fn replace_secret(
        &self,
        id: CredentialId,
        secret: &CredentialSecret,
    ) -> Result<(), CredentialError> {
        let now = self.clock.now().timestamp_millis();
        let sealed = secret.seal(&self.sealer, id)?;
        let mut transaction = self.archive.begin().await?;
        // A renewal that is under way finds another revision, and gives up.
        let mut changed = statement(
            "update credentials set secret = $3, revision = revision + 1, renewed_at_ms = $4,
                 dead_because = null, lease_holder = null, lease_until_ms = null
             where id = $1 and kind = $2",
        )
        .bind(id.to_string())
        .bind(secret.kind().name())
        .bind(sealed)
        .bind(now)
        .execute(&mut transaction.inner)
        .await?;
        if let CredentialSecret::Grant { consumer, tokens } = secret {
            changed = statement(
                "update credentials set consumer = $2, scopes = $3, expires_at_ms = $4
                 where id = $1 and kind = 'oauth_grant'",
            )
            .bind(id.to_string())
            .bind(consumer)
            .bind(tokens.scopes.join(" "))
            .bind(tokens.expires_at.timestamp_millis())
            .execute(&mut transaction.inner)
            .await?;
        }
        if changed == 0 {
            return Err(CredentialError::Unknown);
        }
        transaction.commit().await?;
        Ok(self.archive.writer.reach_disk().await?)
    }

    /// A credential to sign requests with, noted as used. Grants want the client of
    /// their consumer.
    ///
    /// # Errors
    ///
    /// When there is none of that id, its secret cannot be opened, or it is a grant
    /// of another consumer.
    pub async fn source(
        &self,
        id: CredentialId,
        client: Option<&OAuthClient>,
    ) -> Result<CredentialSource, CredentialError> {
        let record = self.archive.credential(id).await?;
        let record = record.ok_or(CredentialError::Unknown)?;
        if let Some(reason) = record.dead_because {
            return Err(CredentialError::Dead {
                label: record.label,
                reason,
            });
        }
        // Whether it opens is known before anything begins.
        let opened = self.open(id).await?;
        let source = if record.kind == CredentialKind::OAuthGrant {
            let client = client.filter(|client| {
                Some(client.consumer().client_id.as_str()) == record.consumer.as_deref()
            });
            let client = client.ok_or_else(|| CredentialError::OtherConsumer {
                label: record.label.clone(),
                consumer: record.consumer.clone().unwrap_or_default(),
            })?;
            let session = GrantSession::new(
                id,
                record.label,
                Arc::new(self.clone()),
                client.clone(),
                self.clock.clone(),
            );
            session.into()
        } else {
            opened.fixed().into()
        };
        self.note_use(id).await?;
        Ok(source)
    }

    async fn open(&self, id: CredentialId) -> Result<Opened, CredentialError> {
        let sealed: Option<String> = statement("select secret from credentials where id = $1")
            .bind(id.to_string())
            .fetch_optional_scalar(&self.archive.reader)
            .await?;
        let sealed = sealed.ok_or(CredentialError::Unknown)?;
        Opened::open(&self.sealer, id, &sealed)
    }

    async fn note_use(&self, id: CredentialId) -> Result<(), DatabaseError> {
        let mut transaction = self.archive.begin().await?;
        statement("update credentials set used_at_ms = $2 where id = $1")
            .bind(id.to_string())
            .bind(self.clock.now().timestamp_millis())
            .execute(&mut transaction.inner)
            .await?;
        transaction.commit().await
    }
}
