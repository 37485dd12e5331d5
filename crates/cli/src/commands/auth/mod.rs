//! `bucketload auth`: one file per command below it.

mod add_token;
mod admin_code;
mod callback;
mod list;
mod login;
mod remove;
mod rotate_key;

use bucketload_archive::{Archive, CredentialRecord};
use bucketload_auth::Credential;
use bucketload_bitbucket::{Client, ClientOptions};
use serde::Serialize;

use super::Session;
use crate::arguments::AuthCommand;
use crate::messages::{Exit, Problem};

pub(crate) async fn run(session: &Session, command: AuthCommand) -> Result<Exit, Problem> {
    match command {
        AuthCommand::Login(options) => login::run(session, &options).await,
        AuthCommand::AddToken(options) => add_token::run(session, &options).await,
        AuthCommand::List => list::run(session).await,
        AuthCommand::Remove(options) => remove::run(session, &options).await,
        AuthCommand::RotateKey(options) => rotate_key::run(session, &options).await,
        AuthCommand::AdminCode(options) => admin_code::run(session, &options).await,
    }
}

/// The database, made if it is missing: credentials may come before the first
/// import.
async fn open_archive(session: &Session) -> Result<Archive, Problem> {
    let data_dir = &session.config.data_dir;
    data_dir.create()?;
    Ok(Archive::open(data_dir).await?)
}

/// A client with a credential that is not kept yet.
fn client(session: &Session, credential: Credential) -> Result<Client, Problem> {
    let config = &session.config;
    let mut options = ClientOptions::new(config.api_url.clone());
    options.allow_insecure = config.allow_insecure;
    options.hourly_quota = config.rest_quota;
    options.is_interactive = true;
    Ok(Client::new(options, credential)?)
}

/// A credential in `--json`; no secret is in it.
#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    label: String,
    kind: &'static str,
    state: &'static str,
    reason: Option<String>,
    account: Option<String>,
    account_uuid: Option<String>,
    workspace: Option<String>,
    scopes: Vec<String>,
    /// Of the token, where that is known; a sign-in renews its own.
    expires_at: Option<chrono::DateTime<chrono::Utc>>,
    renews_itself: bool,
    owner: Option<String>,
    created_at: chrono::DateTime<chrono::Utc>,
    used_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl From<CredentialRecord> for Entry {
    fn from(record: CredentialRecord) -> Self {
        Self {
            id: record.id.to_string(),
            kind: record.kind.name(),
            state: if record.is_usable() { "usable" } else { "dead" },
            renews_itself: record.consumer.is_some() && record.is_usable(),
            label: record.label,
            reason: record.dead_because,
            account: record.account_name,
            account_uuid: record.account_uuid.map(|uuid| uuid.to_string()),
            workspace: record.workspace.map(|slug| slug.to_string()),
            scopes: record.scopes,
            expires_at: record.expires_at,
            owner: record.owner,
            created_at: record.created_at,
            used_at: record.used_at,
        }
    }
}
