//! A grant in use: it is renewed before it ends, once, whoever uses it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bucketload_model::{Clock, CredentialId, ErrorClass};
use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::OwnedMutexGuard;

use crate::credential::fingerprint;
use crate::oauth::{OAuthClient, TokenError, TokenErrorClass};
use crate::{Credential, GrantKeeper, KeeperError, KeptGrant, Lease, Signed};

/// A token is renewed so long before its end, or at half its life if that is
/// shorter: no request is under way for longer, but a large clone.
const LONGEST_MARGIN: chrono::Duration = chrono::Duration::minutes(5);

/// A renewal takes at most the 30 seconds of its request and a commit. If its
/// process died, others wait for the rest of this.
const LEASE: chrono::Duration = chrono::Duration::seconds(45);

/// Pause before it is looked again whether another process has renewed the grant.
const LEASE_PAUSE: Duration = Duration::from_millis(200);

/// While the old token lives, a renewal that failed is tried again after so long;
/// each further time after twice as long.
const FIRST_PAUSE: chrono::Duration = chrono::Duration::seconds(5);
const LONGEST_PAUSE: chrono::Duration = chrono::Duration::minutes(1);

/// A grant in use. Cheap to clone; all clones share its token.
#[derive(Debug, Clone)]
pub struct GrantSession(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: CredentialId,
    label: String,
    keeper: Arc<dyn GrantKeeper>,
    client: OAuthClient,
    clock: Arc<dyn Clock>,
    /// Who this is to other processes.
    holder: String,
    held: Mutex<Held>,
    /// Held by whoever renews, in this process.
    renewing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Held {
    grant: Option<KeptGrant>,
    /// When to try again, after renewals that failed.
    not_before: Option<DateTime<Utc>>,
    pause: Option<chrono::Duration>,
}

/// There is no token to sign a request with.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The grant is dead: used elsewhere, revoked, or idle for three months.
    #[error("the sign-in with Bitbucket has ended: {reason}")]
    SignInAgain {
        /// Why.
        reason: String,
    },
    /// Bitbucket refused the OAuth consumer.
    #[error("the sign-in with Bitbucket cannot be renewed")]
    Refused(#[source] TokenError),
    /// Bitbucket cannot be asked just now.
    #[error("the sign-in with Bitbucket cannot be renewed just now")]
    Unavailable(#[source] TokenError),
    /// What answered is not Bitbucket's token page.
    #[error("the sign-in with Bitbucket cannot be renewed")]
    Unreadable(#[source] TokenError),
    /// It cannot be read or stored.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The task that renewed it ended before its time.
    #[error("the renewal of the sign-in broke off")]
    Lost,
}

impl GrantError {
    /// What to do about it.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::SignInAgain { .. } | Self::Refused(_) | Self::Keeper(KeeperError::Removed) => {
                ErrorClass::Unauthorized
            }
            Self::Unavailable(_) => ErrorClass::Transient,
            Self::Unreadable(_) | Self::Keeper(_) | Self::Lost => ErrorClass::Permanent,
        }
    }
}

impl From<TokenError> for GrantError {
    fn from(error: TokenError) -> Self {
        match error.class() {
            TokenErrorClass::DeadGrant => Self::SignInAgain {
                reason: "Bitbucket does not know its refresh token any more".to_owned(),
            },
            TokenErrorClass::ConsumerRefused => Self::Refused(error),
            TokenErrorClass::Transient => Self::Unavailable(error),
            TokenErrorClass::Unreadable => Self::Unreadable(error),
        }
    }
}

/// What a renewal is to bring.
#[derive(Debug, Clone, Copy)]
enum Wish {
    /// A token that will not end soon; one that lives will do meanwhile.
    Fresh,
    /// Another token than that of this revision.
    NewerThan(u64),
}

impl Wish {
    fn is_met(self, grant: &KeptGrant, now: DateTime<Utc>) -> bool {
        grant.dead_because.is_none()
            && match self {
                Self::Fresh => now < renew_at(grant),
                Self::NewerThan(revision) => {
                    grant.revision > revision && now < grant.tokens.expires_at
                }
            }
    }

    /// Whether this token will do, while there is no better one.
    fn bears(self, grant: &KeptGrant, now: DateTime<Utc>) -> bool {
        matches!(self, Self::Fresh) && grant.dead_because.is_none() && now < grant.tokens.expires_at
    }
}

fn renew_at(grant: &KeptGrant) -> DateTime<Utc> {
    let life = grant.tokens.expires_at - grant.renewed_at;
    grant.tokens.expires_at - LONGEST_MARGIN.min(life / 2)
}

impl GrantSession {
    /// Uses a grant. `label` is what people call it.
    pub fn new(
        id: CredentialId,
        label: impl Into<String>,
        keeper: Arc<dyn GrantKeeper>,
        client: OAuthClient,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            id,
            label: label.into(),
            keeper,
            client,
            clock,
            holder: holder(),
            held: Mutex::default(),
            renewing: Arc::default(),
        }))
    }

    /// Its id.
    pub fn id(&self) -> CredentialId {
        self.0.id
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// The name of its rate bucket: its consumer's.
    pub fn bucket(&self) -> String {
        self.0.client.consumer().bucket()
    }

    /// The token for a request that is sent now.
    ///
    /// # Errors
    ///
    /// When it cannot be renewed, and the old one has ended.
    pub async fn current(&self) -> Result<Signed, GrantError> {
        let inner = &self.0;
        if let Some(signed) = inner.held(Wish::Fresh) {
            return Ok(signed);
        }
        let renewing = match inner.renewing.clone().try_lock_owned() {
            Ok(renewing) => renewing,
            // Somebody is at it already: nobody waits while the old one lives.
            Err(_) => match inner.living() {
                Some(signed) => return Ok(signed),
                None => inner.renewing.clone().lock_owned().await,
            },
        };
        self.renewed(renewing, Wish::Fresh).await
    }

    /// Another token after Bitbucket refused this one: clocks differ, and grants
    /// are revoked.
    ///
    /// # Errors
    ///
    /// When it cannot be renewed.
    pub async fn after_refusal(&self, refused: &Signed) -> Result<Signed, GrantError> {
        let renewing = self.0.renewing.clone().lock_owned().await;
        self.renewed(renewing, Wish::NewerThan(refused.revision))
            .await
    }

    /// Waits until no renewal is under way.
    pub async fn settle(&self) {
        let _ = self.0.renewing.lock().await;
    }

    /// The renewal is a task of its own: whoever asked may give up, but a refresh
    /// token that Bitbucket gave is kept.
    async fn renewed(
        &self,
        renewing: OwnedMutexGuard<()>,
        wish: Wish,
    ) -> Result<Signed, GrantError> {
        let inner = Arc::clone(&self.0);
        if let Some(signed) = inner.held(wish) {
            return Ok(signed);
        }
        let task = tokio::spawn(async move {
            let _renewing = renewing;
            inner.renew(wish).await
        });
        task.await.map_err(|_| GrantError::Lost)?
    }
}

impl Inner {
    /// The token at hand, if it is what is wished for, or trying to get a better
    /// one has to wait.
    fn held(&self, wish: Wish) -> Option<Signed> {
        let now = self.clock.now();
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = held.grant.as_ref()?;
        let must_wait = held.not_before.is_some_and(|time| now < time);
        let will_do = wish.is_met(grant, now) || (must_wait && wish.bears(grant, now));
        will_do.then(|| signed(grant))
    }

    /// The token at hand while it lives.
    fn living(&self) -> Option<Signed> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = held.grant.as_ref()?;
        let lives = Wish::Fresh.bears(grant, self.clock.now());
        lives.then(|| signed(grant))
    }

    /// Takes what was brought, or what there is until a renewal succeeds.
    fn hold(&self, grant: KeptGrant, is_renewed: bool) -> Signed {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let signed = signed(&grant);
        held.grant = Some(grant);
        if is_renewed {
            held.not_before = None;
            held.pause = None;
        } else {
            let pause = held.pause.unwrap_or(FIRST_PAUSE);
            held.not_before = Some(self.clock.now() + pause);
            held.pause = Some((pause * 2).min(LONGEST_PAUSE));
        }
        signed
    }

    async fn renew(&self, wish: Wish) -> Result<Signed, GrantError> {
        loop {
            // Another process may have been quicker.
            let grant = self.keeper.grant(self.id).await?;
            let now = self.clock.now();
            if wish.is_met(&grant, now) {
                return Ok(self.hold(grant, true));
            }
            if let Some(reason) = grant.dead_because {
                return Err(GrantError::SignInAgain { reason });
            }
            if grant.tokens.refresh_token.is_none() {
                return self.make_do(wish, grant, || GrantError::SignInAgain {
                    reason: "it cannot be renewed, and its token has ended".to_owned(),
                });
            }
            let lease = Lease {
                holder: self.holder.clone(),
                until: now + LEASE,
            };
            let taken = self
                .keeper
                .take_lease(self.id, grant.revision, &lease, now)
                .await?;
            if taken {
                if let Some(signed) = self.exchange(wish, grant).await? {
                    return Ok(signed);
                }
            } else if wish.bears(&grant, now) {
                return Ok(self.hold(grant, false));
            } else {
                tokio::time::sleep(LEASE_PAUSE).await;
            }
        }
    }

    /// Exchanges the refresh token, with the lease in hand. None: somebody else has
    /// done so after all, and the grant is to be read again.
    async fn exchange(&self, wish: Wish, grant: KeptGrant) -> Result<Option<Signed>, GrantError> {
        let Some(refresh_token) = &grant.tokens.refresh_token else {
            return Ok(None);
        };
        let error = match self.client.refresh(refresh_token).await {
            Ok(mut tokens) => {
                // RFC 6749, section 6: what is not said stays as it was.
                if tokens.refresh_token.is_none() {
                    tokens.refresh_token.clone_from(&grant.tokens.refresh_token);
                }
                if tokens.scopes.is_empty() {
                    tokens.scopes.clone_from(&grant.tokens.scopes);
                }
                let now = self.clock.now();
                let renewed = self
                    .keeper
                    .renew(self.id, grant.revision, &tokens, now)
                    .await?;
                tracing::info!(
                    credential.id = %self.id,
                    revision = renewed.revision,
                    expires_at = %renewed.tokens.expires_at,
                    "the sign-in with Bitbucket was renewed"
                );
                return Ok(Some(self.hold(renewed, true)));
            }
            Err(error) => error,
        };
        let error = GrantError::from(error);
        if let GrantError::SignInAgain { reason } = &error {
            let is_dead = self.keeper.bury(self.id, grant.revision, reason).await?;
            return if is_dead { Err(error) } else { Ok(None) };
        }
        self.keeper.end_lease(self.id, &self.holder).await?;
        let problem = error.token_error().map(ToString::to_string);
        tracing::warn!(
            credential.id = %self.id,
            problem,
            "the sign-in with Bitbucket was not renewed"
        );
        self.make_do(wish, grant, || error).map(Some)
    }

    /// Goes on with the old token while it lives.
    fn make_do(
        &self,
        wish: Wish,
        grant: KeptGrant,
        error: impl FnOnce() -> GrantError,
    ) -> Result<Signed, GrantError> {
        if wish.bears(&grant, self.clock.now()) {
            Ok(self.hold(grant, false))
        } else {
            Err(error())
        }
    }
}

fn signed(grant: &KeptGrant) -> Signed {
    Signed {
        credential: Credential::AccessToken(grant.tokens.access_token.clone()),
        revision: grant.revision,
        expires_at: Some(grant.tokens.expires_at),
    }
}

/// A name that no other process and no other session has.
fn holder() -> String {
    let mut random = [0; 16];
    // Without random numbers there is no TLS either, and nothing to renew.
    let _ = SystemRandom::new().fill(&mut random);
    format!(
        "{}-{}",
        std::process::id(),
        fingerprint(&format!("{random:?}"))
    )
}
