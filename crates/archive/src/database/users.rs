//! The people who use the service.

use bucketload_model::{UserId, UserRole, UserState};
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, time, unsigned};

/// Held while something is decided by what was read: who comes second must see it done.
pub(super) const ACCOUNTS_LOCK: &str = "accounts";

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Their id.
    pub id: UserId,
    /// The name shown. Not unique.
    pub display_name: String,
    /// An address that Bitbucket or an administrator vouches for.
    pub email: Option<String>,
    /// What they may do.
    pub role: UserRole,
    /// Whether they may come in.
    pub state: UserState,
    /// When they came first.
    pub created_at: DateTime<Utc>,
    /// When they were last here.
    pub seen_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: String,
    display_name: String,
    email: Option<String>,
    role: String,
    state: String,
    created_at_ms: i64,
    seen_at_ms: Option<i64>,
}

impl TryFrom<UserRow> for UserRecord {
    type Error = DatabaseError;

    fn try_from(row: UserRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("users", column, value);
        Ok(Self {
            id: row.id.parse().map_err(|_| wrong("id", &row.id))?,
            role: row.role.parse().map_err(|_| wrong("role", &row.role))?,
            state: row.state.parse().map_err(|_| wrong("state", &row.state))?,
            display_name: row.display_name,
            email: row.email,
            created_at: time(row.created_at_ms),
            seen_at: row.seen_at_ms.map(time),
        })
    }
}

const SELECT: &str =
    "select id, display_name, email, role, state, created_at_ms, seen_at_ms from users";

impl Archive {
    /// Everybody, in the order in which they came.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn users(&self) -> Result<Vec<UserRecord>, DatabaseError> {
        let rows: Vec<UserRow> = statement(SELECT)
            .push(" order by id")
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// A user, if there is one of that id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn user(&self, id: UserId) -> Result<Option<UserRecord>, DatabaseError> {
        let row: Option<UserRow> = statement(SELECT)
            .push(" where id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.map(TryInto::try_into).transpose()
    }
}

impl Transaction {
    /// The same, as this transaction sees it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn user(&mut self, id: UserId) -> Result<Option<UserRecord>, DatabaseError> {
        let row: Option<UserRow> = statement(SELECT)
            .push(" where id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut self.inner)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Those whose address it is, in whatever case.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn users_by_email(&mut self, email: &str) -> Result<Vec<UserRecord>, DatabaseError> {
        let rows: Vec<UserRow> = statement(SELECT)
            .push(" where lower(email) = $1 order by id")
            .bind(email.to_lowercase())
            .fetch_all(&mut self.inner)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// How many administrators may come in. Until the transaction ends, nobody else
    /// decides anything by that number.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_active_administrators(&mut self) -> Result<u64, DatabaseError> {
        self.inner.lock(ACCOUNTS_LOCK).await?;
        let count: i64 = statement("select count(*) from users where role = $1 and state = $2")
            .bind(UserRole::Administrator.name())
            .bind(UserState::Active.name())
            .fetch_scalar(&mut self.inner)
            .await?;
        Ok(unsigned(count))
    }

    /// Stores a user, anew or changed.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_user(&mut self, user: &UserRecord) -> Result<(), DatabaseError> {
        statement(
            "insert into users (id, display_name, email, role, state, created_at_ms, seen_at_ms)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (id) do update set
                 display_name = excluded.display_name, email = excluded.email,
                 role = excluded.role, state = excluded.state,
                 seen_at_ms = excluded.seen_at_ms",
        )
        .bind(user.id.to_string())
        .bind(&user.display_name)
        .bind(user.email.as_deref())
        .bind(user.role.name())
        .bind(user.state.name())
        .bind(user.created_at.timestamp_millis())
        .bind(user.seen_at.map(|time| time.timestamp_millis()))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes that a user was here.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn touch_user(
        &mut self,
        id: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement("update users set seen_at_ms = $2 where id = $1")
            .bind(id.to_string())
            .bind(now.timestamp_millis())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }
}
