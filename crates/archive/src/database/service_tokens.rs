//! Tokens for scripts that use the service.

use bucketload_model::{TokenScope, UserId};
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::sql::statement;
use super::{Archive, DatabaseError, SecretHash, Transaction, time};

/// A token of the service. Itself it is known by its hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTokenRecord {
    /// What lists and forms call it; worth nothing as a token.
    pub id: String,
    /// Whose it is.
    pub user: UserId,
    /// What it is for, in their words.
    pub name: String,
    /// What it may do, at most: no more than its user.
    pub scopes: Vec<TokenScope>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends, if it does.
    pub ends_at: Option<DateTime<Utc>>,
    /// When it was last used, to a few minutes.
    pub used_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: String,
    user_id: String,
    name: String,
    scopes: String,
    created_at_ms: i64,
    ends_at_ms: Option<i64>,
    used_at_ms: Option<i64>,
}

impl TryFrom<TokenRow> for ServiceTokenRecord {
    type Error = DatabaseError;

    fn try_from(row: TokenRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("service_tokens", column, value);
        let scopes = row.scopes.split_whitespace();
        Ok(Self {
            user: row
                .user_id
                .parse()
                .map_err(|_| wrong("user_id", &row.user_id))?,
            scopes: scopes
                .map(|scope| scope.parse().map_err(|_| wrong("scopes", scope)))
                .collect::<Result<_, _>>()?,
            id: row.id,
            name: row.name,
            created_at: time(row.created_at_ms),
            ends_at: row.ends_at_ms.map(time),
            used_at: row.used_at_ms.map(time),
        })
    }
}

const SELECT: &str = "select id, user_id, name, scopes, created_at_ms, ends_at_ms, used_at_ms
    from service_tokens";

impl Archive {
    /// The record of a token, whether it has ended or not.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn service_token(
        &self,
        token: &SecretHash,
    ) -> Result<Option<ServiceTokenRecord>, DatabaseError> {
        let row: Option<TokenRow> = statement(SELECT)
            .push(" where token_hash = $1")
            .bind(token.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// The tokens of a user, the newest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn service_tokens_of(
        &self,
        user: UserId,
    ) -> Result<Vec<ServiceTokenRecord>, DatabaseError> {
        let rows: Vec<TokenRow> = statement(SELECT)
            .push(" where user_id = $1 order by id desc")
            .bind(user.to_string())
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Transaction {
    /// Stores a new token.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_service_token(
        &mut self,
        token: &SecretHash,
        record: &ServiceTokenRecord,
    ) -> Result<(), DatabaseError> {
        let scopes: Vec<&str> = record.scopes.iter().map(|scope| scope.name()).collect();
        statement(
            "insert into service_tokens (id, token_hash, user_id, name, scopes, created_at_ms,
                 ends_at_ms, used_at_ms)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&record.id)
        .bind(token.as_str())
        .bind(record.user.to_string())
        .bind(&record.name)
        .bind(scopes.join(" "))
        .bind(record.created_at.timestamp_millis())
        .bind(record.ends_at.map(|time| time.timestamp_millis()))
        .bind(record.used_at.map(|time| time.timestamp_millis()))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes that a token is in use.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn touch_service_token(
        &mut self,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement("update service_tokens set used_at_ms = $2 where id = $1")
            .bind(id)
            .bind(now.timestamp_millis())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Removes a token of a user, and gives its name if it was theirs.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_service_token(
        &mut self,
        user: UserId,
        id: &str,
    ) -> Result<Option<String>, DatabaseError> {
        statement("delete from service_tokens where user_id = $1 and id = $2 returning name")
            .bind(user.to_string())
            .bind(id)
            .fetch_optional_scalar(&mut self.inner)
            .await
    }
}
