//! Who is signed in, and from where.

use bucketload_model::UserId;
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::sql::statement;
use super::users::ACCOUNTS_LOCK;
use super::{Archive, DatabaseError, SecretHash, Transaction, time};

/// A browser that was here. Its token is known by its hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// What lists and forms call it; worth nothing as a token.
    pub id: String,
    /// Who is signed in, if somebody is.
    pub user: Option<UserId>,
    /// An authorization under way at Bitbucket, sealed.
    pub flow: Option<String>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to a few minutes.
    pub used_at: DateTime<Utc>,
    /// When it ends unless it is used.
    pub idle_until: DateTime<Utc>,
    /// When it ends in any case.
    pub ends_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: String,
    user_id: Option<String>,
    flow: Option<String>,
    user_agent: Option<String>,
    created_at_ms: i64,
    used_at_ms: i64,
    idle_until_ms: i64,
    ends_at_ms: i64,
}

impl TryFrom<SessionRow> for SessionRecord {
    type Error = DatabaseError;

    fn try_from(row: SessionRow) -> Result<Self, Self::Error> {
        let user = row.user_id.map(|id| {
            id.parse()
                .map_err(|_| inconsistent("sessions", "user_id", &id))
        });
        Ok(Self {
            id: row.id,
            user: user.transpose()?,
            flow: row.flow,
            user_agent: row.user_agent,
            created_at: time(row.created_at_ms),
            used_at: time(row.used_at_ms),
            idle_until: time(row.idle_until_ms),
            ends_at: time(row.ends_at_ms),
        })
    }
}

const SELECT: &str = "select id, user_id, flow, user_agent, created_at_ms, used_at_ms,
    idle_until_ms, ends_at_ms from sessions";

impl Archive {
    /// The session of a token, unless it has ended.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn session(
        &self,
        token: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<SessionRecord>, DatabaseError> {
        let row: Option<SessionRow> = statement(SELECT)
            .push(" where token_hash = $1 and idle_until_ms > $2 and ends_at_ms > $2")
            .bind(token.as_str())
            .bind(now.timestamp_millis())
            .fetch_optional(&self.reader)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// The sessions of a user that have not ended, the last used first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn sessions_of(
        &self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionRecord>, DatabaseError> {
        let rows: Vec<SessionRow> = statement(SELECT)
            .push(
                " where user_id = $1 and idle_until_ms > $2 and ends_at_ms > $2
             order by used_at_ms desc, id",
            )
            .bind(user.to_string())
            .bind(now.timestamp_millis())
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Transaction {
    /// Begins a session, and clears away those that have ended.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_session(
        &mut self,
        token: &SecretHash,
        session: &SessionRecord,
    ) -> Result<(), DatabaseError> {
        statement("delete from sessions where idle_until_ms <= $1 or ends_at_ms <= $1")
            .bind(session.created_at.timestamp_millis())
            .execute(&mut self.inner)
            .await?;
        statement(
            "insert into sessions (token_hash, id, user_id, flow, user_agent, created_at_ms,
                 used_at_ms, idle_until_ms, ends_at_ms)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(token.as_str())
        .bind(&session.id)
        .bind(session.user.map(|user| user.to_string()))
        .bind(session.flow.as_deref())
        .bind(session.user_agent.as_deref())
        .bind(session.created_at.timestamp_millis())
        .bind(session.used_at.timestamp_millis())
        .bind(session.idle_until.timestamp_millis())
        .bind(session.ends_at.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes that a session is in use.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn touch_session(
        &mut self,
        token: &SecretHash,
        now: DateTime<Utc>,
        idle_until: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement("update sessions set used_at_ms = $2, idle_until_ms = $3 where token_hash = $1")
            .bind(token.as_str())
            .bind(now.timestamp_millis())
            .bind(idle_until.timestamp_millis())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Keeps what an authorization under way needs to end. One at a time: a second
    /// takes the place of the first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_session_flow(
        &mut self,
        token: &SecretHash,
        flow: &str,
    ) -> Result<(), DatabaseError> {
        statement("update sessions set flow = $2 where token_hash = $1")
            .bind(token.as_str())
            .bind(flow)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Takes out what was kept: whoever comes second with the same answer finds nothing.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn take_session_flow(
        &mut self,
        token: &SecretHash,
    ) -> Result<Option<String>, DatabaseError> {
        self.inner.lock(ACCOUNTS_LOCK).await?;
        let flow: Option<Option<String>> =
            statement("select flow from sessions where token_hash = $1")
                .bind(token.as_str())
                .fetch_optional_scalar(&mut self.inner)
                .await?;
        statement("update sessions set flow = null where token_hash = $1")
            .bind(token.as_str())
            .execute(&mut self.inner)
            .await?;
        Ok(flow.flatten())
    }

    /// Ends the session of a token.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_session(&mut self, token: &SecretHash) -> Result<(), DatabaseError> {
        statement("delete from sessions where token_hash = $1")
            .bind(token.as_str())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Ends a session of a user, and says whether it was theirs.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_session_of(
        &mut self,
        user: UserId,
        id: &str,
    ) -> Result<bool, DatabaseError> {
        let done = statement("delete from sessions where user_id = $1 and id = $2")
            .bind(user.to_string())
            .bind(id)
            .execute(&mut self.inner)
            .await?;
        Ok(done > 0)
    }

    /// Ends all sessions of a user.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_sessions_of(&mut self, user: UserId) -> Result<(), DatabaseError> {
        statement("delete from sessions where user_id = $1")
            .bind(user.to_string())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }
}
