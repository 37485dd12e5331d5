//! What of a credential may be shown.

use bucketload_auth::CredentialKind;
use bucketload_model::{AccountUuid, CredentialId, WorkspaceSlug};
use chrono::{DateTime, Utc};

use super::CredentialSecret;
use crate::DatabaseError;
use crate::database::unsigned;

/// A credential to keep.
#[derive(Debug)]
pub struct NewCredential {
    /// What signs requests.
    pub secret: CredentialSecret,
    /// What people call it, once per owner.
    pub label: String,
    /// Whose it is, where Bitbucket says.
    pub account_uuid: Option<AccountUuid>,
    /// The name of that account.
    pub account_name: Option<String>,
    /// What an access token is for.
    pub workspace: Option<WorkspaceSlug>,
    /// What it may do, where that is known; a grant's tokens say so themselves.
    pub scopes: Vec<String>,
    /// When a token ends, if whoever adds it says so; a grant's tokens say it themselves.
    pub expires_at: Option<DateTime<Utc>>,
    /// A user of the service; none for the command's own.
    pub owner: Option<String>,
}

/// A credential without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRecord {
    /// Its id.
    pub id: CredentialId,
    /// Its kind.
    pub kind: CredentialKind,
    /// What people call it.
    pub label: String,
    /// Whose it is, where Bitbucket says.
    pub account_uuid: Option<AccountUuid>,
    /// The name of that account.
    pub account_name: Option<String>,
    /// What an access token is for.
    pub workspace: Option<WorkspaceSlug>,
    /// The key of a grant's OAuth consumer.
    pub consumer: Option<String>,
    /// What it may do, where that is known.
    pub scopes: Vec<String>,
    /// How often a grant was renewed, and once for its beginning.
    pub revision: u64,
    /// When it was added or last renewed.
    pub renewed_at: DateTime<Utc>,
    /// When a token ends, where that is known; a grant renews its own.
    pub expires_at: Option<DateTime<Utc>>,
    /// Why it is of no more use, if it is not.
    pub dead_because: Option<String>,
    /// A user of the service; none for the command's own.
    pub owner: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub used_at: Option<DateTime<Utc>>,
}

impl CredentialRecord {
    /// Whether requests can be signed with it, as far as is known.
    pub const fn is_usable(&self) -> bool {
        self.dead_because.is_none()
    }
}

/// A row without its secret.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    kind: String,
    label: String,
    account_uuid: Option<String>,
    account_name: Option<String>,
    workspace: Option<String>,
    consumer: Option<String>,
    scopes: String,
    revision: i64,
    renewed_at_ms: i64,
    expires_at_ms: Option<i64>,
    dead_because: Option<String>,
    owner_id: Option<String>,
    created_at_ms: i64,
    used_at_ms: Option<i64>,
}

/// The statements that read rows.
pub(super) struct Columns {
    pub(super) in_order: &'static str,
    pub(super) of_one: &'static str,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, kind, label, account_uuid, account_name, workspace, consumer, scopes,
                 revision, renewed_at_ms, expires_at_ms, dead_because, owner_id, created_at_ms,
                 used_at_ms
             from credentials ",
            $rest
        )
    };
}

pub(super) const COLUMNS: Columns = Columns {
    in_order: select!("order by id"),
    of_one: select!("where id = $1"),
};

fn inconsistent(column: &'static str, value: &impl ToString) -> DatabaseError {
    DatabaseError::Inconsistent {
        table: "credentials",
        column,
        value: value.to_string(),
    }
}

pub(super) fn time(column: &'static str, millis: i64) -> Result<DateTime<Utc>, DatabaseError> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| inconsistent(column, &millis))
}

impl TryFrom<Row> for CredentialRecord {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let some_time = |column, millis: Option<i64>| millis.map(|it| time(column, it)).transpose();
        let account_uuid = row.account_uuid.map(|text| {
            let uuid = text.parse();
            uuid.map_err(|_| inconsistent("account_uuid", &text))
        });
        let workspace = row.workspace.map(|text| {
            let slug = text.parse();
            slug.map_err(|_| inconsistent("workspace", &text))
        });
        Ok(Self {
            id: row.id.parse().map_err(|_| inconsistent("id", &row.id))?,
            kind: CredentialKind::from_name(&row.kind)
                .ok_or_else(|| inconsistent("kind", &row.kind))?,
            label: row.label,
            account_uuid: account_uuid.transpose()?,
            account_name: row.account_name,
            workspace: workspace.transpose()?,
            consumer: row.consumer,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            revision: unsigned(row.revision),
            renewed_at: time("renewed_at_ms", row.renewed_at_ms)?,
            expires_at: some_time("expires_at_ms", row.expires_at_ms)?,
            dead_because: row.dead_because,
            owner: row.owner_id,
            created_at: time("created_at_ms", row.created_at_ms)?,
            used_at: some_time("used_at_ms", row.used_at_ms)?,
        })
    }
}
