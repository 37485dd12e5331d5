//! What every page works with.

use std::sync::Arc;

use axum::http::HeaderValue;
use bucketload_archive::{
    Archive, AuditEntry, CredentialStore, DatabaseError, Transaction, UserRecord,
};
use bucketload_auth::oauth::OAuthClient;
use bucketload_bitbucket::Client;
use bucketload_model::{Clock, UserId, WorkspaceSlug};
use bucketload_worker::queue::{Clients, Queue};
use chrono::{DateTime, Duration, Utc};
use url::Url;

use crate::bitbucket::lists::{Found, Looker, Search};
use crate::bitbucket::shelf::Shelf;
use crate::error::PageError;
use crate::events::Hub;
use crate::health::Health;
use crate::metrics::Figures;
use crate::options::{BitbucketOptions, SettingLine, UploadLimits};
use crate::security::cookie::CookieRule;
use crate::security::limiter::Limiter;
use crate::security::peer::TrustedProxies;
use crate::security::secrets::row_id;
use crate::switches::Switches;

/// A handle that is cheap to clone.
pub(crate) type App = Arc<Service>;

/// What every page works with.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) archive: Archive,
    pub(crate) health: Health,
    /// What happens to imports, for those who look.
    pub(crate) events: Hub,
    /// Where imports are asked for; whoever asks names themselves.
    pub(crate) queue: Queue,
    pub(crate) figures: Figures,
    /// What people let this service do at Bitbucket in their name, sealed.
    pub(crate) credentials: CredentialStore,
    /// Clients with credentials that are kept, for people who wait.
    pub(crate) clients: Clients,
    /// The one with the configured credential.
    pub(crate) asking: Client,
    /// What Bitbucket showed people a short while ago.
    pub(crate) lists: Lists,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) public_url: Url,
    pub(crate) bitbucket: BitbucketOptions,
    /// Settings of the configuration that administrators may look at.
    pub(crate) settings: Vec<SettingLine>,
    pub(crate) uploads: UploadLimits,
    /// Absent where no consumer is configured.
    pub(crate) oauth: Option<OAuthClient>,
    pub(crate) cookie: CookieRule,
    pub(crate) content_security_policy: HeaderValue,
    pub(crate) limits: Limits,
    pub(crate) trusted_proxies: TrustedProxies,
}

/// What Bitbucket showed people a short while ago.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) workspaces: Shelf<Looker, Vec<WorkspaceSlug>>,
    pub(crate) repositories: Shelf<(Looker, Search), Found>,
}

/// How often strangers may try, and people may ask what costs others something.
#[derive(Debug)]
pub(crate) struct Limits {
    /// One-time codes entered.
    pub(crate) codes: Limiter,
    /// Sign-ins begun at or returned from Bitbucket: each may cost it four requests.
    pub(crate) sign_ins: Limiter,
    /// Pages of lists that a user asks Bitbucket for.
    pub(crate) lists: Limiter<UserId>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            codes: Limiter::new(10, Duration::minutes(1)),
            sign_ins: Limiter::new(30, Duration::minutes(1)),
            lists: Limiter::new(60, Duration::minutes(1)),
        }
    }
}

impl Service {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) async fn switches(&self) -> Result<Switches, DatabaseError> {
        Ok(Switches::read(&self.archive.service_settings().await?))
    }

    /// Notes what a user did where that has a transaction of its own.
    pub(crate) async fn note_alone(
        &self,
        who: &UserRecord,
        action: &str,
        subject: &str,
    ) -> Result<(), PageError> {
        let mut transaction = self.archive.begin().await?;
        self.note(&mut transaction, who, action, subject).await?;
        Ok(transaction.commit().await?)
    }

    /// Notes in the audit log what a user did, in the transaction that does it.
    pub(crate) async fn note(
        &self,
        transaction: &mut Transaction,
        who: &UserRecord,
        action: &str,
        subject: &str,
    ) -> Result<(), PageError> {
        let now = self.now();
        let entry = AuditEntry {
            id: row_id(now)?,
            happened_at: now,
            user: Some(who.id),
            who: who.display_name.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            import: None,
        };
        Ok(transaction.put_audit_entry(&entry).await?)
    }
}
