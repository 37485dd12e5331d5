//! Which credential an import of the queue is run with, and the client that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bucketload_archive::{
    Archive, CredentialError, CredentialRecord, CredentialStore, DatabaseError,
};
use bucketload_auth::CredentialKind;
use bucketload_auth::oauth::OAuthClient;
use bucketload_bitbucket::{BuildError, Client, ClientOptions};
use bucketload_model::{CredentialId, RepositoryName, UserRole, UserState, WorkspaceSlug};
use tokio::sync::Mutex;

use crate::notices::Refusal;

/// Clients with credentials that are kept. There is one for each credential: its requests
/// are under way in one number, whichever imports they are for.
pub struct Clients {
    options: ClientOptions,
    store: CredentialStore,
    /// Renews grants.
    consumer: Option<OAuthClient>,
    /// With the revision that each has.
    made: Mutex<BTreeMap<CredentialId, (u64, Client)>>,
}

/// There is no credential to run an import with.
#[derive(Debug, thiserror::Error)]
pub enum NoClient {
    /// It was asked for with one that is gone.
    #[error("the credential that it was queued with ({0}) is not kept any more")]
    Gone(String),
    /// Whose it is may not import any more.
    #[error("the credential “{0}” belongs to somebody who may not import any more")]
    NotTheirs(String),
    /// Nobody said which.
    #[error("several credentials fit, and none was named: {0}")]
    Several(String),
    /// The one that fits is of no more use.
    #[error("the credential “{label}” has ended: {reason}")]
    Ended {
        /// Its id.
        id: CredentialId,
        /// Its label.
        label: String,
        /// Why.
        reason: String,
    },
    /// It cannot be opened.
    #[error(transparent)]
    Store(CredentialError),
    /// It cannot be sent.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
}

/// Which of the credentials that are kept fits without being named.
#[derive(Debug, PartialEq, Eq)]
pub enum Fitting<'a> {
    /// None does.
    None,
    /// One does.
    One(&'a CredentialRecord),
    /// Those that do have ended; this is one of them.
    Ended(&'a CredentialRecord),
    /// It is not clear.
    Several(Vec<&'a CredentialRecord>),
}

/// The one credential for these workspaces that belongs to nobody in particular. One made
/// for a workspace comes before those of people.
pub fn fitting<'a>(
    records: &'a [CredentialRecord],
    workspaces: &BTreeSet<&WorkspaceSlug>,
) -> Fitting<'a> {
    let fits = |record: &&CredentialRecord| {
        let own = record.workspace.as_ref();
        record.owner.is_none() && own.is_none_or(|own| workspaces.iter().all(|it| *it == own))
    };
    let fitting: Vec<_> = records.iter().filter(fits).collect();
    let usable = fitting.iter().copied().filter(|record| record.is_usable());
    let usable: Vec<_> = usable.collect();
    let mut made_for_it = usable.iter().filter(|record| record.workspace.is_some());
    match (usable.as_slice(), made_for_it.next(), made_for_it.next()) {
        ([record], _, _) | (_, Some(record), None) => Fitting::One(record),
        ([], _, _) => fitting
            .first()
            .map_or(Fitting::None, |record| Fitting::Ended(record)),
        _ => Fitting::Several(usable),
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

impl Clients {
    /// Clients with these options. Grants want the client of their OAuth consumer.
    pub fn new(
        options: ClientOptions,
        store: CredentialStore,
        consumer: Option<OAuthClient>,
    ) -> Self {
        Self {
            options,
            store,
            consumer,
            made: Mutex::default(),
        }
    }

    /// The client for an import: the one with the credential that it was asked for with;
    /// otherwise `configured`, unless that is anonymous and one that is kept fits.
    pub(super) async fn client(
        &self,
        archive: &Archive,
        name: &RepositoryName,
        credential: Option<&str>,
        configured: &Client,
    ) -> Result<Client, NoClient> {
        let Some(id) = credential else {
            if !configured.credential().is_anonymous() {
                return Ok(configured.clone());
            }
            let records = archive.credentials().await?;
            return match fitting(&records, &BTreeSet::from([&name.workspace])) {
                Fitting::None => Ok(configured.clone()),
                Fitting::One(record) => self.of(record).await,
                Fitting::Ended(record) => Err(NoClient::Ended {
                    id: record.id,
                    label: record.label.clone(),
                    reason: record.dead_because.clone().unwrap_or_default(),
                }),
                Fitting::Several(records) => {
                    let labels: Vec<_> = records
                        .iter()
                        .map(|record| format!("“{}”", record.label))
                        .collect();
                    Err(NoClient::Several(labels.join(", ")))
                }
            };
        };
        let record = match id.parse() {
            Ok(id) => archive.credential(id).await?,
            Err(_) => None,
        };
        let record = record.ok_or_else(|| NoClient::Gone(id.to_owned()))?;
        if !is_owner_let_in(archive, &record).await? {
            return Err(NoClient::NotTheirs(record.label));
        }
        self.of(&record).await
    }

    /// The client with a credential that is kept.
    ///
    /// # Errors
    ///
    /// When it has ended or cannot be opened, or the database fails.
    pub async fn of(&self, record: &CredentialRecord) -> Result<Client, NoClient> {
        let mut made = self.made.lock().await;
        if let Some((revision, client)) = made.get(&record.id)
            && (*revision == record.revision || record.kind == CredentialKind::OAuthGrant)
        {
            // Renewing a grant is its own business; a token may have been replaced.
            return Ok(client.clone());
        }
        let consumer = match record.kind {
            CredentialKind::OAuthGrant => self.consumer.as_ref(),
            CredentialKind::AccessToken | CredentialKind::ApiToken => None,
        };
        let source = self.store.source(record.id, consumer).await;
        let source = source.map_err(|error| match error {
            CredentialError::Database(error) => NoClient::Database(error),
            error => NoClient::Store(error),
        })?;
        let client = Client::new(self.options.clone(), source)?;
        made.insert(record.id, (record.revision, client.clone()));
        Ok(client)
    }

    /// Waits until no grant is being renewed: what replaces a used refresh token is kept.
    pub async fn settle(&self) {
        for (_, client) in self.made.lock().await.values() {
            client.credential().settle().await;
        }
    }
}

/// Whether the user whose credential it is may still import; it may be nobody's.
async fn is_owner_let_in(
    archive: &Archive,
    record: &CredentialRecord,
) -> Result<bool, DatabaseError> {
    let Some(owner) = &record.owner else {
        return Ok(true);
    };
    let Ok(owner) = owner.parse() else {
        return Ok(false);
    };
    let user = archive.user(owner).await?;
    Ok(user.is_some_and(|user| user.state == UserState::Active && user.role >= UserRole::Member))
}

impl NoClient {
    /// As what it is told. `credential` is the one that was wanted.
    pub(super) fn refusal(&self, credential: Option<&str>) -> Refusal {
        let ended = match self {
            Self::Ended { id, .. } => Some(*id),
            Self::Store(CredentialError::Dead { .. }) => credential.and_then(|id| id.parse().ok()),
            _ => None,
        };
        ended.map_or(Refusal::Other, Refusal::Credential)
    }

    /// What a person can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Gone(_) | Self::NotTheirs(_) | Self::Several(_) => {
                "ask for the import again with another credential: under “New import” on the \
                 dashboard, or with --credential"
            }
            Self::Ended { .. } | Self::Store(_) => {
                "whoever connected it does so again on the account page of the dashboard, or \
                 `bucketload auth list` says how it is and `auth login` or `auth add-token` \
                 replaces it; then retry the import"
            }
            Self::Build(_) => "check the credential and the addresses in the configuration",
            Self::Database(_) => "check the database, then retry the import",
        }
    }
}
