//! Codes that are shown on the terminal and entered once.

use bucketload_model::UserId;
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::sql::statement;
use super::users::ACCOUNTS_LOCK;
use super::{DatabaseError, SecretHash, Transaction, signed};

/// Whom a code lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeFor {
    /// The first administrator, who is to be made.
    FirstAdministrator,
    /// A user.
    User(UserId),
}

impl CodeFor {
    fn user(self) -> Option<String> {
        match self {
            Self::FirstAdministrator => None,
            Self::User(user) => Some(user.to_string()),
        }
    }
}

impl Transaction {
    /// Makes a code good until `ends_at`, and every other one for the same person worthless.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_code(
        &mut self,
        code: &SecretHash,
        whom: CodeFor,
        now: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement(
            "delete from one_time_codes
             where ends_at_ms <= $1 or coalesce(user_id, '') = coalesce($2, '')",
        )
        .bind(now.timestamp_millis())
        .bind(whom.user())
        .execute(&mut self.inner)
        .await?;
        statement(
            "insert into one_time_codes (code_hash, user_id, created_at_ms, ends_at_ms)
             values ($1, $2, $3, $4)",
        )
        .bind(code.as_str())
        .bind(whom.user())
        .bind(now.timestamp_millis())
        .bind(ends_at.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Uses a code up, and says whom it lets in. A wrong one counts against those that
    /// are good: after `most_misses` they are good no longer.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn take_code(
        &mut self,
        code: &SecretHash,
        now: DateTime<Utc>,
        most_misses: u64,
    ) -> Result<Option<CodeFor>, DatabaseError> {
        self.inner.lock(ACCOUNTS_LOCK).await?;
        let found: Option<Option<String>> = statement(
            "select user_id from one_time_codes
             where code_hash = $1 and ends_at_ms > $2 and misses < $3",
        )
        .bind(code.as_str())
        .bind(now.timestamp_millis())
        .bind(signed(most_misses))
        .fetch_optional_scalar(&mut self.inner)
        .await?;
        let Some(user) = found else {
            statement("update one_time_codes set misses = misses + 1")
                .execute(&mut self.inner)
                .await?;
            return Ok(None);
        };
        statement("delete from one_time_codes where code_hash = $1")
            .bind(code.as_str())
            .execute(&mut self.inner)
            .await?;
        let whom = match user {
            None => CodeFor::FirstAdministrator,
            Some(id) => CodeFor::User(
                id.parse()
                    .map_err(|_| inconsistent("one_time_codes", "user_id", &id))?,
            ),
        };
        Ok(Some(whom))
    }
}
