//! Grants are renewed by one at a time, across processes.

use bucketload_auth::oauth::TokenSet;
use bucketload_auth::{GrantKeeper, KeeperError, KeeperFuture, KeptGrant, Lease};
use bucketload_model::{CredentialId, NoticeKind};
use chrono::{DateTime, Utc};

use super::row::time;
use super::secret::{Opened, seal_tokens};
use super::{CredentialError, CredentialStore};
use crate::database::sql::statement;
use crate::database::{signed, unsigned};
use crate::{DatabaseError, NewNotice, Transaction};

type GrantRow = (String, String, i64, i64, Option<i64>, Option<String>);

impl CredentialStore {
    async fn kept(&self, id: CredentialId) -> Result<KeptGrant, CredentialError> {
        let row: Option<GrantRow> = statement(
            "select secret, scopes, revision, renewed_at_ms, expires_at_ms, dead_because
             from credentials where id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&self.archive.reader)
        .await?;
        let (sealed, scopes, revision, renewed_at, expires_at, dead_because) =
            row.ok_or(CredentialError::Unknown)?;
        let (access_token, refresh_token) = Opened::open(&self.sealer, id, &sealed)?.tokens();
        let renewed_at = time("renewed_at_ms", renewed_at)?;
        let expires_at = expires_at.map(|it| time("expires_at_ms", it)).transpose()?;
        Ok(KeptGrant {
            tokens: TokenSet {
                access_token,
                refresh_token,
                expires_at: expires_at.unwrap_or(renewed_at),
                scopes: scopes.split_whitespace().map(str::to_owned).collect(),
            },
            renewed_at,
            revision: unsigned(revision),
            dead_because,
        })
    }

    async fn lease(
        &self,
        id: CredentialId,
        revision: u64,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.archive.begin().await?;
        let done = statement(
            "update credentials set lease_holder = $3, lease_until_ms = $4
             where id = $1 and revision = $2
                 and (lease_holder is null or lease_holder = $3 or lease_until_ms <= $5)",
        )
        .bind(id.to_string())
        .bind(signed(revision))
        .bind(lease.holder.as_str())
        .bind(lease.until.timestamp_millis())
        .bind(now.timestamp_millis())
        .execute(&mut transaction.inner)
        .await?;
        transaction.commit().await?;
        Ok(done > 0)
    }

    async fn give_back(&self, id: CredentialId, holder: &str) -> Result<(), DatabaseError> {
        let mut transaction = self.archive.begin().await?;
        statement(
            "update credentials set lease_holder = null, lease_until_ms = null
             where id = $1 and lease_holder = $2",
        )
        .bind(id.to_string())
        .bind(holder)
        .execute(&mut transaction.inner)
        .await?;
        transaction.commit().await
    }

    async fn replace(
        &self,
        id: CredentialId,
        revision: u64,
        tokens: &TokenSet,
        now: DateTime<Utc>,
    ) -> Result<(), CredentialError> {
        let sealed = seal_tokens(&self.sealer, id, tokens)?;
        let mut transaction = self.archive.begin().await?;
        statement(
            "update credentials set secret = $3, scopes = $4, expires_at_ms = $5,
                 renewed_at_ms = $6, used_at_ms = $6, revision = revision + 1,
                 lease_holder = null, lease_until_ms = null
             where id = $1 and revision = $2",
        )
        .bind(id.to_string())
        .bind(signed(revision))
        .bind(sealed)
        .bind(tokens.scopes.join(" "))
        .bind(tokens.expires_at.timestamp_millis())
        .bind(now.timestamp_millis())
        .execute(&mut transaction.inner)
        .await?;
        transaction.commit().await?;
        Ok(self.archive.writer.reach_disk().await?)
    }

    async fn mark_dead(
        &self,
        id: CredentialId,
        revision: u64,
        reason: &str,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.archive.begin().await?;
        let done = statement(
            "update credentials set dead_because = $3, lease_holder = null, lease_until_ms = null
             where id = $1 and revision = $2",
        )
        .bind(id.to_string())
        .bind(signed(revision))
        .bind(reason)
        .execute(&mut transaction.inner)
        .await?;
        if done > 0 {
            self.tell_end(&mut transaction, id, reason).await?;
        }
        transaction.commit().await?;
        Ok(done > 0)
    }
}

impl CredentialStore {
    /// Somebody is told of a grant's end together with it.
    async fn tell_end(
        &self,
        transaction: &mut Transaction,
        id: CredentialId,
        reason: &str,
    ) -> Result<(), DatabaseError> {
        let label: Option<String> = statement("select label from credentials where id = $1")
            .bind(id.to_string())
            .fetch_optional_scalar(&mut transaction.inner)
            .await?;
        let label = label.unwrap_or_default();
        let notice = NewNotice {
            kind: NoticeKind::CredentialExpired,
            subject: &id.to_string(),
            happened_at: self.clock.now(),
            repository: None,
            import: None,
            line: &format!("The sign-in “{label}” has ended and has to be made anew: {reason}"),
        };
        transaction.put_notice(&notice).await?;
        Ok(())
    }
}

impl From<CredentialError> for KeeperError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Unknown => Self::Removed,
            CredentialError::Sealed { source, .. } => Self::Sealed(source),
            error => Self::Store(Box::new(error)),
        }
    }
}

fn stored(error: DatabaseError) -> KeeperError {
    KeeperError::Store(Box::new(error))
}

impl GrantKeeper for CredentialStore {
    fn grant(&self, id: CredentialId) -> KeeperFuture<'_, KeptGrant> {
        Box::pin(async move { Ok(self.kept(id).await?) })
    }

    fn take_lease<'a>(
        &'a self,
        id: CredentialId,
        revision: u64,
        lease: &'a Lease,
        now: DateTime<Utc>,
    ) -> KeeperFuture<'a, bool> {
        Box::pin(async move { self.lease(id, revision, lease, now).await.map_err(stored) })
    }

    fn end_lease<'a>(&'a self, id: CredentialId, holder: &'a str) -> KeeperFuture<'a, ()> {
        Box::pin(async move { self.give_back(id, holder).await.map_err(stored) })
    }

    fn renew<'a>(
        &'a self,
        id: CredentialId,
        revision: u64,
        tokens: &'a TokenSet,
        now: DateTime<Utc>,
    ) -> KeeperFuture<'a, KeptGrant> {
        Box::pin(async move {
            self.replace(id, revision, tokens, now).await?;
            Ok(self.kept(id).await?)
        })
    }

    fn bury<'a>(
        &'a self,
        id: CredentialId,
        revision: u64,
        reason: &'a str,
    ) -> KeeperFuture<'a, bool> {
        Box::pin(async move { self.mark_dead(id, revision, reason).await.map_err(stored) })
    }
}
