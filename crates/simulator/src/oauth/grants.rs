//! Codes, tokens and the consent behind them.

use super::consumer::OAuthConsumer;
use super::options::OAuthOptions;
use super::secrets::Secrets;
use crate::credentials::{Credential, CredentialKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// That a person let a consumer in; it lives as long as its refresh tokens are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthGrant {
    /// Counted from 1.
    pub id: u64,
    /// The consumer.
    pub client_id: String,
    /// UUID of the person.
    pub user: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// How often its refresh tokens were used.
    pub refreshes: u64,
}

/// What consent gave, until a code is exchanged for it.
#[derive(Debug, Clone)]
pub(crate) struct Consent {
    pub(crate) client_id: String,
    pub(crate) user: String,
    /// The workspaces of the person.
    pub(crate) workspaces: Vec<String>,
    pub(crate) scopes: Vec<String>,
    /// As the request had it; without one the exchange needs none.
    pub(crate) redirect_uri: Option<String>,
    /// S256.
    pub(crate) code_challenge: Option<String>,
}

#[derive(Debug)]
struct Held {
    grant: OAuthGrant,
    /// The refresh token that was given last.
    newest: String,
    workspaces: Vec<String>,
}

#[derive(Debug)]
struct AccessToken {
    /// None for client credentials.
    grant: Option<u64>,
    credential: Credential,
    dies: Instant,
}

#[derive(Debug)]
struct RefreshToken {
    grant: u64,
    /// Three months after it was made, ten minutes after it was replaced.
    dies: Instant,
}

/// A pair of tokens, or one.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scopes: Vec<String>,
}

/// Every code and token that is out.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    secrets: Secrets,
    codes: HashMap<String, (Consent, Instant)>,
    held: BTreeMap<u64, Held>,
    access: HashMap<String, AccessToken>,
    refresh: HashMap<String, RefreshToken>,
    made: u64,
}

/// Nobody waits for longer than this; it keeps times from overflowing.
const LONGEST: u64 = 100 * 365 * 86_400;

fn after(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds.min(LONGEST))
}

impl Grants {
    pub(crate) fn code(
        &mut self,
        consent: Consent,
        options: &OAuthOptions,
        now: Instant,
    ) -> String {
        let code = self.secrets.code(18);
        let dies = after(now, options.code_seconds);
        self.codes.insert(code.clone(), (consent, dies));
        code
    }

    /// Takes a code: whatever becomes of the exchange, it is worth nothing afterwards.
    pub(crate) fn take(&mut self, code: &str, now: Instant) -> Option<Consent> {
        let (consent, dies) = self.codes.remove(code)?;
        (now < dies).then_some(consent)
    }

    /// A new grant with its first pair of tokens.
    pub(crate) fn begin(
        &mut self,
        consent: Consent,
        options: &OAuthOptions,
        now: Instant,
    ) -> Issued {
        self.made += 1;
        let grant = OAuthGrant {
            id: self.made,
            client_id: consent.client_id,
            user: consent.user,
            scopes: consent.scopes,
            refreshes: 0,
        };
        let scopes = grant.scopes.clone();
        let held = Held {
            grant,
            newest: String::new(),
            workspaces: consent.workspaces,
        };
        self.held.insert(self.made, held);
        self.issue(self.made, scopes, options, now)
    }

    /// The grant of a refresh token that still works.
    pub(crate) fn of_refresh_token(&self, token: &str, now: Instant) -> Option<&OAuthGrant> {
        let refresh = self.refresh.get(token).filter(|token| now < token.dies)?;
        self.held.get(&refresh.grant).map(|held| &held.grant)
    }

    /// Rotates: a new pair, and the refresh token that was the newest has only its grace left.
    ///
    /// An old token in its grace rotates too, so that a client that lost the reply can ask again.
    /// But a grant has one newest token: of two clients that refresh at once, the one that was
    /// answered first holds a token that dies with the grace, and its session with it.
    pub(crate) fn refresh(
        &mut self,
        token: &str,
        scopes: Vec<String>,
        options: &OAuthOptions,
        now: Instant,
    ) -> Option<Issued> {
        let grant = self.refresh.get(token)?.grant;
        let held = self.held.get_mut(&grant)?;
        held.grant.refreshes += 1;
        if let Some(newest) = self.refresh.get_mut(&held.newest) {
            newest.dies = newest.dies.min(after(now, options.refresh_grace_seconds));
        }
        Some(self.issue(grant, scopes, options, now))
    }

    fn issue(
        &mut self,
        grant: u64,
        scopes: Vec<String>,
        options: &OAuthOptions,
        now: Instant,
    ) -> Issued {
        let refresh_token = self.secrets.token(options.token_characters);
        let mut credential = Credential::new("", CredentialKind::OAuth);
        if let Some(held) = self.held.get_mut(&grant) {
            held.newest.clone_from(&refresh_token);
            credential.user = Some(held.grant.user.clone());
            credential.consumer = Some(held.grant.client_id.clone());
            credential.visible = Some(held.workspaces.clone());
        }
        let dies = after(now, options.idle_seconds);
        self.refresh
            .insert(refresh_token.clone(), RefreshToken { grant, dies });
        credential.scopes.clone_from(&scopes);
        Issued {
            access_token: self.access_token(credential, Some(grant), options, now),
            refresh_token: Some(refresh_token),
            scopes,
        }
    }

    /// Client credentials: no person, no refresh token.
    pub(crate) fn app_user(
        &mut self,
        consumer: &OAuthConsumer,
        scopes: Vec<String>,
        options: &OAuthOptions,
        now: Instant,
    ) -> Issued {
        let mut credential = Credential::new("", CredentialKind::OAuth);
        credential.consumer = Some(consumer.client_id.clone());
        credential.scopes.clone_from(&scopes);
        Issued {
            access_token: self.access_token(credential, None, options, now),
            refresh_token: None,
            scopes,
        }
    }

    fn access_token(
        &mut self,
        mut credential: Credential,
        grant: Option<u64>,
        options: &OAuthOptions,
        now: Instant,
    ) -> String {
        let token = self.secrets.token(options.token_characters);
        credential.token.clone_from(&token);
        self.access.retain(|_, known| now < known.dies);
        self.refresh.retain(|_, known| now < known.dies);
        let dies = after(now, options.access_token_seconds);
        let known = AccessToken {
            grant,
            credential,
            dies,
        };
        self.access.insert(token.clone(), known);
        token
    }

    /// The credential of an access token that still works.
    pub(crate) fn credential(&self, token: &str, now: Instant) -> Option<&Credential> {
        let known = self.access.get(token).filter(|known| now < known.dies)?;
        Some(&known.credential)
    }

    pub(crate) fn list(&self) -> Vec<OAuthGrant> {
        self.held.values().map(|held| held.grant.clone()).collect()
    }

    /// Takes consent back: all tokens of the grant are dead at once. False: there is none.
    pub(crate) fn revoke(&mut self, id: u64) -> bool {
        self.access.retain(|_, known| known.grant != Some(id));
        self.refresh.retain(|_, known| known.grant != id);
        self.held.remove(&id).is_some()
    }

    /// Access tokens die before their time; refresh tokens live on.
    pub(crate) fn expire_access_tokens(&mut self) {
        self.access.clear();
    }
}
