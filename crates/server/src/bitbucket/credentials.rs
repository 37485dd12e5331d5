//! Which credentials somebody may import with.

use std::fmt;
use std::str::FromStr;

use bucketload_archive::{CredentialRecord, DatabaseError};
use bucketload_bitbucket::Client;
use bucketload_model::{CredentialId, UserId, WorkspaceSlug};

use super::trouble::Trouble;
use crate::service::Service;

/// A credential as it stands in addresses and forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Which {
    /// That of the configuration, or none where none is configured.
    Configured,
    /// One that is kept.
    Kept(CredentialId),
}

/// What [`Which::Configured`] is called.
const CONFIGURED: &str = "service";

impl Which {
    /// As the queue has it.
    pub(crate) fn for_queue(self) -> Option<String> {
        match self {
            Self::Configured => None,
            Self::Kept(id) => Some(id.to_string()),
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str(CONFIGURED),
            Self::Kept(id) => id.fmt(f),
        }
    }
}

impl FromStr for Which {
    type Err = <CredentialId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == CONFIGURED {
            return Ok(Self::Configured);
        }
        text.parse().map(Self::Kept)
    }
}

/// Whose a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of whoever asks.
    Own,
    /// Of the service: whoever may import may import with it.
    Service,
    /// Nobody's: there is none, and what is public is seen.
    Nobody,
}

/// A credential that somebody may import with.
#[derive(Debug, Clone)]
pub(crate) struct Usable {
    pub(crate) which: Which,
    pub(crate) whose: Whose,
    pub(crate) label: String,
    /// What an access token is for.
    pub(crate) workspace: Option<WorkspaceSlug>,
    /// Why it is of no more use, if it is not.
    pub(crate) ended: Option<String>,
}

impl Usable {
    fn kept(record: &CredentialRecord, whose: Whose) -> Self {
        Self {
            which: Which::Kept(record.id),
            whose,
            label: record.label.clone(),
            workspace: record.workspace.clone(),
            ended: record.dead_because.clone(),
        }
    }
}

/// The one to begin with: the first that has not ended; what is nobody's comes last.
pub(crate) fn first_usable(all: &[Usable]) -> Option<&Usable> {
    all.iter().find(|one| one.ended.is_none())
}

impl Service {
    /// What a user may import with: their own connections, then what belongs to the service.
    /// Imports that name no credential are run with the latter, whoever asks for them, so
    /// members lose and gain nothing by naming it.
    pub(crate) async fn usable_credentials(
        &self,
        user: UserId,
    ) -> Result<Vec<Usable>, DatabaseError> {
        let owner = user.to_string();
        let records = self.archive.credentials().await?;
        let of = |whose: Whose, owner: Option<&str>| {
            let records = records.iter();
            records
                .filter(|record| record.owner.as_deref() == owner)
                .map(|record| Usable::kept(record, whose))
                .collect::<Vec<_>>()
        };
        let mut all = of(Whose::Own, Some(&owner));
        let configured = self.asking.credential();
        let is_anonymous = configured.is_anonymous();
        let configured = Usable {
            which: Which::Configured,
            whose: if is_anonymous {
                Whose::Nobody
            } else {
                Whose::Service
            },
            label: if is_anonymous {
                "No credential: public repositories".to_owned()
            } else {
                "The configuration of this service".to_owned()
            },
            workspace: None,
            ended: None,
        };
        let kept = of(Whose::Service, None);
        if is_anonymous {
            all.extend(kept);
            all.push(configured);
        } else {
            all.push(configured);
            all.extend(kept);
        }
        Ok(all)
    }

    /// One of them. That of somebody else is none.
    pub(crate) async fn usable_credential(
        &self,
        user: UserId,
        which: Which,
    ) -> Result<Option<Usable>, DatabaseError> {
        let mut all = self.usable_credentials(user).await?.into_iter();
        Ok(all.find(|one| one.which == which))
    }

    /// What asks Bitbucket with it.
    pub(crate) async fn client_with(&self, credential: &Usable) -> Result<Client, Trouble> {
        let Which::Kept(id) = credential.which else {
            return Ok(self.asking.clone());
        };
        let gone = || Trouble::gone(&credential.label);
        let record = self.archive.credential(id).await?.ok_or_else(gone)?;
        let client = self.clients.of(&record).await;
        client.map_err(|error| Trouble::of_client(&error))
    }
}
