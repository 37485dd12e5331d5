//! The Bitbucket accounts that users sign in with.

use bucketload_model::{AccountUuid, UserId};
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, time, unsigned};

/// An account of Bitbucket that belongs to a user of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRecord {
    /// The account's permanent id; the only thing of it that is an identity.
    pub account: AccountUuid,
    /// Whose it is.
    pub user: UserId,
    /// The name last seen.
    pub display_name: Option<String>,
    /// The short name last seen.
    pub nickname: Option<String>,
    /// The address last seen, if primary and confirmed.
    pub email: Option<String>,
    /// When it was connected.
    pub linked_at: DateTime<Utc>,
    /// When somebody last signed in with it.
    pub used_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct IdentityRow {
    account_uuid: String,
    user_id: String,
    display_name: Option<String>,
    nickname: Option<String>,
    email: Option<String>,
    linked_at_ms: i64,
    used_at_ms: Option<i64>,
}

impl TryFrom<IdentityRow> for IdentityRecord {
    type Error = DatabaseError;

    fn try_from(row: IdentityRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("identities", column, value);
        Ok(Self {
            account: row
                .account_uuid
                .parse()
                .map_err(|_| wrong("account_uuid", &row.account_uuid))?,
            user: row
                .user_id
                .parse()
                .map_err(|_| wrong("user_id", &row.user_id))?,
            display_name: row.display_name,
            nickname: row.nickname,
            email: row.email,
            linked_at: time(row.linked_at_ms),
            used_at: row.used_at_ms.map(time),
        })
    }
}

const SELECT: &str = "select account_uuid, user_id, display_name, nickname, email, linked_at_ms,
    used_at_ms from identities";

impl Archive {
    /// The identities of everybody, in the order in which they were connected.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn identities(&self) -> Result<Vec<IdentityRecord>, DatabaseError> {
        let rows: Vec<IdentityRow> = statement(SELECT)
            .push(" order by linked_at_ms, account_uuid")
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Those of one user.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn identities_of(&self, user: UserId) -> Result<Vec<IdentityRecord>, DatabaseError> {
        let rows: Vec<IdentityRow> = statement(SELECT)
            .push(" where user_id = $1 order by linked_at_ms, account_uuid")
            .bind(user.to_string())
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Transaction {
    /// The identity that an account is, if it is one.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn identity(
        &mut self,
        account: &AccountUuid,
    ) -> Result<Option<IdentityRecord>, DatabaseError> {
        let row: Option<IdentityRow> = statement(SELECT)
            .push(" where account_uuid = $1")
            .bind(account.as_str())
            .fetch_optional(&mut self.inner)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// How many identities a user has.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_identities(&mut self, user: UserId) -> Result<u64, DatabaseError> {
        let count: i64 = statement("select count(*) from identities where user_id = $1")
            .bind(user.to_string())
            .fetch_scalar(&mut self.inner)
            .await?;
        Ok(unsigned(count))
    }

    /// Stores an identity, anew or as it was seen now. Whose it is never changes.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_identity(&mut self, identity: &IdentityRecord) -> Result<(), DatabaseError> {
        statement(
            "insert into identities (account_uuid, user_id, display_name, nickname, email,
                 linked_at_ms, used_at_ms)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (account_uuid) do update set
                 display_name = excluded.display_name, nickname = excluded.nickname,
                 email = excluded.email, used_at_ms = excluded.used_at_ms",
        )
        .bind(identity.account.as_str())
        .bind(identity.user.to_string())
        .bind(identity.display_name.as_deref())
        .bind(identity.nickname.as_deref())
        .bind(identity.email.as_deref())
        .bind(identity.linked_at.timestamp_millis())
        .bind(identity.used_at.map(|time| time.timestamp_millis()))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Disconnects an account from a user, and says whether it was theirs.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_identity(
        &mut self,
        user: UserId,
        account: &AccountUuid,
    ) -> Result<bool, DatabaseError> {
        let done = statement("delete from identities where account_uuid = $1 and user_id = $2")
            .bind(account.as_str())
            .bind(user.to_string())
            .execute(&mut self.inner)
            .await?;
        Ok(done > 0)
    }
}
